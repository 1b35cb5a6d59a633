# SPDX-License-Identifier: MIT
"""What a face's embedding without its mirror image is worth: ``python -m tests.mirror_images``.

On LFW's development images, each face against templates, which are the means of two other images
of a person, mirror images and all: how much higher than with its mirror image a face can come out
without. The figures of docs/decisions/0023-mirror-image.md; two minutes.
"""

import argparse
import sys
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from faceauthd.sessions.follow import COMFORTABLE, SURER
from models.engine import Embedder, Engine, load_engine
from models.evaluation import people
from models.evaluation.embeddings import Cache, measure
from models.face import Face, Image
from models.recognition import impostors
from models.recognition.calibration import calibration_for
from tests.fusion import LFW
from tests.harness.data import SHARED

FMR = 1e-4


@dataclass(frozen=True)
class Alone:
    """An embedder that never looks at the mirror image."""

    embedder: Embedder

    @property
    def dimension(self) -> int:
        return self.embedder.dimension

    def embed(self, image: Image, face: Face, _once: bool = False) -> NDArray[np.float32]:
        return self.embedder.embed(image, face, True)


def main(arguments: Sequence[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.mirror_images", description=__doc__)
    parser.add_argument("--engine", default="mobilefacenet")
    options = parser.parse_args(arguments)
    if not LFW.is_dir():
        print("this needs ../shared/data/people/lfw-dev", file=sys.stderr)
        return 1
    engine = load_engine(options.engine, SHARED / "models")
    owner = {one.files[0]: one.person for one in people.read(LFW).sessions}
    both = vectors(engine, owner)
    alone = vectors(replace(engine, embedder=Alone(engine.embedder)), owner)
    _, numbers = np.unique([owner[path] for path in both], return_inverse=True)
    templates = impostors.means(np.stack(list(both.values())), numbers)
    once, twice = (np.stack(list(one.values())) @ templates.vectors.T for one in (alone, both))
    stranger = numbers[:, None] != templates.people
    apart = ~(templates.images == np.arange(len(numbers))[:, None, None]).any(axis=2)
    enough = calibration_for(engine.model).threshold(FMR / SURER) + COMFORTABLE
    print("| faces of | comparisons | once above twice, at most | highest, once | enough, once |")
    print("|---|---|---|---|---|")
    for words, chosen in (("strangers", stranger), ("the template's person", ~stranger & apart)):
        print(
            f"| {words} | {chosen.sum():,} | {(once - twice)[chosen].max():.3f} "
            f"| {once[chosen].max():.3f} | {100 * (once[chosen] >= enough).mean():.1f} % |"
        )
    return 0


def vectors(engine: Engine, owner: dict[Path, str]) -> dict[Path, NDArray[np.float32]]:
    """The embedding of the face in each image that shows one."""
    with closing(Cache(None, engine)) as cache:
        measured = measure(engine, owner, cache)
    return {path: one.vectors[0] for path, one in measured.items() if not one.failures[0]}


if __name__ == "__main__":
    sys.exit(main())
