# SPDX-License-Identifier: MIT
"""A trained network as a folder: all of it, or none.

    model.onnx, model.json     what the runtime loads, and all that ``install`` takes
    trained-on.txt             the images it has seen, by their content; ``install`` takes it too
    model.keras                to train on from
    metrics.json               the figures, for programs
    MODEL_CARD.md              what it is, for people
    report/index.html          plots; and report/worst/, the frames it was most wrong about

The pictures are in no file that a model is loaded from.
"""

import json
import tempfile
from collections.abc import Sequence
from dataclasses import asdict
from html import escape
from pathlib import Path
from typing import Any

import cv2

from models.evaluation.datasets import Sample, recordings
from models.evaluation.liveness import RUN, Scored, as_json, live_decisions, read_image
from models.evaluation.liveness_page import NOTE, det, figures, histogram
from models.evaluation.plot import Curve, document, plot
from models.liveness.calibration import measured
from models.liveness.card import card, judges
from models.liveness.files import write_folder
from models.liveness.fitting import Settings
from models.liveness.seen import CONTENTS, content
from models.liveness.train import Trained, description

WORST = 6  # frames of each kind on the report's page
THUMBNAIL = 160  # pixels, the longer side


def save(trained: Trained, directory: Path, name: str, settings: Settings) -> None:
    """Make the folder ``directory``. OSError: the disk, or it is there already."""
    learnt = [*trained.split.train, *trained.split.validation]
    worst = worst_frames(trained.scored)
    metrics = {
        "judged_on": "test" if trained.split.test else "validation",
        "held_out": as_json(trained.report),
        "epochs": [asdict(epoch) for epoch in trained.history],
        "unreadable": trained.unreadable,
        "faceless": [str(path) for path in trained.faceless],
    }
    files = {
        "model.onnx": trained.network,
        "metrics.json": _json(metrics),
        "MODEL_CARD.md": card(trained, name, settings).encode(),
        "report/index.html": report_page(trained, name, worst).encode(),
        CONTENTS: "".join(f"{one}\n" for one in sorted({content(s.path) for s in learnt})).encode(),
        "model.json": _json(about(trained, name, settings, learnt)),
    }
    files |= {f"report/{_place(number)}": thumbnail(one) for number, one in enumerate(worst)}
    if trained.model is not None:
        files["model.keras"] = keras_file(trained.model)
    write_folder(directory, files)


def about(
    trained: Trained, name: str, settings: Settings, learnt: Sequence[Sample]
) -> dict[str, Any]:
    """The description for the runtime, and how the network came about."""
    start = settings.start.name if settings.start else ""
    # Not by what chose the threshold, where nothing else judged: that would flatter.
    calibration = measured(live_decisions(trained.scored), RUN) if trained.split.test else None
    return {
        **description(name, trained.network, trained.architecture, trained.threshold),
        **({"calibration": calibration.as_table()} if calibration else {}),
        "trained": {
            "settings": {**asdict(settings), "start": start},
            "split": trained.split.unit,
            "images": len(trained.split.train),
            "held_out": len(trained.split.judged),
            "recordings": sorted(recordings(learnt)),
        },
    }


def keras_file(model: Any) -> bytes:
    """The Keras model as a .keras file."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.keras"
        model.save(path)
        return path.read_bytes()


def worst_frames(scored: Sequence[Scored]) -> list[Scored]:
    """Live faces with the lowest scores, then attacks with the highest."""
    live = sorted((one for one in scored if one.sample.live), key=lambda one: one.score)
    attacks = sorted((one for one in scored if not one.sample.live), key=lambda one: -one.score)
    return live[:WORST] + attacks[:WORST]


def thumbnail(one: Scored) -> bytes:
    """The frame as a small JPEG."""
    image = read_image(one.sample.path)
    scale = min(1.0, THUMBNAIL / max(image.shape[:2]))
    small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    _, data = cv2.imencode(".jpg", small)
    return data.tobytes()


def report_page(trained: Trained, name: str, worst: Sequence[Scored]) -> str:
    """What the training did, as a page: figures, epochs, trade-off, scores, worst frames."""
    body = [f"<p>Measured on {judges(trained)}.</p><p>{NOTE}</p>", figures(trained.report)]
    if trained.history:
        body += ["<h2>Epochs</h2>", *_epochs(trained)]
    body += ["<h2>Detection error trade-off</h2>", det({name: trained.scored})]
    body += ["<h2>Scores</h2>", histogram(trained.scored), "<h2>Worst frames</h2>"]
    body += [_figure(number, one) for number, one in enumerate(worst)]
    return document(f"The liveness model {name}", body)


def _epochs(trained: Trained) -> list[str]:
    first, last = trained.history[0].number, trained.history[-1].number
    extent = (float(first), float(max(last, first + 1)))
    plots = []
    for title, pair, unit in (
        ("loss", ("loss", "validation_loss"), ""),
        ("accuracy", ("accuracy", "validation_accuracy"), "%"),
    ):
        curves = [
            Curve(label, [(float(epoch.number), getattr(epoch, key)) for epoch in trained.history])
            for label, key in zip(("training", "validation"), pair, strict=True)
        ]
        plots.append(plot(curves, "epoch", title, extent, unit))
    return plots


def _figure(number: int, one: Scored) -> str:
    shows = "live" if one.sample.live else one.sample.species
    return (
        f'<figure><img src="{_place(number)}" alt=""><figcaption>{escape(shows)}: '
        f"{one.score:.3f}<br>{escape(one.sample.session)}</figcaption></figure>"
    )


def _place(number: int) -> str:
    return f"worst/{number + 1:02}.jpg"


def _json(table: object) -> bytes:
    return (json.dumps(table, indent=1) + "\n").encode()
