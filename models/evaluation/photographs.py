# SPDX-License-Identifier: MIT
"""Photographs held before a face: ``python -m models.evaluation.photographs --data DIR``.

No recorded set has them, so they are made from the live full frames, whose people no training of
ours saw: another person's face, cut close, set into the frame without any trace but its edge
("paste", by its width in widths of the face behind), and rendered on paper and on a phone
(models/liveness/attacks.py). A paste is judged as a camera's frame is: the face is looked for, and
where there is not exactly one, nothing can pass.
"""

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import cv2
import numpy as np

from models.detection.yunet import YuNetDetector
from models.errors import ModelError
from models.evaluation import datasets, rivals
from models.evaluation.datasets import DatasetError, Sample, recordings
from models.evaluation.liveness import percent, read_image
from models.evaluation.rates import Rate
from models.face import Box, Face, Image
from models.liveness.attacks import simulate
from models.liveness.border import Border
from models.liveness.calibration import highest
from models.liveness.passive import STOCK, PassiveModel, load_described
from models.registry import model as registered

WIDTHS = (0.5, 0.55, 0.6, 0.7, 0.85, 1.0, 1.3)
RENDERED = ("print", "phone")
FEWEST = 20  # pixels of a face's width, as the daemon has it with these small frames
EACH = 8  # frames of a recording, about
NO_POINTS = np.zeros((5, 2), np.float32)
Attack = tuple[str, Image, list[Face]]  # what it is, the frame, and the faces found in it


def main() -> int:
    """0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/data")
    parser.add_argument("model", type=Path, nargs="*", help="a model's JSON description")
    parser.add_argument("--bpcer", type=float, default=0.0, help="of a policy (decision 0012)")
    options = parser.parse_args()
    models_dir = options.data / "models"
    try:
        paths = options.model or [STOCK / "model.json"]
        shipped = [*(load_described(path) for path in paths), Border.shipped()]
        rival = rivals.minifasnet(models_dir)
        for model in (*shipped, rival):
            bounds = model.calibration.bounds if model.calibration else ()
            model.threshold = max(model.threshold, highest(bounds, options.bpcer))
        detector = YuNetDetector(registered("yunet"), models_dir)
        print(table(attacks(people(options.data / "liveness"), detector), shipped, rival))
    except (DatasetError, ModelError) as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def people(directory: Path) -> list[Sample]:
    """Some live full frames of each recording."""
    live = [one for one in datasets.read(directory) if one.live and one.view == "fullframe"]
    frames = recordings(one for one in live if one.box is not None).values()
    return [one for own in frames for one in own[:: max(len(own) // EACH, 1)]]


def attacks(samples: Sequence[Sample], detector: YuNetDetector) -> Iterator[Attack]:
    """Every one of ``samples`` with another person's photograph before the face, in each way."""
    rng = np.random.default_rng(0)
    for width in WIDTHS:
        for holder in samples:
            image = _pasted(holder, _other(samples, holder, rng), width, rng)
            faces = [face for face in detector.detect(image) if face.box.width >= FEWEST]
            yield f"paste {width}", image, faces
    for species in RENDERED:
        for holder in samples:
            victim = _other(samples, holder, rng)
            shown = (read_image(victim.path), _box(victim), read_image(holder.path))
            image, box = simulate(species, *shown, (0, 0), rng, before=_box(holder))
            yield f"rendered {species}", image, [Face(box, NO_POINTS, 1.0)]


def table(found: Iterator[Attack], shipped: Sequence[PassiveModel], rival: PassiveModel) -> str:
    """A Markdown table: the share of each attack that is taken for live, in percent.

    By each model, and by those together that ship.
    """
    columns = [*(model.id for model in shipped), "together", rival.id]
    errors: dict[str, list[Rate]] = {}
    for name, image, faces in found:
        passed = [
            len(faces) == 1 and model.score(image, faces[0]) >= model.threshold
            for model in (*shipped, rival)
        ]
        passed.insert(len(shipped), all(passed[: len(shipped)]))
        row = errors.get(name, [Rate(0, 0)] * len(columns))
        errors[name] = [
            Rate(one.errors + wrong, one.trials + 1) for one, wrong in zip(row, passed, strict=True)
        ]
    lines = [f"| attack | {' | '.join(columns)} |", "|---" * len(columns) + "|---|"]
    lines += [f"| {name} | {' | '.join(map(percent, row))} |" for name, row in errors.items()]
    return "\n".join(lines)


def _other(samples: Sequence[Sample], holder: Sample, rng: np.random.Generator) -> Sample:
    others = [one for one in samples if one.subject != holder.subject]
    return others[rng.integers(len(others))]


def _pasted(holder: Sample, victim: Sample, width: float, rng: np.random.Generator) -> Image:
    """The holder's frame with the victim's face in it, over the middle of the holder's."""
    image, face = read_image(holder.path).copy(), _box(holder)
    photograph = _cut(victim, rng.uniform(1.05, 1.5))
    wide = max(int(width * face.width), 8)
    high = max(int(wide * photograph.shape[0] / photograph.shape[1]), 8)
    photograph = cv2.resize(photograph, (wide, high), interpolation=cv2.INTER_AREA)
    x, y = face.centre
    left, top = int(x - wide / 2), int(y - high / 2 + 0.05 * face.height)
    right, bottom = min(left + wide, image.shape[1]), min(top + high, image.shape[0])
    into, down = max(left, 0), max(top, 0)
    image[down:bottom, into:right] = photograph[
        down - top : bottom - top, into - left : right - left
    ]
    return image


def _cut(sample: Sample, grown: float) -> Image:
    """The face, and so much around it as fits into the image."""
    image, face = read_image(sample.path), _box(sample)
    x, y = face.centre
    across, down = face.width * grown / 2, face.height * grown / 2
    rows = slice(int(max(y - down, 0)), int(y + down))
    return image[rows, int(max(x - across, 0)) : int(x + across)]


def _box(sample: Sample) -> Box:
    assert sample.box is not None, "only samples with a box are used"
    return sample.box


if __name__ == "__main__":
    sys.exit(main())
