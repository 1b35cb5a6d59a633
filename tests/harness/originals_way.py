# SPDX-License-Identifier: MIT
"""The way of face-recognition-with-liveness, to measure beside ours: TensorFlow, HOG, dlib.

    python originals_way.py CLIP LIVENESS.h5

Works on the clip's frames as that login does: HOG with one upsampling (its SSD's weights are not
at hand), the crop of 32 x 32 through Keras's ``predict``, and ``face_encodings``: dlib's five
landmarks and its network. Behind that, its liveness network in our runtime: with its weights, which
must give the answers of ``predict``. Prints one JSON object of milliseconds, medians but for the
first.
"""

import sys
import time

BEGAN = time.perf_counter()

import importlib.util  # noqa: E402 - the clock is to run while all else loads
import json  # noqa: E402
import os  # noqa: E402
from pathlib import Path  # noqa: E402
from statistics import median  # noqa: E402
from typing import Any  # noqa: E402

os.environ["TF_CPP_MIN_LOG_LEVEL"] = "3"

import cv2  # noqa: E402
import dlib  # noqa: E402
import keras  # noqa: E402
import numpy as np  # noqa: E402

FRAMES = 12
RUNS = 500  # of what takes a fifth of a millisecond


def main(clip: str, liveness: str) -> None:
    package = importlib.util.find_spec("face_recognition_models")
    assert package is not None and package.origin is not None
    data = Path(package.origin).parent / "models"
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(data / "shape_predictor_5_face_landmarks.dat"))
    weights = str(data / "dlib_face_recognition_resnet_model_v1.dat")
    network = dlib.face_recognition_model_v1(weights)
    model = keras.models.load_model(liveness, compile=False)
    film = cv2.VideoCapture(clip)
    times: dict[str, list[float]] = {"detection": [], "liveness": [], "face_encodings": []}
    first = 0.0
    for _ in range(FRAMES):
        _, frame = film.read()
        image = np.ascontiguousarray(frame[:, :, ::-1])
        start = time.perf_counter()
        (face, *_others) = detector(image, 1)
        found = time.perf_counter()
        top, left = max(face.top(), 0), max(face.left(), 0)
        crop = cv2.resize(frame[top : face.bottom(), left : face.right()], (32, 32)) / 255.0
        answer = model.predict(crop[None], verbose=0)
        judged = time.perf_counter()
        network.compute_face_descriptor(image, predictor(image, face), 1)
        end = time.perf_counter()
        first = first or end - BEGAN
        for name, seconds in zip(times, (found - start, judged - found, end - judged), strict=True):
            times[name].append(seconds * 1000)
    # The first predict builds the graph; the median of the others is what a frame costs.
    figures = {name: median(values[1:]) for name, values in times.items()}
    figures["liveness, its network in our runtime"] = ours(model, crop, answer)
    print(json.dumps({"from a cold start to one frame": first * 1000, **figures}))


def ours(model: Any, crop: Any, wanted: Any) -> float:
    """Milliseconds for the network of ``model``, whose answer to ``crop`` is ``wanted``."""
    from models.liveness.export import export
    from models.liveness.networks import livenessnet
    from models.runtime import Network

    same = livenessnet()  # which scales by itself, and leaves the softmax to who reads it
    same.set_weights(model.get_weights())
    network = Network(export(same), "the original's")
    image = np.ascontiguousarray((crop * 255).astype(np.float32).transpose(2, 0, 1))[None]
    logits = network.run(image).astype(np.float64)
    assert np.allclose(np.exp(logits) / np.exp(logits).sum(), wanted, atol=1e-4)
    times = []
    for _ in range(RUNS):
        start = time.perf_counter()
        network.run(image)
        times.append((time.perf_counter() - start) * 1000)
    return median(times)


if __name__ == "__main__":
    main(*sys.argv[1:])
