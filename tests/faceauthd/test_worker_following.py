# SPDX-License-Identifier: MIT
"""How often a worker embeds: as its scan's order says, and as it is told later."""

from pathlib import Path

from faceauthd import messages, wire
from faceauthd.config import CameraConfig
from tests.faceauthd.films import write_clip
from tests.faceauthd.supervised import Bench, run_until
from tests.faceauthd.test_worker import Line, line

__all__ = ["line"]  # the fixture

FRAMES = 12
EVERY = 0.09


def judged(line: Line, count: int) -> list[bool]:
    """Whether the next frames hold an embedding; all are judged for liveness."""
    seen = [line.until(messages.Judged)[-1] for _ in range(count)]
    found = [report.observation for report in seen if isinstance(report, messages.Judged)]
    assert all(observation.liveness for observation in found)
    return [observation.embedding is not None for observation in found]


def test_it_embeds_as_often_as_it_is_told(line: Line, tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "clip.avi", FRAMES)
    line.until(messages.Ready)
    camera = CameraConfig(device=str(clip), paced=False)
    with clip.open("rb") as file:
        order = messages.Scan(7, camera, ("passive",), embed=True, every=1.0)
        wire.send(line.sock, order, file.fileno())
    assert judged(line, 5) == [True, False, False, False, False]
    wire.send(line.sock, messages.Every(8, 0.0))  # another scan's, which is over
    wire.send(line.sock, messages.Every(7, 0.0))
    # Behind those that were seen before it was told; one of them may have been due.
    assert any(all(judged(line, FRAMES)) for _ in range(1000))
    wire.send(line.sock, messages.Stop(7))
    line.until(messages.Ended)


def test_it_leaves_the_mirror_image_out_where_it_is_told_so(bench: Bench) -> None:
    record = bench.start().scan()
    scan = record.scan
    assert scan is not None
    run_until(lambda: len(record.frames) > 4)
    assert not any(seen.once for seen in record.frames)
    scan.embed_every(0.0, once=True)
    run_until(lambda: all(seen.once for seen in record.frames[-FRAMES:]))
    scan.embed_every(0.0, once=False)
    run_until(lambda: not any(seen.once for seen in record.frames[-FRAMES:]))
    record.stop()
    run_until(lambda: record.ended)


def test_the_supervisor_tells_it_once(bench: Bench) -> None:
    record = bench.start().scan()
    scan = record.scan
    assert scan is not None
    scan.embed_every(1.0, once=False)  # too early: the worker does not know the scan
    run_until(lambda: len(record.frames) > 4)
    assert all(seen.embedding is not None for seen in record.frames)
    scan.embed_every(1.0, once=False)
    run_until(lambda: any(seen.embedding is None for seen in record.frames))
    scan.embed_every(0.0, once=False)
    scan.embed_every(0.0, once=False)
    run_until(lambda: all(seen.embedding is not None for seen in record.frames[-FRAMES:]))
    record.stop()
    run_until(lambda: record.ended)
    scan.embed_every(1.0, once=False)  # too late
