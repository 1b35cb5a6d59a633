# SPDX-License-Identifier: MIT
"""``make demo`` runs to its end, with real data and without."""

import re
from pathlib import Path

import pytest

from tests import demo
from tests.harness import pictured
from tests.harness.data import needs

LINE = re.compile(r"^(.+?) {2,}([a-z-]+) +(\d+)  (PAM_[A-Z_]+|-)$", re.MULTILINE)


def shown(text: str) -> dict[str, tuple[str, str]]:
    """What was shown -> the result and the PAM return value."""
    return {match[1]: (match[2], match[4]) for match in LINE.finditer(text)}


MAIN_JOB = {
    "the person, to enrol": ("enrolled", "-"),
    "the same person, later": ("match", "PAM_SUCCESS"),
    "another face": ("no-match", "PAM_AUTH_ERR"),
    "an empty scene": ("no-face", "PAM_AUTHINFO_UNAVAIL"),
}
REPLAY = {"the person on a phone's screen": ("not-live", "PAM_AUTH_ERR")}


@needs("video/pairs")
def test_demo_with_the_real_data(capsys: pytest.CaptureFixture[str]) -> None:
    assert demo.main([]) == 0
    assert shown(capsys.readouterr().out) == MAIN_JOB | REPLAY


def test_demo_with_a_picture(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """As on a machine that has nothing but the repository; it says that liveness is off."""
    monkeypatch.setattr(demo, "SHARED", tmp_path / "nothing")
    assert demo.main([]) == 0
    printed = capsys.readouterr().out
    assert "LIVENESS IS OFF" in printed
    assert shown(printed) == MAIN_JOB


def test_demo_says_where_it_went_wrong(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Somebody else in place of the person: the demo notices, and does not end well."""
    monkeypatch.setattr(demo, "SHARED", tmp_path / "nothing")
    monkeypatch.setattr(pictured, "somebody_else", pictured.somebody)
    assert demo.main([]) == 1
    assert re.search(r"^another face .*PAM_SUCCESS  <- WRONG$", capsys.readouterr().out, re.M)


def test_demo_with_a_clip_that_is_none(tmp_path: Path) -> None:
    (tmp_path / "clip.mp4").write_bytes(b"no video")
    assert demo.main(["--camera", str(tmp_path / "clip.mp4")]) == 2
