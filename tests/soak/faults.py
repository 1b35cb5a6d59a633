# SPDX-License-Identifier: MIT
"""What befalls a machine: a full disk, a read-only one, clocks that jump, a bus that starts anew.

Through a real daemon whose state lies on a small file system of its own, in a mount namespace that
only the daemon and this process are in. Needs root.
"""

import ctypes
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

from gi.repository import GLib

from faceauthd.results import FaceAuthError
from tests.harness import clips, pictured
from tests.harness.rig import Rig
from tests.soak.report import Report
from tests.soak.scans import QUICK
from tests.test_kill9 import whole_faces

CLONE_NEWNS = 0x20000
MS_REC, MS_PRIVATE = 0x4000, 1 << 18
USERS = tuple(f"user{number}" for number in range(40))
JUMPS = (-(10**9), 10**9, -(2**31), 0)  # seconds
# The wall clock is what the file says it is off by; the clocks that nobody can set are left.
CLOCK = """
#define _GNU_SOURCE
#include <stdio.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>
int clock_gettime(clockid_t which, struct timespec *t)
{
	int result = (int)syscall(SYS_clock_gettime, which, t);
	FILE *file = which == CLOCK_REALTIME ? fopen("%s", "r") : NULL;
	long off = 0;
	if (file && fscanf(file, "%%ld", &off) == 1)
		t->tv_sec += off;
	if (file)
		fclose(file);
	return result;
}
time_t time(time_t *at)
{
	struct timespec t;
	clock_gettime(CLOCK_REALTIME, &t);
	if (at)
		*at = t.tv_sec;
	return t.tv_sec;
}
"""


def run(_going: Callable[[int], bool]) -> Report:
    """All of them once, in a process of its own, since a namespace is entered for good."""
    report = Report("faults of the machine")
    if os.geteuid() != 0:
        report.notes = "not tried: needs root"
        return report
    done = subprocess.run(
        [sys.executable, "-m", "tests.soak.faults"], capture_output=True, text=True, check=False
    )
    lines = done.stdout.splitlines()
    report.done = sum(line.startswith("ok ") for line in lines)
    report.notes = ", ".join(line.removeprefix("ok ") for line in lines if line.startswith("ok "))
    report.lost_templates = sum("lost" in line for line in lines if line.startswith("FAIL "))
    report.faults = [line for line in lines if line.startswith("FAIL ")]
    if done.returncode:
        report.faults.append(done.stderr.strip().splitlines()[-1])
    return report


def say(what: str, good: bool, detail: object = "") -> None:
    print(f"{'ok' if good else 'FAIL'} {what}{'' if good else f': {detail}'}", flush=True)


@contextmanager
def small_disk(rig: Rig, options: str = "size=600k") -> Iterator[Callable[[str], None]]:
    """The rig's state on a small file system; what is given remounts it ("ro", "rw")."""
    rig.daemon.stop()
    subprocess.run(["mount", "-t", "tmpfs", "-o", options, "tmpfs", rig.state], check=True)
    rig.state.chmod(0o700)
    rig.restart_daemon()

    def remount(how: str) -> None:
        subprocess.run(["mount", "-o", f"remount,{how}", rig.state], check=True)

    yield remount
    subprocess.run(["umount", rig.state], check=True)
    rig.state.chmod(0o700)


def fill(rig: Rig, clip: Path) -> list[str]:
    """Enrols until the disk is full; the faces that were reported as stored."""
    reported: list[str] = []
    for user in USERS * 8:
        try:
            reported.append(rig.enrol(user, clip))
        except FaceAuthError as error:
            say("a full disk is one clear line", "\n" not in str(error), error)
            return reported
        if len(reported) == 20:
            free = os.statvfs(rig.state)
            (rig.state / "filler").write_bytes(b"x" * (free.f_bavail * free.f_bsize - 8192))
    return reported


def full_and_read_only(rig: Rig, clip: Path) -> None:
    with small_disk(rig) as remount:
        reported = fill(rig, clip)
        say("the disk was full", len(reported) < len(USERS) * 8, len(reported))
        result = verified(rig)
        say("a verdict on a full disk is recorded or refused", result in ("match", "error"), result)
        with rig.client() as daemon:
            listed = {face["id"] for user in USERS for face in daemon.list_faces(user)}
        say("no template lost on a full disk", set(reported) <= listed, "lost")
        (rig.state / "filler").unlink()
        say("a disk with room again is used", bool(rig.enrol(USERS[-1], clip)))
        rig.daemon.stop()
        remount("ro")
        try:
            rig.restart_daemon()
            result = verified(rig)
            say("read-only state is no match that went unrecorded", result == "error", result)
        except RuntimeError as error:
            say("read-only state is one clear line", "Traceback" not in str(error), error)
        remount("rw")
        rig.restart_daemon()
        say("it works after that", verified(rig) == "match", rig.daemon.log()[-400:])
        rig.daemon.stop()
        say("no template lost", set(reported) <= whole_faces(rig.state), "lost")


def no_inodes(rig: Rig, clip: Path) -> None:
    """Room for data, and none for one more file: neither for a key nor for the store's log."""
    with small_disk(rig, "size=4m,nr_inodes=16") as _:
        face = rig.enrol(USERS[0], clip)
        rig.daemon.stop()
        fillers = [rig.state / f"filler{number}" for number in range(16)]
        with suppress(OSError):
            for filler in fillers:
                filler.touch()
        try:
            rig.restart_daemon()
            result = verified(rig)
            say("no inode left: recorded or refused", result in ("match", "error"), result)
        except RuntimeError as error:
            say("no inode left is one clear line", "Traceback" not in str(error), error)
        try:
            with rig.client() as daemon:
                daemon.rekey()
            say("no inode left: another key is refused", False, "it was not")
        except FaceAuthError as error:
            say("no inode left: another key is refused", "\n" not in str(error), error)
        for filler in fillers:
            filler.unlink(missing_ok=True)
        rig.restart_daemon()
        say("it works after that, with inodes", verified(rig) == "match", rig.daemon.log()[-400:])
        rig.daemon.stop()
        say("no template lost without inodes", face in whole_faces(rig.state), "lost")


def clock_jumps(rig: Rig, folder: Path, clip: Path, other: Path) -> None:
    """A lockout is neither shortened nor made endless by the wall clock."""
    offset, library = folder / "offset", folder / "clock.so"
    subprocess.run(
        ["cc", "-shared", "-fPIC", "-o", library, "-xc", "-"],
        input=(CLOCK % offset).encode(),
        check=True,
    )
    rig._users_environment["LD_PRELOAD"] += f":{library}"
    rig.restart_daemon()
    rig.enrol(USERS[0], clip)
    wrong = []
    for jump in JUMPS:
        offset.write_text(str(jump))
        result = verified(rig)
        wrong += [f"{jump}: {result}"] if result != "match" else []
    say(f"{len(JUMPS)} jumps of the clock change no verdict", not wrong, wrong)
    rig.show(other)
    results = [verified(rig) for _ in range(7)]
    say("refusals lock out", "locked-out" in results, results)
    for jump in JUMPS:
        offset.write_text(str(jump))
        result = verified(rig)
        wrong += [f"{jump}: {result}"] if result != "locked-out" else []
    say("no jump ends a lockout", not wrong, wrong)


def bus_starts_anew(clip: Path) -> None:
    with suppress(GLib.GError), Rig(clip, config=QUICK, models=None) as rig:  # of the stand-ins
        rig.enrol("alice", clip)
        rig.bus._process.kill()
        status = rig.daemon.process.wait(60)
        say("a bus that is gone ends the daemon with its status", status == 8, status)
        rig.daemon.stop()
        say("no template lost with the bus", len(whole_faces(rig.state)) == 1, "lost")


def verified(rig: Rig) -> str:
    with rig.client() as daemon:
        return str(daemon.verify(USERS[0])[0])


def main() -> None:
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.unshare(CLONE_NEWNS) or libc.mount(b"none", b"/", None, MS_REC | MS_PRIVATE, None):
        raise OSError(ctypes.get_errno(), "no mount namespace can be made here")
    with TemporaryDirectory() as name:
        folder = Path(name)
        clip = clips.from_picture(folder / "face.avi", pictured.somebody(), count=6)
        other = clips.from_picture(folder / "other.avi", pictured.somebody_else(), count=30)
        with Rig(clip, users=USERS, config=QUICK, models=None) as rig:
            full_and_read_only(rig, clip)
            no_inodes(rig, clip)
            clock_jumps(rig, folder, clip, other)
        bus_starts_anew(clip)


if __name__ == "__main__":
    main()
