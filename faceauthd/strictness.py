# SPDX-License-Identifier: MIT
"""How strict the liveness models are: at their own thresholds, or as a policy's BPCER lets them be.

A threshold only ever rises, and only as far as the model's calibration vouches for the policy's
BPCER: what an attack would pass by itself, no policy lets pass. A model without a calibration keeps
its threshold, and so does one that may refuse more live people than the policy wants.
"""

from faceauthd.config import PASSIVE, Config
from faceauthd.messages import Bounds, Cues, Ready
from faceauthd.policy import for_service
from models.liveness.calibration import highest


def cues(info: Ready, bpcer: float) -> Cues:
    """Liveness cue -> model -> the probability below which it denies, for this BPCER."""
    return {
        cue: {
            model: max(own, highest(info.bounds.get(model, ()), bpcer))
            for model, own in models.items()
        }
        for cue, models in info.cues.items()
    }


def unproven(config: Config, info: Ready) -> list[str]:
    """A line for each BPCER of the configuration and each model that cannot promise it."""
    wanted: dict[float, str] = {}
    for name in ("", *sorted(config.services)):
        policy = for_service(config, name)
        if policy.bpcer and PASSIVE in policy.liveness:
            wanted.setdefault(policy.bpcer, f"service.{name}.bpcer" if name else "verify.bpcer")
    return [
        f"{where} = {bpcer:g}: {trouble}; it keeps its threshold"
        for bpcer, where in wanted.items()
        for models in info.cues.values()
        for model, own in sorted(models.items())
        if (trouble := _trouble(model, own, info.bounds.get(model), bpcer))
    ]


def _trouble(model: str, own: float, bounds: Bounds | None, bpcer: float) -> str:
    if bounds is None:
        return f"the liveness model {model} has no calibration"
    if highest(bounds, bpcer) >= own:
        return ""
    least = next((bound for threshold, bound in bounds if threshold >= own), None)
    if least is None:
        return f"too few live faces calibrated the liveness model {model} to promise anything"
    return f"the liveness model {model} promises no less than {least:.3g} at its threshold"
