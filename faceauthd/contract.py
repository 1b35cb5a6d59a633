# SPDX-License-Identifier: MIT
"""The D-Bus contract as the file beside this one states it: read once, served and documented.

GDBus serves the prose as well, since each ``<doc:doc>`` becomes an annotation that it knows:
``gdbus introspect --xml`` shows what every member is for.
"""

import re
from pathlib import Path

FILE = Path(__file__).with_name("org.faceauth.FaceAuth1.xml")
_PROSE = re.compile(r"<doc:doc>(.*?)</doc:doc>", re.DOTALL)


def introspection_xml() -> str:
    """The contract with its prose as ``org.gtk.GDBus.DocString`` annotations."""
    return _PROSE.sub(_annotation, FILE.read_text(encoding="utf-8"))


def _annotation(prose: re.Match[str]) -> str:
    text = " ".join(prose[1].split()).replace('"', "&quot;")
    return f'<annotation name="org.gtk.GDBus.DocString" value="{text}"/>'
