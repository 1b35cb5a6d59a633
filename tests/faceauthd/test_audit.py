# SPDX-License-Identifier: MIT
"""The audit line: one line, whatever the names hold."""

import logging

import pytest

from faceauthd import audit


def test_a_verdict_is_one_line_of_keys_and_values(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        audit.verdict(
            "verify", user="alice", service="sudo", caller=0, result="match", reason="ok",
            camera="cam-1", models=["dlib-resnet-v1", "minifasnet-v2"], duration_ms=812,
        )  # fmt: skip
    assert caplog.messages == [
        'event="verify" user="alice" service="sudo" caller=0 result="match" reason="ok" '
        'camera="cam-1" models="dlib-resnet-v1,minifasnet-v2" duration_ms=812'
    ]


@pytest.mark.parametrize(
    "name", ["a\nresult=match", 'a" result="match', "\x1b[2K", "\u202eecila", "%s"]
)
def test_no_name_can_forge_a_line(name: str, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        audit.change("rename", user=name, caller=1, face="f")
    (line,) = caplog.messages
    assert line.isascii()
    assert line.isprintable()
    assert ' result="match"' not in line.replace('\\"', "")
    assert line.endswith(' caller=1 face="f" removed=0')
