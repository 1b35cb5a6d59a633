# SPDX-License-Identifier: MIT
"""The user's language, by gettext: what $LANGUAGE, $LC_ALL, $LC_MESSAGES and $LANG ask for.

Translated is what people meet: help, hints, questions, answers. Error lines, `doctor` and --json
are English everywhere, so that they can be searched for and read by programs
(docs/decisions/0006-languages.md). A catalogue is locale/XX/LC_MESSAGES/faceauth.po; without the
.mo that is made of it, everything is English.
"""

import gettext
from gettext import gettext as _
from pathlib import Path

__all__ = ["DOMAIN", "FOLDER", "_", "later", "plural"]

DOMAIN = "faceauth"
FOLDER = Path(__file__).with_name("locale")

# For the whole process, so that click finds its words ("Usage:") in our catalogue.
gettext.bindtextdomain(DOMAIN, FOLDER)
gettext.textdomain(DOMAIN)


def later(text: str) -> str:
    """Marks a text that JSON has as it is, and that is translated, by ``_``, where it is shown."""
    return text


def plural(one: str, many: str, number: int) -> str:
    """The form that the language has for ``number``, with its ``{number}`` filled in."""
    return gettext.ngettext(one, many, number).format(number=number)
