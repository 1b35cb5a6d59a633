# SPDX-License-Identifier: MIT
"""Picture files in a camera's place: what is wrong with one is what is wrong with the camera."""

from faceauthd.camera.terms import CameraError
from models import picture
from models.face import Image
from models.picture import LARGEST_FILE, PictureError, is_picture

__all__ = ["LARGEST_FILE", "decode", "is_picture"]


def decode(data: bytes, name: str) -> Image:
    """As models.picture.decode; raises CameraError: "broken", with the reason."""
    try:
        return picture.decode(data, name)
    except PictureError as error:
        raise CameraError("broken", str(error)) from None
