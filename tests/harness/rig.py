# SPDX-License-Identifier: MIT
"""The whole system on any machine: bus, polkit, daemon, PAM, users and a camera that shows a file.

``with Rig(camera=clip) as rig:`` gives the running system; ``rig.run([...])`` runs a command as
an application would meet it, ``rig.pam("sudo", "alice")`` authenticates through the real PAM
stack, ``rig.show(clip)`` changes what the camera sees. Everything is private to the rig: it needs
no root, changes nothing of the machine, and takes away all it made.
"""

import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import ExitStack, suppress
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import tomlkit

from faceauthd.client import FaceAuth
from tests.harness import rig_files
from tests.harness.bus import PrivateBus, polkit_stand_in
from tests.harness.daemon import Daemon, running_daemon
from tests.harness.data import ROOT, SHARED

ACTIONS = tuple(f"org.faceauth.FaceAuth1.{verb}" for verb in ("verify", "enroll", "manage"))
SHARED_MODELS = SHARED / "models"
INSTALLED_BY_DEFAULT = ("yunet", "mobilefacenet", "minifasnet")
WRAPPERS = "libpam_wrapper.so libnss_wrapper.so"
HANG_GUARD = 120  # seconds, generous: only a hang reaches it


@dataclass(frozen=True)
class PamAnswer:
    """What an application got from PAM.

    ``code`` is PAM's name of the return value (SUCCESS, AUTH_ERR, AUTHINFO_UNAVAIL, …), ``seconds``
    the whole life of the application, ``output`` what it wrote, ``errors`` what of its stderr is
    not its own: prompts and the line on how it ended.
    """

    code: str
    seconds: float
    output: str
    errors: str


# How pamtester prints PAM's return values.
PAM_TEXTS = {
    "successfully authenticated": "SUCCESS",
    "Authentication failure": "AUTH_ERR",
    "Authentication service cannot retrieve authentication info": "AUTHINFO_UNAVAIL",
    "Have exhausted maximum number of retries for service": "MAXTRIES",
    "User not known to the underlying authentication module": "USER_UNKNOWN",
    "Permission denied": "PERM_DENIED",
}
PAMTESTERS_OWN = r"Password[^:\n]*: |pamtester: .*"


class Rig:
    """The running system. See the module's docstring; all arguments are optional but the camera.

    camera   what the camera shows: a video file or a folder of images
    users    who exists, beside the machine's own users; each one's password is the name
    config   the daemon's configuration (TOML); the rig adds camera, models and what it must
    models   folder to install models from; None leaves recognition to dlib, without liveness
    install  which of them to install
    engine   the recognition engine
    """

    def __init__(
        self,
        camera: Path,
        *,
        users: Sequence[str] = ("alice", "bob"),
        config: str = "",
        models: Path | None = SHARED_MODELS,
        install: Sequence[str] = INSTALLED_BY_DEFAULT,
        engine: str = "auto",
    ) -> None:
        self._camera, self._users, self._engine = camera, tuple(users), engine
        self._config_text, self._model_source, self._install = config, models, install
        self.warnings: list[str] = []

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            # Short: a path of a socket below it has to fit into 108 bytes.
            self.folder = Path(
                stack.enter_context(tempfile.TemporaryDirectory(prefix="faceauth-rig-"))
            )
            stack.callback(rig_files.remove_stale_wrapper_folders)
            self.camera_link = self.folder / "camera"
            self.show(self._camera)
            self.models_dir = self.folder / "models"
            self._install_models()
            self._users_environment = rig_files.write_users(self.folder, self._users)
            self.state = self.folder / "state"
            self.state.mkdir(mode=0o700)
            self.bus = stack.enter_context(PrivateBus())
            self.polkit = stack.enter_context(polkit_stand_in(self.bus, ACTIONS))
            subprocess.run(["make", "-s", "-C", str(ROOT / "pam_module")], check=True)
            rig_files.write_services(self.folder / "pam.d", self.bus.address, self._users)
            rig_files.write_commands(self.folder / "bin", self.camera_link)
            self._running = stack.enter_context(ExitStack())
            self.restart_daemon()
            self._stack = stack.pop_all()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._stack.__exit__(kind, error, trace)

    @property
    def environment(self) -> dict[str, str]:
        """The environment in which `faceauth …` and `pamtester sudo alice …` just work."""
        path = os.environ.get("PATH", os.defpath)
        return {
            **self.bus.environment(),
            **self._users_environment,
            "LD_PRELOAD": WRAPPERS,
            "PAM_WRAPPER": "1",
            "PAM_WRAPPER_USE_SYSLOG": "1",  # where modules log on a real machine, not to stderr
            "PAM_WRAPPER_SERVICE_DIR": str(self.folder / "pam.d"),
            "FACEAUTH_CONFIG": str(self.daemon.config),
            "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{path}",
        }

    def show(self, camera: Path) -> None:
        """From its next scan on the camera shows this file or folder."""
        new = self.camera_link.with_suffix(".new")
        new.symlink_to(camera.resolve(strict=True))
        new.replace(self.camera_link)

    def client(self) -> FaceAuth:
        """The daemon's methods, on a connection of their own; a context manager."""
        return FaceAuth(self.bus.address)

    def enrol(self, user: str, clip: Path) -> str:
        """Enrol the user from a clip, as `faceauth add --from-video` does; the face's id."""
        with self.client() as daemon, clip.open("rb") as file:
            return daemon.enroll(user, source_fd=file.fileno())

    def run(self, command: Sequence[str], *, answers: str = "") -> subprocess.CompletedProcess[str]:
        """Run a command inside, with ``answers`` for what it asks on its standard input."""
        done = subprocess.run(
            list(command),
            env=self.environment,
            input=answers,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=HANG_GUARD,
            check=False,
        )
        done.stderr = rig_files.without_stale_folders(done.stderr)
        return done

    def pam(self, service: str, user: str, *, answers: str = "\n") -> PamAnswer:
        """Authenticate through PAM, as pamtester does; "\\n" confirms a scan that asks first."""
        start = time.monotonic()
        done = self.run(["pamtester", service, user, "authenticate"], answers=answers)
        seconds = time.monotonic() - start
        said = (done.stdout + done.stderr).strip()
        code = next((code for text, code in PAM_TEXTS.items() if text in said), f"? {said}")
        noise = re.sub(PAMTESTERS_OWN, "", done.stderr)
        return PamAnswer(code, seconds, done.stdout, noise.strip())

    def last_result(self) -> str:
        """The result word in the daemon's last audit line; empty where it has judged nothing."""
        words = re.findall(r'event="?verify.* result="([a-z-]+)"', self.daemon.log())
        return words[-1] if words else ""

    def workers(self) -> list[int]:
        """The process ids of the daemon's children; none where it is dead."""
        pid = self.daemon.process.pid
        try:
            listed = Path(f"/proc/{pid}/task/{pid}/children").read_text()
        except OSError:
            return []
        return [int(child) for child in listed.split()]

    def kill_worker(self) -> int:
        """As the kernel would when memory runs out; how many were there to be killed."""
        killed = 0
        for pid in self.workers():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
                killed += 1
        return killed

    def restart_daemon(self) -> None:
        """End the daemon, where it still runs, and start it on the same state."""
        self._running.close()
        self.daemon: Daemon = self._running.enter_context(
            running_daemon(
                self.bus,
                self._configuration(),
                self.state,
                environment={**os.environ, **self._users_environment},
            )
        )

    # ---- how it is made

    def _install_models(self) -> None:
        self.models_dir.mkdir()
        if self._model_source is None or not self._model_source.is_dir():
            return
        from models.install import install  # late: what only runs commands needs no models

        for name in self._install:
            if (self._model_source / name).is_dir():
                install(name, self.models_dir, self._model_source / name)

    def _configuration(self) -> str:
        """The given configuration with the rig's camera and models in it."""
        table: Any = tomlkit.parse(self._config_text)
        table.setdefault("engine", self._engine)
        table.setdefault("models_dir", str(self.models_dir))
        table.setdefault("camera", tomlkit.table())
        table["camera"].setdefault("device", str(self.camera_link))
        table["camera"].setdefault("paced", True)
        table.setdefault("verify", tomlkit.table())
        table["verify"].setdefault("timeout", 60)  # as much as may be: see rig_files
        # A rig lives for one boot of the machine; its logins need not begin with a password.
        for service in ("login", "gdm-password"):
            own = table.setdefault("service", {}).setdefault(service, {})
            own.setdefault("after_boot", False)
        if "liveness" not in table["verify"] and not self._has_liveness_model():
            table["verify"]["liveness"] = []
            self.warnings.append(
                "NO LIVENESS: no liveness model is installed here, so a photograph passes as well"
            )
        return tomlkit.dumps(table)

    def _has_liveness_model(self) -> bool:
        from models.liveness.passive import load_passive_models

        return bool(load_passive_models(self.models_dir))
