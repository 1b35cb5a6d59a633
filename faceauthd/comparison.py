# SPDX-License-Identifier: MIT
"""Which templates a scan is compared with, and at which similarity.

A template of another model is never compared: the numbers would mean nothing.
"""

from collections.abc import Callable, Sequence
from typing import Protocol

from faceauthd.capture import RefusalError
from faceauthd.messages import Ready
from faceauthd.parts import Parts
from faceauthd.results import Result
from faceauthd.sessions import Template
from faceauthd.sessions.follow import SURER
from faceauthd.store import FaceRecord
from models.errors import ModelError


class Measures(Protocol):
    """What of the daemon's parts (parts.py) knows thresholds."""

    @property
    def threshold(self) -> Callable[[str, float], float]: ...
    @property
    def run_threshold(self) -> Callable[[str, float], float]: ...


def loaded(parts: Parts) -> Ready:
    """What the worker has loaded; RefusalError where it has not."""
    if parts.worker.info is None:
        raise RefusalError(Result.ERROR, "the worker has no models loaded")
    return parts.worker.info


def is_usable(face: FaceRecord, info: Ready | None) -> bool:
    """Whether the loaded model can compare this face."""
    return info is not None and face.model == info.model and not face.damaged


def usable(faces: Sequence[FaceRecord], info: Ready) -> list[FaceRecord]:
    """Those of the faces that the loaded model can compare."""
    return [face for face in faces if is_usable(face, info)]


def templates(faces: Sequence[FaceRecord], info: Ready) -> list[Template]:
    """What can be compared of these faces; RefusalError where that is nothing."""
    if not faces:
        raise RefusalError(Result.NOT_ENROLLED, "no face is enrolled; first: faceauth add")
    comparable = usable(faces, info)
    if not comparable:
        raise RefusalError(
            Result.NOT_ENROLLED,
            f"no enrolled face is of the model in use ({info.model}): enrol again",
        )
    return [Template(face.face_id, face.user, face.label, face.vectors) for face in comparable]


def sure(measures: Measures, info: Ready, fmr: float, gallery: Sequence[Template]) -> float | None:
    """The cosine at which a frame is surely the user's; None where no measurement reaches it."""
    try:
        return threshold(measures, info, fmr / SURER, gallery)
    except RefusalError:
        return None


def threshold(
    measures: Measures, info: Ready, fmr: float, gallery: Sequence[Template] = ()
) -> float:
    """The cosine that a stranger's frame reaches with the probability ``fmr``.

    Each template in the gallery is another chance for the stranger, so each gets a share of it.
    RefusalError where the calibration does not reach that far.
    """
    return _measured(measures.threshold, info, fmr, gallery)


def run_threshold(
    measures: Measures, info: Ready, fmr: float, gallery: Sequence[Template]
) -> float:
    """The same of the mean of a run's embeddings."""
    return _measured(measures.run_threshold, info, fmr, gallery)


def share(fmr: float, faces: Sequence[Template | FaceRecord]) -> float:
    """Each template's part of the false match rate."""
    return fmr / max(1, _templates(faces))


def share_of_one_more(fmr: float, faces: Sequence[FaceRecord]) -> float:
    """Each template's part, where an enrolment adds one to these."""
    return fmr / (_templates(faces) + 1)


def _templates(faces: Sequence[Template | FaceRecord]) -> int:
    return sum(len(face.vectors) for face in faces)


def _measured(
    measured: Callable[[str, float], float], info: Ready, fmr: float, gallery: Sequence[Template]
) -> float:
    try:
        return measured(info.model, share(fmr, gallery))
    except ModelError as error:
        several = f"{_templates(gallery)} faces share the fmr of {fmr:.2g}: "
        raise RefusalError(Result.ERROR, f"{several if len(gallery) > 1 else ''}{error}") from None
