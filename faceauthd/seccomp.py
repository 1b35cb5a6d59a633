# SPDX-License-Identifier: MIT
"""seccomp: the system calls that the worker has left, by the system's libseccomp.

An allow-list, of what loading models and scanning was seen to use (strace) and its relatives on
other architectures and C libraries. Everything else answers as on a kernel that does not have it
(ENOSYS), so that a C library falls back where it can. In it are no sockets but the one that is
open, no new process, no program, no signal to another process, no new or truncated file, no
tracing, no namespaces, no io_uring; of all devices' ioctls those of V4L2.
"""

import ctypes
import errno
import mmap
import os

_LIBRARY = "libseccomp.so.2"  # systemd and apt depend on it, and so does everything that has them

_ALLOWED = (
    # files, opened for reading, and what is written to those that are open: stderr, a pipe
    *("read", "readv", "pread64", "preadv", "lseek", "_llseek", "close", "close_range", "getcwd"),
    *("write", "writev", "dup", "dup2", "dup3", "fcntl", "fcntl64", "getdents", "getdents64"),
    *("stat", "lstat", "fstat", "stat64", "lstat64", "fstat64", "newfstatat", "fstatat64", "statx"),
    *("access", "faccessat", "faccessat2", "readlink", "readlinkat", "statfs", "fstatfs"),
    *("statfs64", "fstatfs64", "fadvise64", "fadvise64_64", "readahead"),
    # memory; see below for mmap and mprotect
    *("munmap", "mremap", "madvise", "brk", "mbind", "get_mempolicy", "membarrier", "msync"),
    # threads; see below for clone
    *("futex", "futex_time64", "futex_waitv", "set_robust_list", "rseq", "set_tid_address"),
    *("gettid", "sched_yield", "sched_getaffinity", "sched_getparam", "sched_getscheduler"),
    *("sched_get_priority_max", "sched_get_priority_min", "exit", "exit_group", "arch_prctl"),
    *("set_thread_area", "getcpu", "riscv_flush_icache"),
    # time
    *("clock_gettime", "clock_gettime64", "clock_getres", "clock_getres_time64", "gettimeofday"),
    *("time", "times", "nanosleep", "clock_nanosleep", "clock_nanosleep_time64"),
    # signals to oneself
    *("rt_sigaction", "rt_sigprocmask", "rt_sigreturn", "sigreturn", "sigaltstack"),
    *("rt_sigpending", "pause", "restart_syscall"),
    # waiting, for a camera or an order
    *("poll", "ppoll", "ppoll_time64", "select", "_newselect", "pselect6", "pselect6_time64"),
    *("epoll_create1", "epoll_ctl", "epoll_wait", "epoll_pwait", "eventfd2", "pipe", "pipe2"),
    # the line to the daemon, which is open
    *("recvmsg", "sendmsg", "recvfrom", "sendto", "recv", "send", "shutdown", "getsockopt"),
    *("getsockname", "getpeername"),
    # who and where one is
    *("getpid", "getppid", "getuid", "geteuid", "getgid", "getegid", "getuid32", "geteuid32"),
    *("getgid32", "getegid32", "getrandom", "uname", "sysinfo", "getrusage", "getrlimit"),
    *("ugetrlimit",),
)

# linux/sched.h, linux/prctl.h, asm/ioctls.h, linux/videodev2.h
_CLONE_THREAD = 0x10000
_PR_SET_NAME = 15
_IOCTL_TYPE, _V4L2 = 0xFF00, ord("V") << 8
_FIONCLEX, _FIOCLEX = 0x5450, 0x5451  # Python's, for what it opens; MIPS and PowerPC use fcntl
_TO_WRITE_ALONE = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_APPEND
_WRITE_AND_EXECUTE = mmap.PROT_WRITE | mmap.PROT_EXEC

# seccomp.h
_ALLOW = 0x7FFF0000
_ERRNO = 0x00050000
_THREADS_TOO = 4  # SCMP_FLTATR_CTL_TSYNC
_EQUAL, _MASKED_EQUAL = 4, 7
_UNKNOWN = -1


class _Comparison(ctypes.Structure):
    """An argument's number, how it is compared, and with what: (mask, value) or (value, 0)."""

    _fields_ = (
        ("argument", ctypes.c_uint),
        ("how", ctypes.c_int),
        ("first", ctypes.c_uint64),
        ("second", ctypes.c_uint64),
    )


def _is(argument: int, value: int) -> _Comparison:
    return _Comparison(argument, _EQUAL, value, 0)


def _masked(argument: int, mask: int, value: int) -> _Comparison:
    return _Comparison(argument, _MASKED_EQUAL, mask, value)


def _conditional() -> list[tuple[str, _Comparison]]:
    """System calls that are allowed with certain arguments; one alternative each."""
    memory = [
        (name, _masked(2, _WRITE_AND_EXECUTE, protection))
        for name in ("mmap", "mmap2", "mprotect")
        for protection in (0, mmap.PROT_WRITE, mmap.PROT_EXEC)
    ]
    return [
        *memory,
        ("open", _masked(1, _TO_WRITE_ALONE, 0)),
        ("openat", _masked(2, _TO_WRITE_ALONE, 0)),
        ("ioctl", _masked(1, _IOCTL_TYPE, _V4L2)),
        ("ioctl", _is(1, _FIOCLEX)),
        ("ioctl", _is(1, _FIONCLEX)),
        # clone3 hides its flags from a filter; without it, the C library takes clone.
        ("clone", _masked(0, _CLONE_THREAD, _CLONE_THREAD)),
        ("prctl", _is(0, _PR_SET_NAME)),
        ("prlimit64", _is(0, 0)),
        ("tgkill", _is(0, os.getpid())),
    ]


def restrict() -> None:
    """Takes everything else from all threads of this process, for ever; OSError where it fails."""
    try:
        library = ctypes.CDLL(_LIBRARY)
    except OSError:
        raise OSError(errno.ENOENT, "is not installed", _LIBRARY) from None
    library.seccomp_init.restype = ctypes.c_void_p
    filter_ = ctypes.c_void_p(library.seccomp_init(_ERRNO | errno.ENOSYS))
    if not filter_:
        raise OSError(errno.ENOMEM, os.strerror(errno.ENOMEM), _LIBRARY)
    try:
        _check(library.seccomp_attr_set(filter_, _THREADS_TOO, 1))
        for name in _ALLOWED:
            _allow(library, filter_, name)
        for name, comparison in _conditional():
            _allow(library, filter_, name, comparison)
        _check(library.seccomp_load(filter_))
    finally:
        library.seccomp_release(filter_)


def _allow(library: ctypes.CDLL, filter_: ctypes.c_void_p, name: str, *when: _Comparison) -> None:
    """A name that this architecture, or the library, does not know is no call that can be made."""
    number = library.seccomp_syscall_resolve_name(name.encode())
    if number == _UNKNOWN:
        return
    comparisons = (_Comparison * len(when))(*when)
    action = ctypes.c_uint32(_ALLOW)
    _check(library.seccomp_rule_add_array(filter_, action, number, len(when), comparisons))


def _check(result: int) -> None:
    if result < 0:
        raise OSError(-result, os.strerror(-result), "seccomp")
