# SPDX-License-Identifier: MIT
"""The main job: a PAM application lets the enrolled person in by face, and nobody else.

Real videos are the camera, and everything between pamtester and the pixels is what ships. Nobody
is recognised in frames that they were enrolled from.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from faceauthd.results import Result
from tests.harness import clips
from tests.harness.data import needs
from tests.harness.people import Person, cut, live_people, portraits, replays
from tests.harness.rig import Rig

pytestmark = [needs("video"), needs("models")]

# Files as fast as they can be read: media time is what sessions count, so nothing changes but the
# time that the test takes. A stranger may try many accounts without a lockout between.
FAST = "[camera]\npaced = false\n[lockout]\nattempts = 20\n"
# Recognition alone is on trial, so nothing may be refused for another reason. Among eighteen, 1:N
# divides its rate by eighteen, and 2e-4 is about the finest that the calibrations then support.
RECOGNITION = FAST + "[verify]\nliveness = []\n[service.crowd]\nfmr = 2e-4\n"
AT_THE_DOOR = 12  # of the people, how many try each other's account through PAM

Show = Callable[[str], None]


@pytest.fixture
def show(capsys: pytest.CaptureFixture[str]) -> Show:
    """Prints also where pytest captures."""

    def printed(line: str) -> None:
        with capsys.disabled():
            print(line, flush=True)

    return printed


@pytest.fixture(scope="module")
def people(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Person]:
    return cut(live_people() | portraits(), tmp_path_factory.mktemp("people"))


@contextmanager
def everybody_enrolled(people: dict[str, Person], engine: str) -> Iterator[Rig]:
    first = next(iter(people.values()))[0]
    with Rig(first, users=list(people), config=RECOGNITION, engine=engine) as rig:
        for name, (enrol, _) in people.items():
            rig.enrol(name, enrol)
        yield rig


def test_each_person_gets_in_and_every_other_is_refused(
    people: dict[str, Person], show: Show
) -> None:
    """Through PAM. The table: a row is who sits before the camera, a column whose account."""
    names = list(people)[:AT_THE_DOOR]
    marks = {"SUCCESS": "in", "AUTH_ERR": "no"}
    show(f"\n{'':10}" + " ".join(f"{name[:5]:>5}" for name in names))
    wrong = []
    with everybody_enrolled({name: people[name] for name in names}, "auto") as rig:
        for seen in names:
            rig.show(people[seen][1])
            codes = {user: rig.pam("face", user).code for user in names}
            row = " ".join(f"{marks.get(codes[user], codes[user][:5]):>5}" for user in names)
            show(f"{seen:10}{row}")
            wrong += [
                (seen, user, code)
                for user, code in codes.items()
                if code != ("SUCCESS" if user == seen else "AUTH_ERR")
            ]
    assert not wrong


@pytest.mark.skipif(os.geteuid() != 0, reason="needs root, who alone may identify")
@pytest.mark.parametrize("engine", ["auto", "dlib"])
def test_all_are_recognised_and_nobody_is_taken_for_another(
    people: dict[str, Person], engine: str, show: Show
) -> None:
    """Each person against all templates at once, and to their own account through PAM."""
    taken, refused, unknown = [], [], []
    with everybody_enrolled(people, engine) as rig, rig.client() as daemon:
        for seen, (_, later) in people.items():
            rig.show(later)
            result, user, _ = daemon.identify(service="crowd")
            if result == Result.MATCH and user != seen:
                taken.append((seen, user))
            elif result != Result.MATCH:
                unknown.append((seen, result))
            if (code := rig.pam("face", seen).code) != "SUCCESS":
                refused.append((seen, code))
    show(f"\n{engine}: {len(people)} people, refused {refused}, not identified {unknown}")
    assert not taken
    assert not refused


def test_live_people_get_in_and_their_replays_do_not(
    people: dict[str, Person], tmp_path: Path, show: Show
) -> None:
    """With liveness as it is by default; each replay is shown from its start and its middle."""
    live = live_people()
    wrong = []
    with Rig(people["apfol"][0], users=list(live), config=FAST) as rig:
        for name in live:
            rig.enrol(name, people[name][0])
            scenes = [("genuine", people[name][1], "SUCCESS")]
            if name in replays():
                halves = clips.halves(replays()[name], tmp_path / name)
                scenes += [("replay", half, "AUTH_ERR") for half in halves]
            for what, scene, right in scenes:
                rig.show(scene)
                code = rig.pam("face", name).code
                show(f"{name:10} {what:8} {rig.last_result():10} PAM_{code}")
                wrong += [(name, what, code)] if code != right else []
    assert not wrong
