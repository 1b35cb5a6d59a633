# SPDX-License-Identifier: MIT
"""What a person is asked to do while the camera records a face, or an attack on it."""

from typing import NamedTuple

LIVE = ""


class Guide(NamedTuple):
    """``prepare`` is said before a recording, ``hints`` one after the other during it."""

    prepare: str
    hints: tuple[str, ...]


_HOLD = ("Hold it still", "Move it closer", "Further away", "Tilt it a little", "Move it slowly")
GUIDES = {
    LIVE: Guide(
        "Sit as you do when you log in.",
        (
            "Look at the camera",
            "Come a little closer",
            "Lean back a little",
            "Turn your head slowly left and right",
            "Nod slowly",
            "Talk, smile, look around the screen",
        ),
    ),
    "print": Guide(
        "Hold a printed photo of your face before the camera, beside your own face or instead of "
        "it, so that only the photo's face is seen.",
        (*_HOLD, "Bend the paper a little", "Let its edge be seen, then not"),
    ),
    "phone": Guide(
        "Show your photo, or a video of you, on a phone, and hold it before the camera.",
        (*_HOLD, "Turn it on its side", "Change its brightness"),
    ),
    "tablet": Guide(
        "Show your photo, or a video of you, on a tablet, and hold it before the camera.",
        (*_HOLD, "Change its brightness", "Let its frame be seen, then not"),
    ),
    "monitor": Guide(
        "Show your photo, or a video of you, on a second screen, and point the camera at it.",
        ("Full screen", "In a window", "Closer", "Further away", "From a little aside"),
    ),
    "cutout": Guide(
        "Cut your face out of a printed photo (eyes too, if you like) and hold it before yours.",
        (*_HOLD, "Turn your head with it"),
    ),
    "mask": Guide("Wear the mask.", ("Look at the camera", "Turn your head", "Nod", "Talk")),
}
OTHER = Guide("Show the attack to the camera.", _HOLD)

# What is gone through where nobody says what to record.
TOUR = (
    (LIVE, "First you, in the light you usually have."),
    (LIVE, "You again, in another light or place: at the window, in the evening, with glasses."),
    ("print", "Now a printed photo of you."),
    ("print", "Once more, another print or another light."),
    ("phone", "Now hold up the phone with your photo."),
    ("phone", "Once more, another photo or another light."),
    ("monitor", "Now your photo on a larger screen."),
    ("monitor", "Once more, another photo or another light."),
)


def guide(species: str) -> Guide:
    """The guide for a species; "" is a live face."""
    return GUIDES.get(species, OTHER)


def hint(species: str, fraction: float) -> str:
    """What to do when so much (0 to 1) of a recording is done."""
    hints = guide(species).hints
    return hints[min(int(fraction * len(hints)), len(hints) - 1)]
