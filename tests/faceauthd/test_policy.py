# SPDX-License-Identifier: MIT
"""What a PAM service asks for."""

import pytest

from faceauthd.config import Config, parse
from faceauthd.policy import for_service


def test_an_unknown_service_has_the_general_policy() -> None:
    policy = for_service(Config(), "swaylock")
    assert (policy.service, policy.confirm) == ("swaylock", "none")
    assert (policy.fmr, policy.liveness, policy.frames) == (1e-4, ("passive",), 10)
    assert (policy.timeout, policy.no_face_timeout, policy.dark) == (5.0, 2.0, 30)


@pytest.mark.parametrize("service", ["sudo", "sudo-i", "su", "su-l", "doas", "polkit-1", "SUDO"])
def test_privilege_elevation_asks_first(service: str) -> None:
    assert for_service(Config(), service).confirm == "enter"


def test_a_service_overrides_the_general_policy_key_by_key() -> None:
    config = parse(
        b"[verify]\nfmr = 1e-3\nframes = 4\n[service.a]\nliveness = []\ntimeout = 2\n", "x.toml"
    )
    own, other = for_service(config, "a"), for_service(config, "b")
    assert (own.fmr, own.frames, own.liveness, own.timeout) == (1e-3, 4, (), 2.0)
    assert (other.fmr, other.frames, other.liveness, other.timeout) == (1e-3, 4, ("passive",), 5.0)
