# SPDX-License-Identifier: MIT
"""What callers send, checked: users, options, passed files. Wrong is InvalidArgumentError."""

import fcntl
import os
import pwd
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass

from faceauthd.names import check_user
from faceauthd.results import InvalidArgumentError
from faceauthd.variants import Typed

LONGEST_SERVICE = 64  # characters
MOST_EVENTS = 1000  # in one answer


@dataclass(frozen=True)
class Target:
    """The user that a call is about; ``uid`` is None where no such account exists."""

    name: str
    uid: int | None


def target(user: str, caller: int) -> Target:
    """The user named by a call; empty is the caller.

    An existing account goes by the name that the system gives it, so that no user has two sets of
    faces where the account database takes ALICE for alice.
    """
    try:
        if not user:
            account = pwd.getpwuid(caller)
        else:
            check_user(user)
            account = pwd.getpwnam(user)
    except KeyError:
        if not user:
            raise InvalidArgumentError(f"uid {caller} has no account; name a user") from None
        return Target(user, None)
    return Target(account.pw_name, account.pw_uid)


def service(options: Mapping[str, Typed]) -> str:
    """The option ``service``, the only one allowed; empty where it is missing."""
    _check(options, {"service": "s"})
    name = str(options["service"].value) if "service" in options else ""
    if len(name) > LONGEST_SERVICE or not name.isprintable():
        raise InvalidArgumentError(
            f"option service: at most {LONGEST_SERVICE} printable characters are allowed"
        )
    return name


def verification(options: Mapping[str, Typed], caller: int) -> tuple[str, int | None]:
    """The options ``service`` and, from root alone, ``caller``; empty and None where missing."""
    _check(options, {"service": "s", "caller": "u"})
    others = {key: value for key, value in options.items() if key != "caller"}
    if "caller" not in options:
        return service(others), None
    if caller != 0:
        raise InvalidArgumentError("option caller: only root may say at whose wish it asks")
    return service(others), int(options["caller"].value)


def events(options: Mapping[str, Typed]) -> tuple[bool, int, int]:
    """The options ``everybody``, ``since`` and ``most``; False, 0 and 100 where missing."""
    _check(options, {"everybody": "b", "since": "x", "most": "u"})
    values = {key: option.value for key, option in options.items()}
    most = min(int(values.get("most", 100)), MOST_EVENTS)
    return bool(values.get("everybody", False)), int(values.get("since", 0)), most


def enrolment(options: Mapping[str, Typed]) -> tuple[int | None, bool]:
    """The options ``source``, a handle, and ``any_camera``; None and False where missing."""
    _check(options, {"source": "h", "any_camera": "b"})
    source, anywhere = options.get("source"), options.get("any_camera")
    return int(source.value) if source else None, bool(anywhere and anywhere.value)


def watching(options: Mapping[str, Typed]) -> tuple[str, int | None, int | None]:
    """The options ``service``, ``source`` and ``pictures``, the last two handles and not both."""
    _check(options, {"service": "s", "source": "h", "pictures": "h"})
    if "source" in options and "pictures" in options:
        raise InvalidArgumentError("option pictures: who has the source has its pictures")
    handles = [
        int(options[key].value) if key in options else None for key in ("source", "pictures")
    ]
    return service({k: v for k, v in options.items() if k == "service"}), handles[0], handles[1]


def check_file(fd: int, name: str = "option source", *, to_write: bool = False) -> None:
    """Refuse a passed descriptor, ``name`` in errors, that is no regular file open to be read.

    ``to_write``: open to be written. A pipe or a device could make whoever uses it wait for ever.
    """
    try:
        regular = stat.S_ISREG(os.fstat(fd).st_mode)
    except OSError as error:  # a file system of the caller's own, which lets nobody else look
        raise InvalidArgumentError(f"{name}: {error.strerror}") from None
    if not regular:
        raise InvalidArgumentError(f"{name}: this is no regular file")
    flags = fcntl.fcntl(fd, fcntl.F_GETFL)
    if flags & os.O_ACCMODE == (os.O_RDONLY if to_write else os.O_WRONLY) or flags & os.O_PATH:
        way = "writing" if to_write else "reading"
        raise InvalidArgumentError(f"{name}: this file is not open for {way}")


def check_socket(fd: int) -> None:
    """Refuse a passed descriptor that is no local socket of datagrams in order."""
    try:
        passed = socket.socket(fileno=fd)
    except OSError:
        fits = False
    else:
        fits = (passed.family, passed.type) == (socket.AF_UNIX, socket.SOCK_SEQPACKET)
        passed.detach()
    if not fits:
        raise InvalidArgumentError("option pictures: this is no local socket of SOCK_SEQPACKET")


def _check(options: Mapping[str, Typed], known: Mapping[str, str]) -> None:
    """Every option must be known and of its type: a misspelt one must not be passed over."""
    for key, value in options.items():
        if key not in known:
            shown = key[:40] if key.isprintable() else ascii(key[:40])
            raise InvalidArgumentError(f"unknown option {shown!r}; known: {', '.join(known)}")
        if value.signature != known[key]:
            raise InvalidArgumentError(
                f"option {key}: its type is {value.signature}, and must be {known[key]}"
            )
