# SPDX-License-Identifier: MIT
"""pam_faceauth.so: what it keeps out of the module's process, and what it makes of its end."""

import json
import os
import select
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.pam_module.fake_bus import FakeBus
from tests.pam_module.pam_host import (
    AUTH_ERR,
    AUTHINFO_UNAVAIL,
    HANG,
    LOADER,
    MAXTRIES,
    SUCCESS,
    Stacks,
)

MakeBus = Callable[..., FakeBus]
AS_ROOT = pytest.mark.skipif(os.getuid() != 0, reason="needs root: a setuid host is played")

PROBE = """
import ctypes, json, os, resource, socket, sys
limit = lambda name: resource.getrlimit(name)[0]
status = dict(line[:-1].split(":\\t", 1) for line in open("/proc/self/status") if ":\\t" in line)
death = ctypes.c_int()
ctypes.CDLL(None).prctl(2, ctypes.byref(death))
umask = os.umask(0)
fds = {fd: os.readlink(f"/proc/self/fd/{fd}") for fd in os.listdir("/proc/self/fd")
       if os.path.exists(f"/proc/self/fd/{fd}") or fd == "3"}
json.dump({
    "argv": sys.argv[1:], "environment": dict(os.environ), "folder": os.getcwd(), "umask": umask,
    "fds": fds, "blocked": status["SigBlk"], "ignored": status["SigIgn"], "uids": status["Uid"],
    "gids": status["Gid"], "core": limit(resource.RLIMIT_CORE), "death": death.value,
    "leader": os.getpgid(0) == os.getpid(), "path": sys.path, "isolated": sys.flags.isolated,
    "site": "site" in sys.modules,
}, open(sys.argv[7], "w"))
socket.socket(fileno=3).send(bytes([ord("v"), 9]))
os._exit(9)
"""
SEND = "import os, socket, sys, time\nsend = socket.socket(fileno=3).send\n"
# Modules that break the protocol; each claims a success.
BROKEN = {
    "no verdict": "",
    "an exit status and no verdict": "os._exit(0)",
    "a crash": "raise RuntimeError",
    "a crash behind the verdict": "send(b'v\\0'); raise RuntimeError",
    "killed behind the verdict": "send(b'v\\0'); os.kill(os.getpid(), 9)",
    "another exit status": "send(b'v\\0'); os._exit(9)",
    "another verdict": "send(b'v\\7'); os._exit(0)",
    "two verdicts": "send(b'v\\0'); send(b'v\\0'); os._exit(0)",
    "a message behind the verdict": "send(b'v\\0'); send(b'l\\5x'); os._exit(0)",
    "a verdict without a code": "send(b'v'); os._exit(0)",
    "an unknown message": "send(b'q\\0'); send(b'v\\0'); os._exit(0)",
    "a prompt with echo": "send(b'\\2Name: '); send(b'v\\0'); os._exit(0)",
    "a message that is too long": "send(b'l\\5' + b'x' * 5000); send(b'v\\0'); os._exit(0)",
    "too many messages": "[send(b'l\\5x') for _ in range(30)]; send(b'v\\0'); os._exit(0)",
    "an end that does not come": "send(b'v\\0'); time.sleep(1000)",
    "silence": "time.sleep(1000)",
    "PAM_IGNORE": "send(b'v\\x19'); os._exit(25)",
    "PAM_NEW_AUTHTOK_REQD": "send(b'v\\x0c'); os._exit(12)",
    "a code that is none": "send(b'v\\xff'); os._exit(255)",
}


def probe(stacks: Stacks, scratch: Path, **how: Any) -> dict[str, Any]:
    """What a module's process sees of itself."""
    module, report = scratch / "probe.py", scratch / "report"
    module.write_text(PROBE)
    report.touch()
    report.chmod(0o666)
    outcome = stacks.authenticate(stacks.face(str(report), module=module), **how)
    assert outcome.code == AUTHINFO_UNAVAIL
    seen = json.loads(report.read_text())
    assert isinstance(seen, dict)
    return seen


@pytest.mark.parametrize(
    "options", [[], ["fds=100"], ["no-stdio"], ["no-stdio", "fds=2"], ["signals", "fds=1"]]
)
def test_nothing_of_the_host_gets_in(options: list[str], stacks: Stacks, tmp_path: Path) -> None:
    evil = {"PYTHONPATH": "/evil", "PYTHONHOME": "/evil", "HOME": "/evil", "LD_LIBRARY_PATH": "/e"}
    seen = probe(stacks, tmp_path, options=options, environment=evil, folder=tmp_path)
    report = str(tmp_path / "report")
    assert seen["argv"] == ["auth", "0", "alice", "stack", "", str(os.getuid()), report]
    assert set(seen["environment"]) <= {"LC_CTYPE"}  # which Python sets itself
    assert seen["folder"] == "/"
    assert seen["umask"] == 0o077
    assert {fd: seen["fds"][fd] for fd in "012"} == dict.fromkeys("012", "/dev/null")
    assert seen["fds"]["3"].startswith("socket:")
    assert set(seen["fds"]) == set("0123")
    assert int(seen["blocked"], 16) == 0
    assert int(seen["ignored"], 16) & (1 << signal.SIGTERM - 1) == 0
    assert int(seen["ignored"], 16) & (1 << signal.SIGCHLD - 1) == 0
    assert (seen["core"], seen["leader"], seen["death"]) == (0, True, signal.SIGKILL)
    assert (seen["isolated"], seen["site"]) == (1, False)
    assert not any("evil" in entry or str(tmp_path) in entry for entry in seen["path"])


@AS_ROOT
def test_a_setuid_hosts_caller_has_no_hold_on_the_module(stacks: Stacks, tmp_path: Path) -> None:
    seen = probe(stacks, tmp_path, options=["uid=65534"])
    assert seen["uids"].split() == ["0"] * 4
    assert seen["argv"][5] == "65534"  # who is told, all the same, at whose wish it runs
    assert seen["death"] == signal.SIGKILL


@pytest.mark.parametrize("fault", BROKEN)
def test_a_broken_module(fault: str, stacks: Stacks, tmp_path: Path) -> None:
    module = tmp_path / "module.py"
    module.write_text(SEND + BROKEN[fault])
    outcome = stacks.authenticate(stacks.face("timeout=1", module=module))
    assert (outcome.code, outcome.stderr) == (AUTHINFO_UNAVAIL, "")


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("no verdict", AUTHINFO_UNAVAIL),
        ("an exit status and no verdict", AUTHINFO_UNAVAIL),
        ("a crash", AUTHINFO_UNAVAIL),
        ("two verdicts", AUTHINFO_UNAVAIL),
        ("an end that does not come", AUTHINFO_UNAVAIL),
        ("another verdict", AUTH_ERR),
        ("PAM_IGNORE", AUTHINFO_UNAVAIL),
    ],
)
def test_a_broken_module_whose_exit_status_is_hidden(
    fault: str, code: int, stacks: Stacks, tmp_path: Path
) -> None:
    """By a host that ignores SIGCHLD: then the verdict on the socket stands alone."""
    module = tmp_path / "module.py"
    module.write_text(SEND + BROKEN[fault])
    outcome = stacks.authenticate(
        stacks.face("timeout=1", module=module), options=["sigchld=ignore"]
    )
    assert (outcome.code, outcome.stderr) == (code, "")


def test_no_module_at_all(stacks: Stacks, tmp_path: Path) -> None:
    outcome = stacks.authenticate(stacks.face(module=tmp_path / "none.py"))
    assert (outcome.code, outcome.stderr) == (AUTHINFO_UNAVAIL, "")


def test_a_relative_module_is_refused(stacks: Stacks, fake_bus: MakeBus) -> None:
    """The loader passes it on as an argument that the module does not know."""
    bus = fake_bus()
    line = f"{stacks.face(f'bus={bus.address}')} module=pam_module/pam_faceauth.py"
    assert stacks.authenticate(line).code == AUTHINFO_UNAVAIL
    assert bus.calls == []


@pytest.mark.parametrize(
    "option", ["sigchld=ignore", "sigchld=reap", "atfork", "no-stdio", "signals"]
)
def test_awkward_hosts(option: str, stacks: Stacks, fake_bus: MakeBus) -> None:
    for verify, code in (("match", SUCCESS), ("no-match", AUTH_ERR), ("locked-out", MAXTRIES)):
        bus = fake_bus(verify=verify)
        outcome = stacks.authenticate(
            stacks.face(f"bus={bus.address}"), options=[option, "rounds=3"]
        )
        assert (outcome.codes, outcome.stderr) == ([code] * 3, "")


def test_four_threads(stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus()
    outcome = stacks.authenticate(
        stacks.face(f"bus={bus.address}"), options=["threads=4", "rounds=30"]
    )
    assert (outcome.codes, outcome.stderr) == ([SUCCESS] * 120, "")


def test_two_hundred_rounds_leave_nothing(stacks: Stacks, fake_bus: MakeBus) -> None:
    bus = fake_bus()
    outcome = stacks.authenticate(stacks.face(f"bus={bus.address}"), options=["rounds=200"])
    assert outcome.codes == [SUCCESS] * 200
    assert outcome.numbers["fds"] == 0
    assert outcome.numbers["rss"] < 256  # KiB; pam_python.so grows by 2 MiB a round


WAITING = """
import os, socket, sys, time
with open(sys.argv[7], "w") as fifo:
    fifo.write(f"{os.getpid()} {os.getppid()}")
time.sleep(1000)
"""


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_signal_during_the_scan(number: signal.Signals, stacks: Stacks, tmp_path: Path) -> None:
    """Ctrl-C ends the scan and not the host; the end of the host ends the module."""
    module, fifo = tmp_path / "waiting.py", tmp_path / "fifo"
    module.write_text(WAITING)
    os.mkfifo(fifo)
    stacks.write("stack", stacks.face(str(fifo), module=module))
    with subprocess.Popen(
        [stacks.driver, stacks.folder, "stack", "alice"], stdout=subprocess.PIPE, text=True
    ) as host:
        scan = os.pidfd_open(int(fifo.read_text().split()[0]))
        host.send_signal(number)
        output, _ = host.communicate(timeout=HANG)
    assert output == (f"code {AUTHINFO_UNAVAIL}\n" if number == signal.SIGINT else "")
    assert select.select([scan], [], [], HANG)[0]  # the module's process has ended
    os.close(scan)


@pytest.fixture
def strace() -> str:
    program = shutil.which("strace")
    if not program or subprocess.run([program, "-o", os.devnull, "true"], check=False).returncode:
        pytest.skip("needs strace, and the right to trace")
    return program


def test_ctrl_c_before_the_host_listens_is_heard(
    strace: str, stacks: Stacks, tmp_path: Path
) -> None:
    """Where the module's process is there, and the host has not gone on since it started it."""
    module, fifo = tmp_path / "waiting.py", tmp_path / "fifo"
    module.write_text(WAITING)
    os.mkfifo(fifo)
    stacks.write("stack", stacks.face(str(fifo), module=module))
    slow = [strace, "-o", os.devnull, "-e", "inject=clone3:delay_exit=1000000"]  # microseconds
    with subprocess.Popen(
        [*slow, stacks.driver, stacks.folder, "stack", "alice"], stdout=subprocess.PIPE, text=True
    ) as traced:
        os.kill(int(fifo.read_text().split()[1]), signal.SIGINT)
        output, _ = traced.communicate(timeout=HANG)
    assert output == f"code {AUTHINFO_UNAVAIL}\n"


def test_a_poisoned_environment_opens_no_file(
    strace: str, stacks: Stacks, fake_bus: MakeBus, tmp_path: Path
) -> None:
    evil, trace = tmp_path / "evil", tmp_path / "trace"
    (evil / "pam_module").mkdir(parents=True)
    for name in ("_socket", "socket", "pwd", "struct", "site", "sitecustomize", "encodings"):
        (evil / f"{name}.py").write_text("raise SystemExit(0)\n")
    for name in ("__init__", "arguments", "bus_client", "hosts"):
        (evil / "pam_module" / f"{name}.py").write_text("raise SystemExit(0)\n")
    poison = ["PYTHONPATH", "PYTHONHOME", "PYTHONSTARTUP", "HOME", "TMPDIR", "LD_LIBRARY_PATH"]
    environment = {
        **dict.fromkeys(poison, str(evil)),
        "PYTHONINSPECT": "1",
        "DBUS_SYSTEM_BUS_ADDRESS": f"unix:path={evil}/bus",
        "LOCPATH": str(evil),
    }
    bus = fake_bus()
    outcome = stacks.authenticate(
        stacks.face(f"bus={bus.address}"),
        environment=environment,
        folder=evil,
        wrapper=[strace, "-f", "-e", "trace=file,connect", "-o", str(trace)],
    )
    assert outcome.code == SUCCESS
    lines = trace.read_text().splitlines()
    (start,) = (n for n, line in enumerate(lines) if 'execve("/usr/bin/python3"' in line)
    process = lines[start].split()[0]
    module = [line for line in lines[start:] if line.split()[0] == process]
    assert any("pam_module/bus_client.py" in line for line in module)  # so it is the right process
    assert [line for line in module if "evil" in line] == []


def test_built_with_its_defences(loader: None) -> None:
    def printed(*command: str) -> str:
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    symbols = printed("nm", "-D", "--defined-only", str(LOADER)).split()
    assert symbols[2::3] == ["pam_sm_acct_mgmt", "pam_sm_authenticate", "pam_sm_setcred"]
    assert "BIND_NOW" in printed("readelf", "-d", str(LOADER))
    assert "GNU_RELRO" in printed("readelf", "-l", str(LOADER))
