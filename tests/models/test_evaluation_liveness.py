# SPDX-License-Identifier: MIT
"""The report on a liveness model, on scores whose rates are known."""

import os
import struct
import zlib
from pathlib import Path

import cv2
import numpy as np
import pytest

from models.evaluation import liveness, rates
from models.evaluation.datasets import DatasetError, Sample
from models.face import Box, Image

BOX = Box(4, 4, 8, 8)


def sample(name: str, *, live: bool, species: str = "", source: str = "cam") -> Sample:
    session = f"{source}:{species or 'live'}"
    return Sample(Path(name), live, species, source, "p", session, "fullframe", BOX)


def scored(values: dict[str, list[float]], source: str = "cam") -> list[liveness.Scored]:
    return [
        liveness.Scored(
            sample(f"{source}-{name}-{index}", live=name == "live", species=species, source=source),
            value,
        )
        for name, series in values.items()
        for index, value in enumerate(series)
        for species in ("" if name == "live" else name,)
    ]


def test_rates_by_source_and_over_all() -> None:
    scores = scored({"live": [0.9] * 3 + [0.1], "print": [0.2, 0.2, 0.8, 0.2]}, "one")
    scores += scored({"live": [0.9] * 4, "phone": [0.7, 0.8]}, "two")
    found = liveness.report(scores, 0.5, run=2).frames
    assert set(found) == {"one", "two", "all"}
    assert (found["one"].bpcer.errors, found["one"].bpcer.trials) == (1, 4)
    assert found["one"].apcer["print"].value == 0.25
    assert {name: rate.errors for name, rate in found["all"].apcer.items()} == {
        "phone": 2,
        "print": 1,
    }
    assert found["all"].acer == pytest.approx((1.0 + 1 / 8) / 2)  # the worst species is phone


def test_a_decision_outvotes_a_wrong_frame() -> None:
    scores = scored({"live": [0.9, 0.1, 0.9] * 2, "print": [0.2, 0.8, 0.2, 0.8, 0.8, 0.2]})
    found = liveness.report(scores, 0.5, run=3)
    assert found.frames["cam"].bpcer.errors == 2
    assert found.decisions["cam"].bpcer == rates.Rate(0, 2)
    assert found.decisions["cam"].apcer["print"] == rates.Rate(1, 2)


def test_together_any_model_may_deny() -> None:
    """The second model alone catches the print; its threshold is its own."""
    first = scored({"live": [0.9, 0.9], "print": [0.8, 0.2]})
    second = scored({"live": [0.3, 0.1], "print": [0.1, 0.9]})
    found = liveness.together([(first, 0.5), (second, 0.2)], run=1)
    for rows in (found.frames, found.decisions):
        assert rows["all"].bpcer == rates.Rate(1, 2)
        assert rows["all"].apcer["print"] == rates.Rate(0, 2)


def test_a_source_with_one_kind_has_no_eer() -> None:
    found = liveness.report(scored({"live": [0.9, 0.4]}), 0.5)
    assert found.frames["cam"].eer is None
    assert found.frames["cam"].apcer == {}
    assert "–" in liveness.as_table(found)
    assert liveness.as_json(found)["frames"]["all"]["eer"] is None


def test_table_and_json_say_the_same() -> None:
    found = liveness.report(scored({"live": [0.9] * 9 + [0.1], "print": [0.2] * 10}), 0.5)
    assert "10.0 [0.3–44.5] of 10" in liveness.as_table(found)
    row = liveness.as_json(found)["frames"]["cam"]["bpcer"]
    assert (row["errors"], row["trials"], row["value"]) == (1, 10, 0.1)


def test_scores_come_from_images(tmp_path: Path) -> None:
    for name, light in (("bright.png", 200), ("dark.png", 20)):
        cv2.imwrite(str(tmp_path / name), np.full((16, 16, 3), light, np.uint8))

    def brightness(image: Image, box: Box) -> float:
        assert box == BOX
        return float(image.mean()) / 255

    samples = [sample(str(tmp_path / name), live=True) for name in ("bright.png", "dark.png")]
    found, faceless = liveness.score(samples, brightness)
    assert [one.score for one in found] == pytest.approx([200 / 255, 20 / 255])
    assert not faceless


def test_images_without_a_face_are_told(tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    cv2.imwrite(str(path), np.zeros((16, 16, 3), np.uint8))
    unknown = Sample(path, True, "", "cam", "", "live", "crop", None)
    found, faceless = liveness.score([unknown], lambda *_: 1.0, lambda *_: None)
    assert (found, faceless) == ([], [path])


BOMB = b"BM" + struct.pack("<IIIIiiHH24x", 54, 0, 54, 40, 60_000, 60_000, 1, 24)


@pytest.mark.parametrize("content", [b"", b"not an image", None, BOMB])
def test_unreadable_image_is_one_line(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "broken.jpg"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(DatasetError) as caught:
        liveness.read_image(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


def png() -> bytes:
    noise = np.random.default_rng(0).integers(0, 255, (64, 64, 3), dtype=np.uint8)
    return bytes(cv2.imencode(".png", noise)[1])


def test_a_bomb_is_refused_by_its_header(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No pixel is decoded: of 30,000 by 30,000 OpenCV would, which takes 2.7 GB."""
    path = tmp_path / "bomb.png"
    header = struct.pack(">4sIIBBBBB", b"IHDR", 30_000, 30_000, 8, 2, 0, 0, 0)
    path.write_bytes(png()[:12] + header + struct.pack(">I", zlib.crc32(header)) + png()[33:])
    monkeypatch.setattr(cv2, "imdecode", None)
    with pytest.raises(DatasetError, match="30000×30000 pixels"):
        liveness.read_image(path)


def test_the_decoders_say_nothing_of_their_own(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    whole = png()
    path = tmp_path / "damaged.png"
    path.write_bytes(whole[:500] + bytes(50) + whole[550:])
    with pytest.raises(DatasetError, match="is damaged"):
        liveness.read_image(path)
    odd = struct.pack(">I4s", 0, b"tEXt") + struct.pack(">I", zlib.crc32(b"tEXt"))
    path.write_bytes(whole[:33] + odd + whole[33:])  # libpng: too short
    assert liveness.read_image(path).shape == (64, 64, 3)
    assert capfd.readouterr().err == ""
    os.write(2, b"heard")
    assert capfd.readouterr().err == "heard"
