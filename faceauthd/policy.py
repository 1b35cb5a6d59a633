# SPDX-License-Identifier: MIT
"""What a PAM service asks of a scan: the configuration's [verify], as [service.NAME] changes it."""

from dataclasses import dataclass, replace

from faceauthd.config import CHALLENGE, Config, ServiceConfig


@dataclass(frozen=True)
class Policy:
    """What one verification takes.

    service          the PAM service's name; empty where none was named
    confirm          "none" or "enter": whether the user is asked before the camera looks
    fmr              false match rate of a single frame, 0 to 0.01
    liveness         the cues that must all agree; empty runs without liveness
    bpcer            share of live people's decisions that a liveness model may refuse, to refuse
                     more attacks; 0 leaves it its own threshold
    frames           good frames in a row
    timeout          seconds after which the scan ends
    no_face_timeout  seconds without anybody after which the scan ends
    dark             mean brightness 0-255 below which a face is not judged
    challenge_steps  how many gestures are asked for, where ``liveness`` has "challenge"
    challenge_timeout  seconds for each of them
    after_boot       whether a password is due once after each start of the machine
    max_age          hours after which a password is due again; 0 is never
    """

    service: str
    confirm: str
    fmr: float
    liveness: tuple[str, ...]
    frames: int
    timeout: float
    no_face_timeout: float
    dark: float
    challenge_steps: int
    challenge_timeout: float
    after_boot: bool = False
    max_age: float = 0.0
    bpcer: float = 0.0

    @property
    def challenge(self) -> bool:
        """Whether the user has to do what is asked."""
        return CHALLENGE in self.liveness

    @property
    def deadline(self) -> float:
        """Seconds after which the scan ends, with the time for what is asked."""
        asked = self.challenge_steps if self.challenge else 0
        return self.timeout + asked * self.challenge_timeout

    def without_challenge(self) -> "Policy":
        """The same, but for what is asked."""
        return replace(self, liveness=tuple(cue for cue in self.liveness if cue != CHALLENGE))


def for_service(config: Config, service: str) -> Policy:
    """The policy of a PAM service. libpam's names are lower case; other cases mean the same."""
    own = config.services.get(service.lower(), ServiceConfig())
    verify = config.verify
    return Policy(
        service=service,
        confirm=verify.confirm if own.confirm is None else own.confirm,
        fmr=verify.fmr if own.fmr is None else own.fmr,
        liveness=verify.liveness if own.liveness is None else own.liveness,
        frames=verify.frames,
        timeout=verify.timeout if own.timeout is None else own.timeout,
        no_face_timeout=verify.no_face_timeout,
        dark=verify.dark,
        challenge_steps=verify.challenge_steps,
        challenge_timeout=verify.challenge_timeout,
        after_boot=verify.after_boot if own.after_boot is None else own.after_boot,
        max_age=verify.max_age if own.max_age is None else own.max_age,
        bpcer=verify.bpcer if own.bpcer is None else own.bpcer,
    )


def cues(config: Config) -> frozenset[str]:
    """The liveness cues that any service asks for."""
    policies = (for_service(config, name) for name in ("", *config.services))
    return frozenset(cue for policy in policies for cue in policy.liveness)


def strictest(config: Config) -> float:
    """The smallest false match rate that any service asks for."""
    return min(for_service(config, name).fmr for name in ("", *config.services))
