# SPDX-License-Identifier: MIT
"""What runs, for people who ask; and what they had better know, said loudly.

Nothing here is secret: anybody may ask for it.
"""

import logging
from importlib.metadata import PackageNotFoundError, version

from faceauthd.camera.stand_in import is_meant_as_file
from faceauthd.challenge import possible
from faceauthd.config import CHALLENGE, Config
from faceauthd.messages import Ready
from faceauthd.parts import Parts, Worker
from faceauthd.policy import cues, for_service, strictest
from faceauthd.strictness import unproven
from faceauthd.variants import Typed
from models.errors import ModelError

# Engines that are much worse on other data than their calibration is of.
WEAK = {
    "dlib-resnet-v1": (
        "the engine dlib is for trying out: it refused its own users in 18 % of the tries on "
        "another data set, where 1.3 % of strangers' frames passed (docs/accuracy.md); "
        "install mobilefacenet"
    )
}
log = logging.getLogger(__name__)


def status(parts: Parts) -> dict[str, Typed]:
    """The answer to GetStatus."""
    config, info = parts.config, parts.worker.known
    device = config.camera.device
    return {
        "version": Typed("s", _version()),
        "engine": Typed("s", info.engine if info else config.engine),
        "model": Typed("s", info.model if info else ""),
        "liveness": Typed("a{ss}", _seen(info) if info else {}),
        "camera": Typed("s", device if isinstance(device, str) else ", ".join(device)),
        "worker": Typed("s", parts.worker.state),
        "enrolled": Typed("u", parts.store.user_count()),
        "disabled": Typed("b", config.disabled),
        "warnings": Typed("as", warnings(config, parts.worker) + _too_fine(parts)),
    }


def warnings(config: Config, worker: Worker) -> list[str]:
    """One line for each thing that makes faceauth weaker than it could be, or not work at all."""
    found = []
    if not config.verify.liveness:
        found.append("LIVENESS IS OFF (verify.liveness = []): a photograph of a user lets one in")
    for name in sorted(config.services):
        if config.verify.liveness and not for_service(config, name).liveness:
            found.append(
                f"LIVENESS IS OFF for {name} (service.{name}.liveness = []): "
                "a photograph of a user lets one in"
            )
    if config.verify.any_camera:
        found.append("faces are bound to no camera (verify.any_camera): one may be replaced")
    for name in config.camera.allow_virtual:
        found.append(f"virtual camera {name!r} is allowed: who feeds it can show it any face")
    if is_meant_as_file(config.camera.device):
        found.append(f"the camera is a file ({config.camera.device}): it shows what the file shows")
    if worker.state == "failed":
        found.append(f"the worker failed, no face can be verified: {worker.text}")
    if worker.known:
        found += [WEAK[worker.known.model]] if worker.known.model in WEAK else []
        for cue in sorted(cues(config) - _seen(worker.known).keys()):
            found.append(f"no model for the liveness cue {cue!r} is installed: Verify is refused")
        found += unproven(config, worker.known)
    return found + _challenges(config, worker)


def _challenges(config: Config, worker: Worker) -> list[str]:
    """What makes a challenge less than it sounds."""
    found = []
    for name in ("", *sorted(config.services)):
        if for_service(config, name).liveness == (CHALLENGE,):
            where = f"service.{name}" if name else "verify"
            found.append(
                f'{where}.liveness asks for a challenge alone: add "passive", which looks at each '
                "frame; a film in which everything is done passes one challenge in four"
            )
    if worker.known and CHALLENGE in cues(config) and worker.known.pose == ("turn",):
        found.append(
            "a challenge can ask for a turn to the left or right alone, as the model points68 is "
            "not installed: a film of one turn passes every other one"
        )
    return found


def _seen(info: Ready) -> dict[str, str]:
    """What judges each liveness cue, for people."""
    judges = {cue: ", ".join(sorted(models)) for cue, models in info.cues.items()}
    return judges | ({CHALLENGE: ", ".join(possible(info.pose))} if info.pose else {})


def _too_fine(parts: Parts) -> list[str]:
    """A false match rate that the measurements cannot vouch for refuses everybody."""
    if parts.worker.known is None:
        return []
    try:
        parts.threshold(parts.worker.known.model, strictest(parts.config))
    except ModelError as error:
        return [f"an fmr in the configuration is too small, Verify is refused: {error}"]
    return []


def log_warnings(config: Config, worker: Worker) -> None:
    """Say them in the log as well; nobody asks for a status who has no reason to."""
    for warning in warnings(config, worker):
        log.warning("%s", warning)


def _version() -> str:
    try:
        return version("faceauth-login")
    except PackageNotFoundError:
        return "unknown"
