# SPDX-License-Identifier: MIT
"""Root's work in a folder of somebody else's, done with that user's rights.

Models lie in the daemon's own folder, unless the configuration names another. Who owns a folder can
put a link in the place of whatever root is about to write, to make readable or to remove there:
with no more rights than the owner's, that leads nowhere.
"""

import os
import pwd
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

ROOT = 0


@contextmanager
def as_owner(folder: Path) -> Iterator[None]:
    """Within the block, root has the rights of who could lead ``folder`` somewhere else.

    That is the owner of the first folder on the way to it that is not root's; where all are, or
    who runs this is not root, nothing changes. What the block makes is that user's. It holds for
    all threads. Raises OSError.
    """
    owner = _owner(folder) if os.geteuid() == ROOT else ROOT
    if owner == ROOT:
        yield
        return
    groups, group = os.getgroups(), os.getegid()
    os.setgroups([])
    os.setegid(_group(owner))
    os.seteuid(owner)
    try:
        yield
    finally:
        os.seteuid(ROOT)
        os.setegid(group)
        os.setgroups(groups)


def _owner(folder: Path) -> int:
    """The uid of the first folder's owner who is not root, on the way as written and as linked."""
    for way in (folder.absolute(), folder.resolve()):
        for place in reversed((way, *way.parents)):
            try:
                owner = place.stat().st_uid
            except FileNotFoundError:
                break  # from here on it is to be made
            if owner != ROOT:
                return owner
    return ROOT


def _group(uid: int) -> int:
    """The user's own group; that of nobody where there is no such account."""
    try:
        return pwd.getpwuid(uid).pw_gid
    except KeyError:
        return 65534
