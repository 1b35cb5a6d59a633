# SPDX-License-Identifier: MIT
"""The command starts light: what is heavy is imported by the verb that needs it, and no other."""

import signal
import subprocess
import sys
from pathlib import Path

import click
import pytest

from cli.main import VERBS, faceauth
from tests.harness.data import ROOT

HEAVY = {
    *("cv2", "dlib", "numpy", "onnxruntime", "tensorflow", "keras", "PIL"),
    *("pydbus", "gi", "cryptography", "rich", "tomlkit", "pam"),
}


@pytest.mark.parametrize(
    "start",
    [
        "pass",
        "cli.main.run(['--help'])",
        "cli.main.run(['verify', '--help'])",
        "cli.main.run(['config', 'check', '/dev/null'])",
    ],
)
def test_nothing_heavy_is_imported(start: str) -> None:
    program = f"import sys, cli.main; {start}; print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    loaded = {name.split(".")[0] for name in done.stderr.split()}
    assert "click" in loaded
    assert loaded & HEAVY == set()


def test_the_list_of_verbs_imports_none() -> None:
    program = "import sys, cli.main; cli.main.run(['--help']); print(*sys.modules, file=sys.stderr)"
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True
    )
    places = {place.split(":")[0] for place, _purpose in VERBS.values()}
    assert places & set(done.stderr.split()) == set()
    assert "Enrol a face of yours" in done.stdout


@pytest.mark.parametrize("verb", VERBS)
def test_the_list_says_of_a_verb_what_its_help_begins_with(verb: str) -> None:
    command = faceauth.get_command(click.Context(faceauth), verb)
    assert command is not None and command.help is not None
    first, _, _rest = command.help.partition("\n\n")
    assert " ".join(first.split()) == VERBS[verb][1]


def test_a_verb_that_talks_to_the_daemon_needs_no_model() -> None:
    program = "import sys, cli.main; cli.main.run(['list', 'alice']); print(*sys.modules)"
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/nonexistent", "PATH": ""},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = {name.split(".")[0] for name in done.stdout.split()}
    assert "pydbus" in loaded
    assert loaded & {"cv2", "dlib", "numpy", "onnxruntime", "tensorflow", "cryptography"} == set()


def test_ctrl_c_while_it_is_imported_is_quiet(tmp_path: Path) -> None:
    (tmp_path / "click.py").write_text("import os, signal; os.kill(os.getpid(), signal.SIGINT)")
    program = f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import cli.start as s; s.main()"
    done = subprocess.run(
        # What runs in a script's background ignores Ctrl-C, and so does all that it starts.
        ["env", "--default-signal=INT", sys.executable, "-c", program],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (-signal.SIGINT, "", "")
