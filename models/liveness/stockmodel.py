# SPDX-License-Identifier: MIT
"""Makes the stock model again: ``python -m models.liveness.stockmodel --data DIR --out DIR``.

It learns from the few clips that were given for training what ships, from attacks simulated with
them, and from MiniFASNetV2 (Apache-2.0), which is where it starts, its teacher, and votes beside it
in what ships (twin.py). Nothing that measures is read here.
"""

import argparse
import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from models.detection.yunet import YuNetDetector
from models.evaluation import rates
from models.face import Image
from models.liveness import networks, simulation, train
from models.liveness.export import export
from models.liveness.files import write_folder
from models.liveness.fitting import Settings, Step, fit, probabilities
from models.liveness.simulation import Crops, Picture
from models.liveness.twin import twin
from models.registry import model as registered

# The data sets that may train what ships, below the data's folder; and the clips of them whose
# people are held out to watch the training.
MAY_TRAIN = ("video/talking-head", "video/standing-person", "nir")
HELD_OUT = frozenset(
    {"liveportrait_d3", "liveportrait_d12", "liveportrait_d14", "liveportrait_d20"}
    | {"videoretalking_1"}
)
PUBLISHED = "models/minifasnet/2.7_80x80_MiniFASNetV2.pth"
NAME = "faceauth-v2"
FRAMES = 24  # of each clip
LARGEST = 480  # pixels of a frame's longer side
PARTS, PART, FIRST_SEED = 15, 500, 1000
WATCHED, SEED = 1_000, 2
ARCHITECTURE = networks.architecture("minifasnet")
SETTINGS = Settings(epochs=1, batch=64, rate=4e-5, seed=SEED)
CERTAIN = 0.95  # the share "live" that a live face's label stands for; 1 less it for an attack's
TEACHER = 0.9  # the weight of the teacher's opinion, where it is right, against the label's
# The highest in steps of 0.1 by which under 5 % of decisions on live faces are refusals, on a worse
# camera too (docs/liveness.md). It is measured, not learnt: simulated ones are harder than real.
THRESHOLD = 0.5


def main() -> int:
    """Train, export and write the model; 1 with one line where the data are not there."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/data")
    parser.add_argument("--out", type=Path, required=True, help="a folder to make")
    options = parser.parse_args()
    try:
        make(options.data, options.out)
    except (OSError, ValueError) as error:
        print(f"the stock model cannot be made: {error}", file=sys.stderr)
        return 1
    return 0


def make(data: Path, out: Path) -> None:
    """The whole way, from clips to the runtime's files in the folder ``out``."""
    pictures = list(gather(data))
    own = [one for one in pictures if one.person not in HELD_OUT]
    others = [one for one in pictures if one.person in HELD_OUT]
    print(f"drawing crops of {len(own)} pictures, and of {len(others)} to watch by", flush=True)
    watched = simulation.draw(others, WATCHED, SEED + 1, ARCHITECTURE.scale, ARCHITECTURE.size)
    network = learn(data, drawn(own), watched)
    about = train.description(NAME, network, ARCHITECTURE, THRESHOLD)
    text = json.dumps(about, indent=1) + "\n"
    write_folder(out, {"model.onnx": network, "model.json": text.encode()})


def drawn(pictures: Sequence[Picture]) -> Crops:
    """PARTS times PART crops, each part by a seed of its own, with a line after each."""
    parts = []
    for part in range(PARTS):
        seed = FIRST_SEED + part
        parts.append(simulation.draw(pictures, PART, seed, ARCHITECTURE.scale, ARCHITECTURE.size))
        print(f"{(part + 1) * PART} of {PARTS * PART} crops", flush=True)
    return Crops(
        np.concatenate([one.images for one in parts]),
        np.concatenate([one.clean for one in parts]),
        [name for one in parts for name in one.species],
    )


def learn(data: Path, learnt: Crops, watched: Crops) -> bytes:
    """The runtime's network: one that was taught ``learnt``, and the published one beside it.

    One machine makes the same bytes of the same crops again.
    """
    import keras
    import tensorflow as tf

    keras.utils.set_random_seed(SEED)
    tf.config.experimental.enable_op_determinism()
    tf.config.threading.set_intra_op_parallelism_threads(1)  # sums in one order
    model, live = ARCHITECTURE.build(), ARCHITECTURE.live
    networks.load(model, data / PUBLISHED)
    published = export(model)
    targets = soft_targets(model, live, learnt)
    images = watched.images.astype(np.float32)
    fit(
        model,
        live,
        _batches(learnt, targets),
        len(targets) // SETTINGS.batch,
        (images, watched.live.astype(np.float32)),
        SETTINGS,
        on_epoch=lambda epoch: print(f"epoch {epoch.number}: {epoch.loss:.4f}", flush=True),
        on_step=_say,
    )
    scores = probabilities(model, live, images)
    found = rates.equal_error_rate(scores[watched.live], scores[~watched.live])
    print(f"on simulated attacks with the people held out: EER {100 * found.value:.1f} %")
    return twin(export(model), published)


def gather(data: Path) -> Iterator[Picture]:
    """Some frames of each clip, with the largest face in each."""
    detector = YuNetDetector(registered("yunet"), data / "models")
    for folder in MAY_TRAIN:
        for path in sorted((data / folder).iterdir()):
            if path.name.startswith("nir_") or path.suffix == ".md":
                continue
            for image in _frames(path):
                faces = [face for face in detector.detect(image) if face.box.width >= 20]
                if faces:
                    box = max(faces, key=lambda face: face.box.area).box
                    yield Picture(path.stem, image, box, simulation.person_cover(image, box))


def _frames(path: Path) -> list[Image]:
    """Frames of a clip, evenly spaced (or an image alone), reduced to LARGEST."""
    clip = cv2.VideoCapture(str(path))
    count = int(clip.get(cv2.CAP_PROP_FRAME_COUNT))
    wanted = set(np.linspace(0, max(count - 1, 0), FRAMES).astype(int).tolist())
    frames = []
    index = 0
    while True:
        there, image = clip.read()
        if not there:
            break
        if index in wanted:
            scale = min(1.0, LARGEST / max(image.shape[:2]))
            small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
            frames.append(np.asarray(small, np.uint8))
        index += 1
    if not frames:
        raise ValueError(f"{path} holds no frames")
    return frames


def soft_targets(model: Any, live: int, crops: Crops) -> rates.Scores:
    """What the network is to answer (n,): the label, and the teacher's opinion where it is right.

    The teacher is the network at the start, looking at the crop before a webcam spoilt it and at
    its mirror image. So the network learns to say of a bad picture, in one look, what it would
    say of a good one in two. The teacher saw real attacks, which the simulation is not, and keeps
    the network from trading what it knows of those for tricks that only work on simulated ones.
    """
    teacher = probabilities(model, live, crops.clean, mirror=True)
    labels = np.where(crops.live, CERTAIN, 1 - CERTAIN)
    right = (teacher >= 0.5) == crops.live
    return np.where(right, (1 - TEACHER) * labels + TEACHER * teacher, labels)


def _say(step: Step) -> None:
    if step.done % 25 == 0:
        print(f"step {step.done} of {step.of}, loss {step.loss:.4f}", flush=True)


def _batches(crops: Crops, targets: rates.Scores) -> Any:
    import tensorflow as tf

    pairs = tf.data.Dataset.from_tensor_slices((crops.images, targets.astype(np.float32)))
    return (
        pairs.shuffle(len(targets), seed=SEED)
        .repeat()
        .batch(SETTINGS.batch)
        .map(lambda images, live: (tf.cast(images, tf.float32), live))
        .prefetch(2)
    )


if __name__ == "__main__":
    sys.exit(main())
