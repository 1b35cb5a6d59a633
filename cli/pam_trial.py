# SPDX-License-Identifier: MIT
"""A program: run authentications with the real libpam on scratch stacks, and say how they ended.

    python3 -I -S pam_trial.py PASSWORD < SERVICES > CODES

SERVICES is JSON, a list of [folder, service, "authenticate" or "load"]; CODES a list of PAM's
return values, 0 for success. "load" runs no module's authentication: it only has libpam load the
stack's modules. A process of its own, because modules are loaded into it. The stacks are read with
the caller's rights; before any module runs, root becomes nobody: pam_rootok then lets nobody in,
and a module that keeps count of failures cannot.
"""

import ctypes
import json
import os
import pwd
import sys

PAM_SUCCESS, PAM_BUF_ERR, PAM_FAIL_DELAY, PAM_SILENT = 0, 5, 10, 0x8000
PROMPTS = (1, 2)  # PAM_PROMPT_ECHO_OFF, PAM_PROMPT_ECHO_ON
USER = "nobody"  # exists everywhere, has no password, and its failures lock nobody out


class Message(ctypes.Structure):
    _fields_ = [("style", ctypes.c_int), ("text", ctypes.c_char_p)]


class Response(ctypes.Structure):
    _fields_ = [("text", ctypes.c_void_p), ("code", ctypes.c_int)]


Converse = ctypes.CFUNCTYPE(
    ctypes.c_int,
    ctypes.c_int,
    ctypes.POINTER(ctypes.POINTER(Message)),
    ctypes.POINTER(ctypes.POINTER(Response)),
    ctypes.c_void_p,
)
Delay = ctypes.CFUNCTYPE(None, ctypes.c_int, ctypes.c_uint, ctypes.c_void_p)


class Conversation(ctypes.Structure):
    _fields_ = [("converse", Converse), ("data", ctypes.c_void_p)]


libpam = ctypes.CDLL("libpam.so.0")
libc = ctypes.CDLL(None)
libc.calloc.restype = libc.strdup.restype = ctypes.c_void_p
libc.calloc.argtypes = [ctypes.c_size_t, ctypes.c_size_t]
HANDLE = ctypes.c_void_p
libpam.pam_start_confdir.argtypes = [
    *(ctypes.c_char_p, ctypes.c_char_p, ctypes.POINTER(Conversation), ctypes.c_char_p),
    ctypes.POINTER(HANDLE),
]
libpam.pam_set_item.argtypes = [HANDLE, ctypes.c_int, Delay]
for function in (libpam.pam_authenticate, libpam.pam_setcred):
    function.argtypes = [HANDLE, ctypes.c_int]


@Converse
def answer(count, messages, responses, _):  # type: ignore[no-untyped-def]
    """Types the password at every prompt. libpam frees what it is given, hence calloc."""
    array = libc.calloc(count, ctypes.sizeof(Response))
    if not array:
        return PAM_BUF_ERR
    responses[0] = ctypes.cast(array, ctypes.POINTER(Response))
    for number in range(count):
        if messages[number].contents.style in PROMPTS:
            responses[0][number].text = libc.strdup(os.fsencode(sys.argv[1]))
    return PAM_SUCCESS


@Delay  # type: ignore[untyped-decorator]
def no_delay(_code, _microseconds, _data) -> None:  # type: ignore[no-untyped-def]
    """A wrong password here needs no punishment: nobody guesses."""


CONVERSATION = Conversation(answer, None)


def start(folder: str, service: str) -> tuple[int, ctypes.c_void_p]:
    """libpam's code and its handle; reads the files and loads the modules."""
    handle = HANDLE()
    code = libpam.pam_start_confdir(
        service.encode(), USER.encode(), CONVERSATION, folder.encode(), ctypes.byref(handle)
    )
    if code == PAM_SUCCESS:
        libpam.pam_set_item(handle, PAM_FAIL_DELAY, no_delay)
    return code, handle


def become_nobody() -> None:
    if os.geteuid() == 0:
        nobody = pwd.getpwnam(USER)
        os.setgroups([])
        os.setresgid(nobody.pw_gid, nobody.pw_gid, nobody.pw_gid)
        os.setresuid(nobody.pw_uid, nobody.pw_uid, nobody.pw_uid)


def main() -> None:
    trials = json.load(sys.stdin)
    started = [start(folder, service) for folder, service, _ in trials]
    become_nobody()
    codes = []
    for (code, handle), (_, _, what) in zip(started, trials, strict=True):
        run = libpam.pam_authenticate if what == "authenticate" else libpam.pam_setcred
        codes.append(code if code != PAM_SUCCESS else run(handle, PAM_SILENT))
    json.dump(codes, sys.stdout)


if __name__ == "__main__":
    main()
