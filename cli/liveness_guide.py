# SPDX-License-Identifier: MIT
"""What a person is asked to do while the camera records a face, or an attack on it."""

from typing import NamedTuple

from cli.language import _

LIVE = ""


class Guide(NamedTuple):
    """``prepare`` is said before a recording, ``hints`` one after the other during it."""

    prepare: str
    hints: tuple[str, ...]


_HOLD = (
    _("Hold it still"),
    _("Move it closer"),
    _("Further away"),
    _("Tilt it a little"),
    _("Move it slowly"),
)
GUIDES = {
    LIVE: Guide(
        _("Sit as you do when you log in."),
        (
            _("Look at the camera"),
            _("Come a little closer"),
            _("Lean back a little"),
            _("Turn your head slowly left and right"),
            _("Nod slowly"),
            _("Talk, smile, look around the screen"),
        ),
    ),
    "print": Guide(
        _(
            "Hold a printed photo of your face before the camera, beside your own face or instead "
            "of it, so that only the photo's face is seen."
        ),
        (*_HOLD, _("Bend the paper a little"), _("Let its edge be seen, then not")),
    ),
    "phone": Guide(
        _("Show your photo, or a video of you, on a phone, and hold it before the camera."),
        (*_HOLD, _("Turn it on its side"), _("Change its brightness")),
    ),
    "tablet": Guide(
        _("Show your photo, or a video of you, on a tablet, and hold it before the camera."),
        (*_HOLD, _("Change its brightness"), _("Let its frame be seen, then not")),
    ),
    "monitor": Guide(
        _("Show your photo, or a video of you, on a second screen, and point the camera at it."),
        (
            _("Full screen"),
            _("In a window"),
            _("Closer"),
            _("Further away"),
            _("From a little aside"),
        ),
    ),
    "cutout": Guide(
        _("Cut your face out of a printed photo (eyes too, if you like) and hold it before yours."),
        (*_HOLD, _("Turn your head with it")),
    ),
    "mask": Guide(
        _("Wear the mask."), (_("Look at the camera"), _("Turn your head"), _("Nod"), _("Talk"))
    ),
}
OTHER = Guide(_("Show the attack to the camera."), _HOLD)

# What is gone through where nobody says what to record.
TOUR = (
    (LIVE, _("First you, in the light you usually have.")),
    (LIVE, _("You again, in another light or place: at the window, in the evening, with glasses.")),
    ("print", _("Now a printed photo of you.")),
    ("print", _("Once more, another print or another light.")),
    ("phone", _("Now hold up the phone with your photo.")),
    ("phone", _("Once more, another photo or another light.")),
    ("monitor", _("Now your photo on a larger screen.")),
    ("monitor", _("Once more, another photo or another light.")),
)


def guide(species: str) -> Guide:
    """The guide for a species; "" is a live face."""
    return GUIDES.get(species, OTHER)


def hint(species: str, fraction: float) -> str:
    """What to do when so much (0 to 1) of a recording is done."""
    hints = guide(species).hints
    return hints[min(int(fraction * len(hints)), len(hints) - 1)]
