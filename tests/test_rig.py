# SPDX-License-Identifier: MIT
"""``tests/rig`` as strangers use it: what works inside, and that it leaves nothing behind."""

import os
import signal
import subprocess
import tempfile
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

import pytest

from tests.harness import clips, pictured
from tests.harness.data import ROOT
from tests.harness.rig import HANG_GUARD

RIG = ROOT / "tests" / "rig"
# In the rig a picture stands before the camera, so liveness is off.
NO_LIVENESS = "[verify]\nliveness = []\n"


@pytest.fixture(scope="module")
def scenes(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("scenes")
    clips.from_picture(folder / "alice.avi", pictured.somebody(), count=45)
    clips.from_picture(folder / "other.avi", pictured.somebody_else(), count=45)
    (folder / "config.toml").write_text(NO_LIVENESS)
    return folder


def command(scenes: Path, *inside: str, options: Sequence[str] = ()) -> list[str]:
    camera, config = scenes / "alice.avi", scenes / "config.toml"
    base = [str(RIG), "--camera", str(camera), "--config", str(config), "--no-models"]
    return [*base, *options, "--", *inside]


def run(command: Sequence[str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        list(command),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=HANG_GUARD,
        check=False,
    )


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who enrols without a password")
def test_the_whole_job_inside(scenes: Path) -> None:
    """Enrol by the command, accept by PAM, refuse somebody else, and still take a password."""
    script = f"""
    faceauth add alice || exit 10
    echo | pamtester sudo alice authenticate || exit 11
    pamtester login alice authenticate || exit 12
    faceauth-rig-camera {scenes / "other.avi"} || exit 13
    echo | pamtester sudo alice authenticate && exit 14
    echo alice | pamtester sudo alice authenticate || exit 15
    faceauth identify && exit 16
    faceauth-rig-camera {scenes / "nothing"} 2>/dev/null && exit 17
    id carol >/dev/null || exit 18
    exit 77
    """
    done = run(command(scenes, "sh", "-c", script, options=["--user", "alice", "--user", "carol"]))
    assert done.returncode == 77, done


@pytest.mark.parametrize(
    ("inside", "status"),
    [
        (["true"], 0),
        (["sh", "-c", "exit 3"], 3),
        (["sh", "-c", "kill -9 $$"], 137),
        (["no-such-command"], 127),
    ],
)
def test_exit_status_is_passed_on(scenes: Path, inside: list[str], status: int) -> None:
    assert run(command(scenes, *inside)).returncode == status


@pytest.mark.parametrize("config", ["[verify\n", "[verify]\nframez = 1\n"])
def test_a_wrong_configuration_is_the_rigs_fault(scenes: Path, tmp_path: Path, config: str) -> None:
    wrong = tmp_path / "wrong.toml"
    wrong.write_text(config)
    done = run([str(RIG), "--camera", str(scenes), "--config", str(wrong), "--", "true"])
    assert done.returncode == 125
    assert "rig: " in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.parametrize(
    "ending", ["by itself", "SIGINT", "SIGTERM", "SIGHUP", "killed", "all killed"]
)
def test_nothing_is_left_behind(scenes: Path, tmp_path: Path, ending: str) -> None:
    """No process and no file, however the command or the rig ends, with a scan in the background.

    The rig's processes carry TMPDIR in their environment, so that they can be told from others'.
    """
    with tempfile.TemporaryDirectory(prefix="rig") as temporary:
        script = "faceauth add alice; faceauth verify alice & sleep 1000 & echo ready; "
        itself = {"by itself": "exit 0", "killed": "kill -KILL $$"}
        script += itself.get(ending, "exec sleep 1000")
        rig = subprocess.Popen(
            # What runs in a script's background ignores Ctrl-C, and so does all that it starts.
            ["env", "--default-signal=INT", *command(scenes, "sh", "-c", script)],
            env={**os.environ, "TMPDIR": temporary},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )
        assert rig.stdout
        lines = iter(rig.stdout)
        assert any(line == "ready\n" for line in lines)
        end(rig, ending)
        rig.stdout.read()  # ends when the last process that has it is gone
        rig.stdout.close()
        rig.wait(HANG_GUARD)
        assert not processes_of(temporary)
        assert not list(Path(temporary).iterdir())


def end(rig: subprocess.Popen[str], ending: str) -> None:
    """Ends the rig as a person or a program would, where its command does not end by itself."""
    if ending == "SIGINT":  # a terminal sends it to the whole group
        os.killpg(rig.pid, signal.SIGINT)
    elif ending == "all killed":
        os.killpg(rig.pid, signal.SIGKILL)
    elif ending in ("SIGTERM", "SIGHUP"):
        rig.send_signal(signal.Signals[ending])


def processes_of(temporary: str) -> list[int]:
    """The processes whose environment has this TMPDIR, or whose command line speaks of it."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            told = (folder / "environ").read_bytes() + (folder / "cmdline").read_bytes()
            if temporary.encode() in told and int(folder.name) != os.getpid():
                found.append(int(folder.name))
    return found
