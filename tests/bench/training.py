# SPDX-License-Identifier: MIT
"""How many images a second the default liveness network is trained on; needs TensorFlow."""

import time

import numpy as np

from models.liveness.networks import architecture
from tests.bench.times import Figures

BATCH, STEPS = 32, 5


def training() -> Figures:
    """Steps over one batch of noise, behind one that builds the graph."""
    about = architecture("minifasnet")
    model = about.build()
    model.compile("adam", "sparse_categorical_crossentropy")
    rng = np.random.default_rng(0)
    images = rng.uniform(0, 255, (BATCH, about.size, about.size, 3)).astype(np.float32)
    labels = rng.integers(0, about.classes, BATCH)
    model.train_on_batch(images, labels)
    start = time.perf_counter()
    for _ in range(STEPS):
        model.train_on_batch(images, labels)
    return {"images a second": BATCH * STEPS / (time.perf_counter() - start)}
