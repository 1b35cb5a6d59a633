# SPDX-License-Identifier: MIT
"""The login path poisoned, through the real setuid ``su`` and ``sudo``, as a user without rights.

Whatever they set, a refused face stays refused, a face that is let in stays let in or is refused,
the password works, and nothing of theirs is loaded.
"""

import re
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.harness.data import ROOT
from tests.pam_module.conftest import loader  # noqa: F401 - a fixture
from tests.pam_module.fake_bus import FakeBus
from tests.security.poison import Poison
from tests.security.scratch_root import ScratchRoot, can_make_namespaces

pytestmark = pytest.mark.skipif(
    not can_make_namespaces(), reason="needs root, and the right to make mount namespaces"
)

PROGRAMS = {
    "su": ["/usr/bin/su", "root", "-c", "/usr/bin/id -un"],
    "sudo": ["/usr/bin/sudo", "-k", "-S", "-p", "", "/usr/bin/id", "-un"],
}
IN, OUT = "root\n", ""
# What the module's process may open, and nothing else.
ALLOWED = re.compile(
    r"/usr/lib/python3[\d.]*(zip|/.*)?|/(usr/)?lib/[\w-]+/lib[\w.-]+\.so[\d.]*|/dev/null"
    r"|/etc/(ld\.so\.cache|passwd|nsswitch\.conf|localtime|locale\.conf|default/locale)"
    r"|/usr/lib/locale/.*|/usr/lib/[\w-]+/gconv/gconv-modules\.cache|/usr/share/locale/locale\.alias"
    rf"|/(run/systemd/userdb/)?|{re.escape(str(ROOT))}(/pam_module(/[\w./-]+)?)?"
)


@pytest.fixture
def folder() -> Iterator[Path]:
    with tempfile.TemporaryDirectory() as name:  # tmp_path is root's alone
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture
def poison(folder: Path) -> Poison:
    return Poison(folder / "evil")


@pytest.fixture(params=["match", "no-match"])
def verdict(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def face(verdict: str) -> str:
    """What the program prints by the face alone."""
    return IN if verdict == "match" else OUT


@pytest.fixture
def bus(verdict: str, folder: Path) -> Iterator[FakeBus]:
    """The system's bus, with a daemon that gives this verdict."""
    honest = FakeBus(folder / "system-bus", verify=verdict)
    yield honest
    honest.close()


@pytest.fixture
def evil_bus(poison: Poison) -> Iterator[FakeBus]:
    """A bus of the attacker's, whose daemon lets everybody in."""
    false = FakeBus(poison.bus_address, verify="match")
    yield false
    false.close()


@pytest.fixture(scope="module")
def machine(loader: None, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ScratchRoot]:  # noqa: F811
    with ScratchRoot(tmp_path_factory.mktemp("machine")) as machine:
        yield machine


@pytest.fixture
def root(machine: ScratchRoot, bus: FakeBus) -> ScratchRoot:
    machine.set_bus(bus.address.removeprefix("unix:path="))
    return machine


@pytest.fixture(params=PROGRAMS)
def program(request: pytest.FixtureRequest) -> list[str]:
    command = PROGRAMS[request.param]
    if not shutil.which(command[0]):
        pytest.skip(f"needs {command[0]}")
    return command


def test_the_traps_are_good(poison: Poison) -> None:
    """So that the other tests can fail."""
    assert all(poison.springs_by_itself())


def test_a_poisoned_environment_changes_nothing(
    root: ScratchRoot,
    bus: FakeBus,
    face: str,
    poison: Poison,
    evil_bus: FakeBus,
    program: list[str],
) -> None:
    done = root.run(program, environment=poison.environment(), folder=poison.folder)
    assert done.stdout == face, done
    assert "Traceback" not in done.stderr
    assert "Verify" in bus.members
    assert evil_bus.calls == []
    assert poison.sprung() == []


def test_the_module_opens_no_other_file(
    root: ScratchRoot, face: str, poison: Poison, folder: Path, program: list[str]
) -> None:
    strace, traces = shutil.which("strace"), folder / "traces"
    if not strace:
        pytest.skip("needs strace")
    traces.mkdir()
    done = root.run(
        program,
        environment=poison.environment(),
        folder=poison.folder,
        wrapper=[strace, "-ff", "-qq", "-e", "trace=file,connect", "-o", str(traces / "of")],
    )
    assert done.stdout == face, done
    opened = files_of_the_module(traces)
    assert any(path.endswith("pam_module/bus_client.py") for path in opened)
    assert [path for path in opened if not ALLOWED.fullmatch(path)] == []


def files_of_the_module(traces: Path) -> set[str]:
    """What the process that became python3 has opened or run since."""
    (trace,) = (t for t in traces.iterdir() if 'execve("/usr/bin/python3"' in t.read_text())
    mine = trace.read_text().partition('execve("/usr/bin/python3"')[2]
    assert '/run/dbus/system_bus_socket"}' in mine  # so it is the right process
    return set(re.findall(r'(?:openat\(AT_FDCWD, |execve\()"([^"]*)".* = \d', mine))


@pytest.mark.parametrize("typed", ["secret", "wrong"])
def test_the_password_works_all_the_same(
    root: ScratchRoot, face: str, poison: Poison, program: list[str], typed: str
) -> None:
    done = root.run(program, environment=poison.environment(), typed=f"{typed}\n")
    assert done.stdout == (IN if typed == "secret" else face), done


# Limits and signals that the caller hands on; each line is of prlimit(1), env(1) or a shell.
HARDSHIPS = {
    "few descriptors": ["prlimit", "--nofile=6"],
    "no descriptors": ["prlimit", "--nofile=3"],
    "no processes": ["prlimit", "--nproc=0"],
    "little memory": ["prlimit", "--as=30000000"],
    "no file may grow": ["prlimit", "--fsize=0"],
    "a small stack": ["prlimit", "--stack=65536"],
    "no locked memory": ["prlimit", "--memlock=0"],
    "signals ignored": ["env", "--ignore-signal"],
    "signals blocked": ["env", "--block-signal"],
    "children ignored": ["env", "--ignore-signal=CHLD"],
    "stdio closed": ["sh", "-c", 'exec "$@" 0<&- 2>&-', "sh"],
    "descriptors open": ["sh", "-c", 'exec 5</etc/passwd 7</dev/zero 9<.; exec "$@"', "sh"],
    "a folder that is gone": ["sh", "-c", 'd=$(mktemp -d); cd "$d"; rmdir "$d"; exec "$@"', "sh"],
    "no rights for new files": ["sh", "-c", 'umask 0777; exec "$@"', "sh"],
}


@pytest.mark.parametrize("verdict", ["no-match"], indirect=True)
@pytest.mark.parametrize("hardship", HARDSHIPS)
def test_hardships(root: ScratchRoot, program: list[str], hardship: str) -> None:
    """To make it fail is allowed, to be let in by that is not; and nothing hangs."""
    done = root.run([*HARDSHIPS[hardship], *program], environment={"PATH": "/usr/bin:/bin"})
    assert done.stdout == OUT, done
    assert "Traceback" not in done.stderr
