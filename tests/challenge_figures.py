# SPDX-License-Identifier: MIT
"""The figures of docs/challenge.md: movements that were made and found, and those that were not.

    python -m tests.challenge_figures      # from ../shared/data, about three minutes

Who moved and when was written down by eye, from contact sheets. The clips' people were asked for
nothing: what they did by themselves stands for what they would do when asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice

from faceauthd.sessions.movement import CLOSED, NODDED, TURNED, Gesture, Movements, neutral_pose
from models.detection.yunet import YuNetDetector
from models.face import Image
from models.pose import Pose
from models.poser import Poser, load_poser
from models.registry import model
from tests.harness.cards import card, portrait
from tests.harness.clips import frames
from tests.harness.data import SHARED

VIDEO = SHARED / "video"
RUN = 10  # frames that make a neutral pose
EVERY = 5  # frames between the beginnings of two scans
SECONDS = 5.0  # of one
LONGEST = 450  # frames of a clip that are looked at
SMALLEST = 60  # pixels of a face

LEFT, RIGHT, NOD, BLINK = Gesture.TURN_LEFT, Gesture.TURN_RIGHT, Gesture.NOD, Gesture.BLINK


@dataclass(frozen=True)
class Moving:
    """A clip with movements, in order, and the frame from which the neutral pose is taken."""

    clip: str
    rate: float
    neutral: int
    made: tuple[tuple[Gesture, int, int], ...]  # from frame to frame


# Turns of about 25° and more. Whoever is asked to turn does that.
LARGE = (
    Moving(
        "genuine/krzysiek354_real.mp4", 16, 3, ((LEFT, 34, 48), (RIGHT, 48, 66), (NOD, 84, 106))
    ),
    Moving(
        "pairs/apfol/genuine.webm",
        30,
        0,
        ((RIGHT, 44, 74), (LEFT, 74, 92), (RIGHT, 92, 110), (RIGHT, 134, 158), (RIGHT, 175, 200)),
    ),
    Moving("genuine/jomariya_real_1.mp4", 30, 0, ((LEFT, 150, 182),)),
    Moving("talking-head/liveportrait_d14.mp4", 30, 20, ((BLINK, 107, 207),)),
)
# Glances aside.
SMALL = (
    Moving("genuine/krzysiek354_real.mp4", 16, 3, ((LEFT, 107, 123),)),
    Moving("pairs/apfol/genuine.webm", 30, 0, ((LEFT, 118, 134), (LEFT, 160, 175))),
    Moving(
        "talking-head/liveportrait_d12.mp4",
        25,
        5,
        ((LEFT, 32, 54), (RIGHT, 73, 94), (LEFT, 160, 180)),
    ),
)
# People who sit or stand still, talk and blink.
STILL = (
    "pairs/lestari15/genuine.mp4",
    "pairs/wolf-huo/genuine.mp4",
    *(f"talking-head/liveportrait_{name}.mp4" for name in ("d0", "d6", "d10", "d13", "d18")),
    *(f"talking-head/liveportrait_{name}.mp4" for name in ("d19", "d20")),
    *(f"talking-head/videoretalking_{number}.mp4" for number in (1, 2, 3)),
    *(f"standing-person/intel_{word}.mkv" for word in ("again", "bird", "eat", "hungry")),
    *(f"standing-person/intel_{word}.mkv" for word in ("please", "thanks", "want")),
)
# Their faces on cards.
PRINTED = tuple(clip for clip in STILL if not clip.startswith("standing"))[:6]
ANGLES = (-50, -35, -20, 20, 35, 50)
BENDS = (0, 60, -60)


class Eyes:
    """The detector and what measures poses."""

    def __init__(self) -> None:
        self.detector = YuNetDetector(model("yunet"), SHARED / "models")
        poser = load_poser("mobilefacenet", SHARED / "models")
        assert isinstance(poser, Poser)
        self.poser = poser

    def poses(self, clip: str) -> list[Pose | None]:
        """Of each frame; None where it does not show one face of usable size."""
        found: list[Pose | None] = []
        for image in islice(frames(VIDEO / clip), LONGEST):
            faces = [face for face in self.detector.detect(image) if face.box.width >= SMALLEST]
            found.append(self.poser.measure(image, faces[0]) if len(faces) == 1 else None)
        return found


def main() -> None:
    eyes = Eyes()
    known: dict[str, list[Pose | None]] = {}
    for title, clips in (("large", LARGE), ("small", SMALL)):
        for moving in clips:
            if moving.clip not in known:
                known[moving.clip] = eyes.poses(moving.clip)
            show(title, moving, known[moving.clip])
    scans, found = 0, 0
    for clip in STILL:
        of_clip, wrong = scanned(eyes.poses(clip), 30.0)
        scans, found = scans + of_clip, found + len(wrong)
        print(f"still: {clip}: {of_clip} scans, {len(wrong)} with a movement {wrong}", flush=True)
    print(f"still, together: {scans} scans, {found} with a movement")
    for clip in PRINTED:
        print_cards(eyes, clip)


def show(title: str, moving: Moving, poses: Sequence[Pose | None]) -> None:
    """Each movement that was made, and what of it was found."""
    start = [pose for pose in poses[moving.neutral : moving.neutral + RUN] if pose]
    movements = Movements(neutral_pose(start))
    done = [
        (gesture, at)
        for at, pose in enumerate(poses)
        if pose and at >= moving.neutral + RUN
        if (gesture := movements.feed(at / moving.rate, pose))
    ]
    for gesture, begin, end in moving.made:
        within = [str(one) for one, at in done if begin <= at <= end + 2]
        print(
            f"{title}: {moving.clip}, frames {begin}-{end}: {gesture}, found {within}", flush=True
        )


def scanned(poses: Sequence[Pose | None], rate: float) -> tuple[int, list[str]]:
    """How many scans there are room for, and the first movement in those that have one."""
    scans, first = 0, []
    for begin in range(RUN, len(poses) - RUN, EVERY):
        start = [pose for pose in poses[begin - RUN : begin] if pose]
        if len(start) < RUN:
            continue
        scans += 1
        movements = Movements(neutral_pose(start))
        for at, pose in enumerate(poses[begin : begin + round(SECONDS * rate)]):
            gesture = movements.feed(at / rate, pose) if pose else None
            if gesture:
                first.append(str(gesture))
                break
    return scans, first


def print_cards(eyes: Eyes, clip: str) -> None:
    """The most that a photograph moves, as a share of what counts, flat and bent."""
    image = next(frames(VIDEO / clip))
    picture = portrait(image, eyes.detector.detect(image)[0].box)
    for bend in BENDS:
        straight = pose_on_card(eyes, card(picture, bend=bend))
        if straight is None:
            continue
        turned = [card(picture, turn=angle, bend=bend) for angle in ANGLES]
        tilted = [card(picture, tilt=angle, bend=bend) for angle in ANGLES]
        seen = [pose for one in turned + tilted if (pose := pose_on_card(eyes, one))]
        turn = max(abs(pose.turn - straight.turn) for pose in seen) / TURNED
        nod = max(pose.nod - straight.nod for pose in seen) / NODDED
        shut = min(pose.eyes for pose in seen) / straight.eyes
        print(
            f"card: {clip}, bent {bend}: {len(seen)} of {len(turned + tilted)} with a face; turn "
            f"{turn:.2f}, nod {nod:.2f} of what counts; eyes {shut:.2f} (shut below {CLOSED})",
            flush=True,
        )


def pose_on_card(eyes: Eyes, image: Image) -> Pose | None:
    faces = eyes.detector.detect(image)
    return eyes.poser.measure(image, faces[0]) if len(faces) == 1 else None


if __name__ == "__main__":
    main()
