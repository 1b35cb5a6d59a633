# SPDX-License-Identifier: MIT
"""What a worker that was taken over cannot do, and which layer of its sandbox stops it."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faceauthd import landlock
from faceauthd.worker_process import ENVIRONMENT
from tests.harness.data import ROOT

PROBE = ROOT / "tests" / "security" / "probe.py"
GUARD = 120  # seconds; only a hang reaches it
HAS_LANDLOCK = pytest.mark.skipif(landlock.version() == 0, reason="needs a kernel with Landlock")

# What only one layer stops; the other one may stop it as well, on some kernels.
LANDLOCK_ALONE = {
    "read a file",
    "list a folder",
    "open a file to change it",
    "read another's memory",  # the daemon's is private; see the last test
}
SECCOMP_ALONE = {
    "change a mode",
    "connect to the bus",
    "open a network socket",
    "start a program",
    "fork",
    "limit another process",
    "make memory executable",
    "map executable memory",
    "have a file in memory",
    "enter a namespace",
    "use io_uring",
    "ask a device what is not V4L2",
}
# These depend on the kernel's version: Landlock learns, and MDWE came with Linux 6.3.
KERNEL_MAY_HELP = {"signal another process", "truncate a file", "make memory executable"}
KERNEL_MAY_HELP |= {"map executable memory"}


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "secret").write_text("the key")
    (tmp_path / "spare").write_text("")
    return tmp_path


@pytest.fixture
def victim() -> Iterator[int]:
    with subprocess.Popen(["sleep", "1000"]) as process:
        yield process.pid
        process.kill()


def tried(without: str, folder: Path, victim: int) -> dict[str, str]:
    """Each attempt, and what stopped it."""
    address = folder / "bus"
    with socket.socket(socket.AF_UNIX) as bus:
        bus.bind(str(address))
        bus.listen()
        done = subprocess.run(
            [sys.executable, str(PROBE), without, str(folder), str(address), str(victim)],
            cwd=ROOT,
            env={**ENVIRONMENT, "PYTHONPATH": str(ROOT)},
            capture_output=True,
            text=True,
            timeout=GUARD,
            check=True,
        )
    found = json.loads(done.stdout)
    assert isinstance(found, dict)
    return found


def possible(outcomes: dict[str, str]) -> set[str]:
    return {attempt for attempt, stopped in outcomes.items() if not stopped}


def test_without_a_sandbox_all_of_it_works(folder: Path, victim: int) -> None:
    """So that the other tests can fail."""
    missing = {name: why for name, why in tried("all", folder, victim).items() if why}
    # A machine may be closed in these by itself.
    assert missing.keys() <= {"enter a namespace", "use io_uring", "trace another process"}, missing


@HAS_LANDLOCK
def test_nothing_of_it_works_in_the_workers_sandbox(folder: Path, victim: int) -> None:
    assert possible(tried("-", folder, victim)) == set()
    assert (folder / "secret").read_text() == "the key"


def test_what_seccomp_stops_where_a_kernel_has_no_landlock(folder: Path, victim: int) -> None:
    left = possible(tried("landlock", folder, victim))
    assert left <= LANDLOCK_ALONE
    assert "read a file" in left  # docs/sandbox.md says so


@HAS_LANDLOCK
def test_what_landlock_stops_alone(folder: Path, victim: int) -> None:
    left = possible(tried("seccomp", folder, victim))
    assert left <= SECCOMP_ALONE | KERNEL_MAY_HELP


def test_executable_memory_is_seccomps_business_before_linux_6_3(folder: Path, victim: int) -> None:
    without_mdwe = tried("mdwe", folder, victim)
    assert without_mdwe["make memory executable"]
    assert without_mdwe["map executable memory"]


CONFINED = """
import os, sys, threading
from faceauthd.confinement import ConfinementError, confine
started = threading.Event()
if sys.argv[1] == "threads":
    threading.Thread(target=started.wait, daemon=True).start()
if sys.argv[1] == "no-library":
    from faceauthd import seccomp
    seccomp._LIBRARY = "libnowhere.so.9"
try:
    confine(os.getppid(), [])
except ConfinementError as error:
    os.write(1, str(error).encode())
"""


@pytest.mark.parametrize(
    ("fault", "text"),
    [
        ("threads", "threads were started before it was confined"),
        ("no-library", "libnowhere.so.9: is not installed"),
        ("-", ""),
    ],
)
def test_who_cannot_be_confined_is_told(fault: str, text: str) -> None:
    done = subprocess.run(
        [sys.executable, "-c", CONFINED, fault],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert (done.returncode, done.stdout) == (0, text)


PRIVATE = """
import os
from faceauthd.confinement import keep_memory_private
keep_memory_private()
os.write(1, b"x")
os.read(0, 1)
"""


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root: to be another process of some user")
def test_the_daemons_memory_is_its_own() -> None:
    """For a process of the same user, as the worker is, without any sandbox of its own."""
    daemon = subprocess.Popen(
        ["setpriv", "--reuid=65534", "--clear-groups", sys.executable, "-c", PRIVATE],
        cwd=ROOT,
        env=ENVIRONMENT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    with daemon:
        assert daemon.stdout is not None
        assert daemon.stdout.read(1) == b"x"
        looked = [
            subprocess.run(
                ["setpriv", "--reuid=65534", "--clear-groups", "cat", f"/proc/{daemon.pid}/{what}"],
                capture_output=True,
                text=True,
                check=False,
            )
            for what in ("maps", "environ")
        ]
        assert all("Permission denied" in done.stderr for done in looked), looked
        daemon.kill()


def test_a_process_that_keeps_its_memory_private_leaves_no_core() -> None:
    """PR_GET_DUMPABLE and the limit, seen from inside."""
    code = (
        "import ctypes, resource; from faceauthd.confinement import keep_memory_private as keep;"
        "keep(); print(ctypes.CDLL(None).prctl(3), resource.getrlimit(resource.RLIMIT_CORE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert done.stdout == "0 (0, 0)\n"


NEEDED = """
import errno, fcntl, mmap, os, threading
from pathlib import Path
from faceauthd.camera import ioctls
from faceauthd.confinement import confine
confine(os.getppid(), [])
camera = os.open("/dev/null", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
try:
    fcntl.ioctl(camera, ioctls.QUERYCAP, bytes(104))
except OSError as error:
    assert error.errno == errno.ENOTTY, error  # the device's own answer: it is no camera
zero = os.open("/dev/zero", os.O_RDWR)
mmap.mmap(zero, mmap.PAGESIZE, mmap.MAP_SHARED, mmap.PROT_READ | mmap.PROT_WRITE)[0] = 1
thread = threading.Thread(target=os.listdir, args=("/sys/class",))
thread.start()
thread.join()
import cv2, dlib
print("done")
"""


def test_what_a_scan_needs_still_works() -> None:
    """A device is opened, asked by V4L2's ioctls and mapped; threads; the heavy libraries load."""
    done = subprocess.run(
        [sys.executable, "-c", NEEDED],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        timeout=GUARD,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("done\n", "")


def test_fewer_descriptors_than_it_would_allow_are_no_hindrance() -> None:
    code = (
        "import os, resource; from faceauthd.confinement import confine;"
        "resource.setrlimit(resource.RLIMIT_NOFILE, (100, 100)); confine(os.getppid(), []);"
        "print(resource.getrlimit(resource.RLIMIT_NOFILE))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        env=ENVIRONMENT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.stdout, done.stderr) == ("(100, 100)\n", "")
