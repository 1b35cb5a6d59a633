# SPDX-License-Identifier: MIT
"""Folders that appear as a whole, or not at all."""

import os
import shutil
import tempfile
from collections.abc import Mapping
from pathlib import Path


def write_folder(directory: Path, files: Mapping[str, bytes]) -> None:
    """Make ``directory``, which must not exist, with these files (name -> content).

    A name may lie in folders of its own ("report/index.html"). All can read the files, whatever the
    umask: the daemon has a user of its own. Nothing is left of it after an error (OSError: a full
    disk, a folder that is there) or a kill, but at worst a hidden folder beside it.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    fresh = Path(tempfile.mkdtemp(dir=directory.parent, prefix=f".{directory.name}-"))
    try:
        for name, data in files.items():
            path = fresh / name
            path.parent.mkdir(parents=True, exist_ok=True)
            with path.open("wb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            path.chmod(0o644)
        fresh.chmod(0o755)
        if directory.exists():
            raise FileExistsError(f"{directory} is there already")
        fresh.rename(directory)
    finally:
        shutil.rmtree(fresh, ignore_errors=True)
