# SPDX-License-Identifier: MIT
"""What each camera of the machine sees just now, and which one serves a face best."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from cli.language import _, plural
from cli.looking import brightness, look
from faceauthd.camera.terms import CameraError
from faceauthd.config import Config


@dataclass(frozen=True)
class Sight:
    """One look through one camera.

    light  mean brightness, 0 to 255
    faces  how many faces were found
    fault  why there is no picture; empty where there is one
    """

    id: str
    name: str
    infrared: bool
    light: float = 0.0
    faces: int = 0
    fault: str = ""

    def words(self, dark: float) -> str:
        """For people."""
        if self.fault:
            return self.fault
        light = _("dark") if self.light < dark else _("light enough")
        faces = plural("{number} face", "{number} faces", self.faces)
        text = _("{light} (mean brightness {mean:.0f} of 255), {faces} in view")
        return text.format(light=light, mean=self.light, faces=faces)


def sights(cameras: Iterable[Mapping[str, Any]], config: Config) -> list[Sight]:
    """A look through each usable camera; the daemon's list says which are."""
    from models.engine import load_engine

    detector = load_engine(config.engine, config.models_dir).detector
    found = []
    for camera in cameras:
        if not camera["usable"]:
            continue
        sight = Sight(camera["id"], camera["name"], camera["infrared"])
        try:
            image = look(replace(config.camera, device=camera["id"]))
        except CameraError as error:
            found.append(replace(sight, fault=str(error)))
        else:
            faces = len(detector.detect(image))
            found.append(replace(sight, light=brightness(image), faces=faces))
    return found


def best(found: Sequence[Sight], dark: float) -> Sight:
    """One face and no more, then light, then colours: the networks have learnt from those."""
    return max(found, key=lambda s: (s.faces == 1, not s.fault, s.light >= dark, not s.infrared))
