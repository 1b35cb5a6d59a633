# SPDX-License-Identifier: MIT
"""Everything around a process that a local user can set before it becomes root, set to evil.

``Poison`` makes a folder of traps: whoever loads something of it leaves a mark. ``environment``
points every variable there that the dynamic linker, the C library, Python, D-Bus, locales, XDG,
OpenSSL, GLib or our own programs are known to read.
"""

import subprocess
import sys
from pathlib import Path

PYTHON = (
    *("PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "PYTHONUSERBASE", "PYTHONPLATLIBDIR"),
    *("PYTHONPYCACHEPREFIX", "PYTHONEXECUTABLE", "PYTHONBREAKPOINT", "PYTHONWARNINGS"),
    *("__PYVENV_LAUNCHER__", "VIRTUAL_ENV", "PYTHONCASEOK", "PYTHONMALLOC", "PYTHONHASHSEED"),
)
SWITCHES = (  # numbers, of Python and of the C library
    *("PYTHONINSPECT", "PYTHONDEBUG", "PYTHONVERBOSE", "PYTHONOPTIMIZE", "PYTHONUTF8"),
    *("PYTHONTRACEMALLOC", "PYTHONFAULTHANDLER", "PYTHONDEVMODE", "PYTHONPROFILEIMPORTTIME"),
    *("PYTHONDUMPREFS", "PYTHONASYNCIODEBUG", "PYTHONUNBUFFERED", "PYTHONNODEBUGRANGES"),
    *("MALLOC_CHECK_", "MALLOC_PERTURB_", "MALLOC_ARENA_MAX", "LD_BIND_NOW", "LD_SHOW_AUXV"),
    *("DBUS_VERBOSE", "DBUS_FATAL_WARNINGS", "XDG_SESSION_ID"),
)
LINKER = ("LD_PRELOAD", "LD_AUDIT")  # a library
FOLDERS = (
    *("LD_LIBRARY_PATH", "LD_ORIGIN_PATH", "LD_PROFILE_OUTPUT", "LD_DEBUG_OUTPUT", "GCONV_PATH"),
    *("GETCONF_DIR", "LOCPATH", "NLSPATH", "TZDIR", "TMPDIR", "MALLOC_TRACE", "HOSTALIASES"),
    *("RESOLV_HOST_CONF", "NIS_PATH", "TERMINFO", "HOME", "PATH", "PWD", "OLDPWD"),
    *("XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_RUNTIME_DIR"),
    *("XDG_CONFIG_DIRS", "XDG_DATA_DIRS", "DBUS_COOKIE_SHA1_KEYRING_DIR", "GI_TYPELIB_PATH"),
    *("GIO_EXTRA_MODULES", "GSETTINGS_SCHEMA_DIR", "OPENSSL_MODULES", "OPENSSL_ENGINES"),
    *("SSL_CERT_DIR", "STATE_DIRECTORY", "CONFIGURATION_DIRECTORY", "CREDENTIALS_DIRECTORY"),
)
FILES = ("OPENSSL_CONF", "SSL_CERT_FILE", "FACEAUTH_CONFIG", "TERMCAP", "PYTHONSTARTUP")
BUSES = ("DBUS_SYSTEM_BUS_ADDRESS", "DBUS_SESSION_BUS_ADDRESS", "DBUS_STARTER_ADDRESS")
WORDS = {
    "GLIBC_TUNABLES": "glibc.malloc.check=3:glibc.rtld.nns=1",
    "LD_DEBUG": "all",
    "LD_HWCAP_MASK": "0",
    "LD_ASSUME_KERNEL": "2.4.1",
    "LANG": "../../evil",
    "LC_ALL": "../../evil",
    "LC_CTYPE": "../../evil",
    "LC_MESSAGES": "../../evil",
    "LANGUAGE": "../../evil",
    "CHARSET": "evil",
    "OUTPUT_CHARSET": "evil",
    "PYTHONIOENCODING": "evil:evil",
    "PYTHONCOERCECLOCALE": "warn",
    "TZ": ":/evil",
    "LOCALDOMAIN": "evil",
    "RES_OPTIONS": "debug",
    "IFS": "/",
    "G_DEBUG": "fatal-warnings",
    "G_MESSAGES_DEBUG": "all",
    "DBUS_STARTER_BUS_TYPE": "session",
    "XDG_SEAT": "seat9",
    "DISPLAY": ":66",
    "SSH_CONNECTION": "",
    "SUDO_USER": "root",
    "USER": "root",
    "LOGNAME": "root",
}
MODULES = (
    *("os", "sys", "time", "pwd", "_socket", "socket", "struct", "site", "sitecustomize"),
    *("usercustomize", "selectors", "enum", "__future__", "types", "genericpath"),
)
OURS = (
    "__init__",
    "pam_faceauth",
    "attempt",
    "arguments",
    "bus_client",
    "dbus_wire",
    "hosts",
    "contract",
)
TRAP = "open({mark!r}, 'a').write(__name__ + '\\n')\nraise SystemExit(0)\n"
LIBRARY = """
#include <fcntl.h>
#include <unistd.h>
__attribute__((constructor)) static void spring(void)
{{
	int mark = open("{mark}", O_WRONLY | O_APPEND);
	if (write(mark, "library\\n", 8) < 8)
		_exit(99);
}}
unsigned la_version(unsigned version) {{ spring(); return version; }}
"""


class Poison:
    """A folder of traps, in which everybody may write."""

    def __init__(self, folder: Path) -> None:
        self.folder, self._mark = folder, folder / "sprung"
        (folder / "pam_module").mkdir(parents=True)
        trap = TRAP.format(mark=str(self._mark))
        for name in MODULES:
            (folder / f"{name}.py").write_text(trap)
        for name in OURS:
            (folder / "pam_module" / f"{name}.py").write_text(trap)
        self._library = folder / "evil.so"
        subprocess.run(
            ["cc", "-shared", "-fPIC", "-o", self._library, "-xc", "-"],
            input=LIBRARY.format(mark=self._mark).encode(),
            check=True,
        )
        self._mark.touch()
        for path in (folder, self._mark):
            path.chmod(0o777)

    @property
    def bus_address(self) -> Path:
        return self.folder / "bus"

    def sprung(self) -> list[str]:
        """What was loaded of the folder since the last call."""
        found = self._mark.read_text().split()
        self._mark.write_text("")
        return found

    def environment(self) -> dict[str, str]:
        """All variables at once."""
        return {
            **dict.fromkeys(SWITCHES, "1"),
            **dict.fromkeys((*PYTHON, *FOLDERS), str(self.folder)),
            **dict.fromkeys(FILES, str(self.folder / "site.py")),
            **dict.fromkeys(LINKER, str(self._library)),
            **dict.fromkeys(BUSES, f"unix:path={self.bus_address}"),
            **WORDS,
        }

    def springs_by_itself(self) -> list[list[str]]:
        """What happens to programs that are not on their guard: an interpreter, a library."""
        marks = []
        for variable, value in (("PYTHONPATH", self.folder), ("LD_PRELOAD", self._library)):
            subprocess.run(
                [sys.executable, "-c", ""],
                env={variable: str(value)},
                capture_output=True,
                check=False,
            )
            marks.append(self.sprung())
        return marks
