# SPDX-License-Identifier: MIT
"""The messages in the system's language: the one that root chose, never one that a caller claims.

A caller's environment does not get this far, and must not: it would name the file to open here. A
catalogue is locale/XX/LC_MESSAGES/pam_faceauth.po; without one, or with a damaged one, the
messages are English.
"""

from __future__ import annotations

SETTINGS = ("/etc/locale.conf", "/etc/default/locale")
FOLDER = __file__.rpartition("/")[0] + "/locale"  # without os.path: bus_client.py says why
DOMAIN = "pam_faceauth"
LARGEST = 4096  # bytes of a settings file that are looked at


def translated(text: str) -> str:
    """The text in the system's language; itself where there is no translation."""
    language = system_language()
    if language in ("", "C", "POSIX", "en"):
        return text
    try:
        import gettext  # takes as long as all the rest, and most systems do without

        return gettext.translation(DOMAIN, FOLDER, [language]).gettext(text)
    except Exception:  # a catalogue can be missing or damaged in many ways, and it is only words
        return text


def system_language() -> str:
    """``de`` where root has set LANG=de_DE.UTF-8; empty where nothing is set."""
    for path in SETTINGS:
        try:
            with open(path, "rb") as file:  # noqa: PTH123 - pathlib takes as long to import again
                lines = file.read(LARGEST).decode("ascii", "replace").splitlines()
        except OSError:
            continue
        for line in lines:
            name, _, value = line.partition("=")
            if name.strip() == "LANG":
                language = value.strip().strip("\"'").partition(".")[0].partition("_")[0]
                return language if language.isascii() and language.isalpha() else ""
    return ""
