# SPDX-License-Identifier: MIT
"""Lists of pairs in the format of Labeled Faces in the Wild.

    Al_Pacino      1   2                   two images of one person
    AJ_Lamas       1   Zach_Safrin   1     images of two people

Image 2 of Al_Pacino is ``Al_Pacino/Al_Pacino_0002.jpg``. A first line of one or two numbers (LFW
writes how many pairs follow) is a header, which some of LFW's lists have and others lack. Every
wrong line is a DatasetError that names it. No image is opened.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from models import reading
from models.evaluation.datasets import DatasetError


@dataclass(frozen=True)
class Picture:
    """One image of one person."""

    person: str
    path: Path


@dataclass(frozen=True)
class Pair:
    """Two images to compare."""

    first: Picture
    second: Picture


def read(file: Path, images: Path) -> list[Pair]:
    """The pairs of ``file``, of images below ``images``."""
    try:
        lines = reading.read(file).decode("utf-8").splitlines()
    except OSError as error:
        raise DatasetError(f"{file} cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise DatasetError(f"{file} cannot be read: it is not UTF-8") from None
    if lines and _is_header(lines[0].split()):
        lines[0] = ""
    found = [
        _pair(line.split(), images, f"{file}, line {number}")
        for number, line in enumerate(lines, 1)
        if line.strip()
    ]
    if not found:
        raise DatasetError(f"{file} lists no pair of images")
    return found


def pictures(pairs: Sequence[Pair]) -> list[Picture]:
    """Each image of the list once."""
    return list(dict.fromkeys(one for pair in pairs for one in (pair.first, pair.second)))


def _is_header(words: Sequence[str]) -> bool:
    return len(words) in (1, 2) and all(word.isdecimal() for word in words)


def _pair(words: Sequence[str], images: Path, where: str) -> Pair:
    match words:
        case [name, first, second]:
            other = name
        case [name, first, other, second]:
            pass
        case _:
            raise DatasetError(f"{where}: a pair is NAME N N, or NAME N NAME N")
    return Pair(_picture(name, first, images, where), _picture(other, second, images, where))


def _picture(name: str, number: str, images: Path, where: str) -> Picture:
    if not (number.isascii() and number.isdecimal()):
        raise DatasetError(f'{where}: "{number}" is not the number of an image')
    if "/" in name or name in (".", ".."):
        raise DatasetError(f'{where}: "{name}" is not a name')
    return Picture(name, images / name / f"{name}_{int(number):04d}.jpg")
