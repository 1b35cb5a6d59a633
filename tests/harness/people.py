# SPDX-License-Identifier: MIT
"""The people of ../shared/data/video, each as two clips: one to enrol from, and a later one.

Eighteen different people: edited portraits of thirteen, webcam and phone clips of five. The
portraits speak for recognition alone; whether the five's clips and replays are told apart speaks
for liveness.
"""

from pathlib import Path

from tests.harness import clips
from tests.harness.data import SHARED

VIDEO = SHARED / "video"
Person = tuple[Path, Path]  # the clip to enrol from, and the later one


def live_people() -> dict[str, Path]:
    """Those who really sat before a camera."""
    return {
        "apfol": VIDEO / "pairs" / "apfol" / "genuine.webm",
        "wolf-huo": VIDEO / "pairs" / "wolf-huo" / "genuine.mp4",
        "lestari15": VIDEO / "pairs" / "lestari15" / "genuine.mp4",
        "jomariya": VIDEO / "genuine" / "jomariya_real_1.mp4",
        "krzysiek": VIDEO / "genuine" / "krzysiek354_real.mp4",
    }


def replays() -> dict[str, Path]:
    """Screens that show one of the live people, filmed by a camera."""
    return {path.parent.name: path for path in sorted((VIDEO / "pairs").glob("*/replay.*"))}


def portraits() -> dict[str, Path]:
    """The talking heads, by short names that users can have."""
    return {
        path.stem.replace("liveportrait_", "").replace("videoretalking_", "v"): path
        for path in sorted((VIDEO / "talking-head").glob("*.mp4"))
    }


def cut(people: dict[str, Path], folder: Path) -> dict[str, Person]:
    """Each person's two clips, at the 15 frames a second of a webcam in a dim room."""
    return {
        name: clips.halves(clip, folder / name, most=45, step=2) for name, clip in people.items()
    }
