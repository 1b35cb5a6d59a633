# SPDX-License-Identifier: MIT
"""The templates that a face is compared with, as one matrix."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from faceauthd.sessions.sight import UNIT_TOLERANCE
from faceauthd.sessions.verdict import CannotJudgeError, Template


@dataclass(frozen=True)
class Likeness:
    """The most similar template, its cosine similarity, and the users who reach the threshold."""

    score: float
    template: Template
    users: frozenset[str]


class Gallery:
    """Templates of one engine. Raises CannotJudgeError where they do not fit."""

    def __init__(self, templates: Sequence[Template]) -> None:
        """``templates`` may be several users'; one without rows is compared with nothing."""
        usable = [template for template in templates if len(template.vectors)]
        if not usable:
            raise CannotJudgeError("there is no template to compare with")
        if len({template.vectors.shape[1:] for template in usable}) != 1:
            raise CannotJudgeError("the templates are of different engines")
        self._rows: NDArray[np.float32] = np.concatenate([each.vectors for each in usable])
        lengths = np.linalg.norm(self._rows, axis=-1)
        if self._rows.ndim != 2 or not (np.abs(lengths - 1) < UNIT_TOLERANCE).all():
            raise CannotJudgeError("a template is damaged: its length is not 1")
        self._owners = [template for template in usable for _ in template.vectors]

    @property
    def dimension(self) -> int:
        return int(self._rows.shape[1])

    @property
    def users(self) -> frozenset[str]:
        return frozenset(template.user for template in self._owners)

    def likeness(self, embedding: NDArray[np.float32], threshold: float) -> Likeness:
        """How alike an embedding, (d,) of length 1, is to the templates."""
        scores = self._rows @ embedding
        best = int(np.argmax(scores))
        passing = np.flatnonzero(scores >= threshold)
        return Likeness(
            float(scores[best]),
            self._owners[best],
            frozenset(self._owners[row].user for row in passing),
        )
