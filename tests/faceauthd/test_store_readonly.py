# SPDX-License-Identifier: MIT
"""A state folder on a file system that is read-only: one line, no store, and nothing is lost."""

import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from faceauthd.keys import open_store
from tests.harness.data import ROOT

# In a mount namespace of its own.
NAMESPACE = ["unshare", "--mount", "sh", "-c"]
READ_ONLY = 'mount --bind "$1" "$1" && mount -o remount,bind,ro "$1" && exec "$2" -c "$3" "$1"'
PROGRAM = """
import sys
from pathlib import Path
from faceauthd.keys import open_store
from faceauthd.results import StorageError
try:
    open_store(Path(sys.argv[1]))
    print("opened")
except StorageError as error:
    print(f"refused: {error}")
"""


def opened_read_only(folder: Path) -> str:
    """How opening the store in the folder ends where that is read-only."""
    if os.getuid() != 0 or not shutil.which("unshare"):
        pytest.skip("needs root and unshare: a file system is made read-only")
    if subprocess.run([*NAMESPACE, "mount --bind /tmp /tmp"], check=False).returncode:
        pytest.skip("needs the right to mount in a namespace of its own")
    done = subprocess.run(
        [*NAMESPACE, READ_ONLY, "sh", folder, sys.executable, PROGRAM],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stderr == ""
    return done.stdout


def test_a_store_that_is_there(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    with closing(open_store(folder)) as store:
        vectors = np.full((1, 4), 0.5, np.float32)
        store.add_face("alice", "", engine="e", model="m", camera="c", vectors=vectors)
    said = opened_read_only(folder)
    assert said.startswith("refused: ")
    assert said.count("\n") == 1
    with closing(open_store(folder)) as store:
        assert [face.damaged for face in store.faces("alice")] == [False]


def test_a_store_that_is_not_there_yet(tmp_path: Path) -> None:
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    said = opened_read_only(folder)
    assert said.startswith("refused: ")
    assert "Read-only file system" in said
    assert list(folder.iterdir()) == []
