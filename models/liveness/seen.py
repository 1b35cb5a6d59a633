# SPDX-License-Identifier: MIT
"""Which images a trained model has seen, and so may not be judged by.

By their recording, because the other frames of one are nearly the same; and by their content, so
that neither another name nor another folder makes a known image new.
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from models import reading
from models.errors import ModelError
from models.evaluation.datasets import DatasetError, Sample

CONTENTS = "trained-on.txt"  # beside a model's description
DESCRIPTION = "model.json"


@dataclass(frozen=True)
class Seen:
    """Recordings (source, session), and the first digits of the images' SHA-256."""

    recordings: frozenset[tuple[str, str]] = frozenset()
    contents: frozenset[str] = frozenset()

    @classmethod
    def by(cls, folder: Path) -> "Seen":
        """What the model in the folder has seen; nothing where it does not say."""
        try:
            about = json.loads(reading.read(folder / DESCRIPTION))
            pairs = about.get("trained", {}).get("recordings", [])
            recordings = frozenset((str(source), str(session)) for source, session in pairs)
        except FileNotFoundError:
            return cls()
        except (OSError, ValueError, TypeError, AttributeError):
            raise ModelError(
                f"{folder / DESCRIPTION}: does not say what it was trained on"
            ) from None
        return cls(recordings, _contents(folder / CONTENTS))


def _contents(path: Path) -> frozenset[str]:
    """The contents that a model's folder lists; none where it lists none."""
    try:
        return frozenset(reading.read(path).decode("utf-8").split())
    except FileNotFoundError:
        return frozenset()
    except (OSError, UnicodeDecodeError):
        raise ModelError(f"{path}: does not say what the model was trained on") from None


def unseen(samples: Sequence[Sample], models: Iterable[Seen]) -> list[Sample]:
    """The samples of recordings of which none of the models has seen an image."""
    known = list(models)
    recordings = {recording for one in known for recording in one.recordings}
    contents = {content for one in known for content in one.contents}
    recordings |= {
        (sample.source, sample.session)
        for sample in samples
        if contents and _known(sample.path, contents)
    }
    return [one for one in samples if (one.source, one.session) not in recordings]


def _known(path: Path, contents: Iterable[str]) -> bool:
    """Whether the image is one of these; one that cannot be read is left out by who looks at it."""
    try:
        return content(path) in contents
    except DatasetError:
        return False


def content(path: Path) -> str:
    """What tells an image from others, whatever it is called; DatasetError where it is unreadable.

    The first 80 bits of the SHA-256 of its file.
    """
    try:
        return hashlib.sha256(reading.read(path)).hexdigest()[:20]
    except OSError as error:
        raise DatasetError(f"{path} cannot be read: {error.strerror}") from None
