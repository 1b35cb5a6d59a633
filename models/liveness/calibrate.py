# SPDX-License-Identifier: MIT
"""What the thresholds of the models that ship cost, measured: ``python -m models.liveness.calibrate
--data ../shared/data``.

Of the live faces with surroundings that none of them was trained on. Prints the calibration of the
stock model, of the border's vote and of MiniFASNetV2, which registry.toml keeps; ``--write`` puts
the first two into their descriptions.
"""

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

from models.errors import ModelError
from models.evaluation import datasets, rivals
from models.evaluation.compare import judged
from models.evaluation.datasets import DatasetError, Sample
from models.evaluation.liveness import RUN, live_decisions
from models.liveness.border import DESCRIPTION, ID, Border
from models.liveness.calibration import Calibration, measured
from models.liveness.passive import STOCK, PassiveModel, load_described


def main() -> int:
    """0, or 1 with one line on stderr."""
    parser = argparse.ArgumentParser(prog="python -m models.liveness.calibrate")
    parser.add_argument("--data", type=Path, required=True, help="the folder shared/data")
    parser.add_argument("--stock", type=Path, default=STOCK / "model.json", help="its description")
    parser.add_argument("--write", action="store_true", help="replace its calibration")
    options = parser.parse_args()
    try:
        samples = live_faces(options.data / "liveness")
        stock = calibration(load_described(options.stock), samples)
        edges = calibration(Border.shipped(), samples)
        published = calibration(rivals.minifasnet(options.data / "models"), samples)
        for name, found in (("stock", stock), (ID, edges), ("minifasnet", published)):
            print(name, json.dumps(found.as_table()))
        if options.write:
            write(options.stock, stock)
            write(DESCRIPTION, edges)
    except (DatasetError, ModelError, OSError) as error:
        print(f"calibrate: {error}", file=sys.stderr)
        return 1
    return 0


def live_faces(directory: Path) -> list[Sample]:
    """The live faces with surroundings, as a login has them; DatasetError where there are none."""
    found = [
        one
        for one in datasets.read(directory)
        if one.live and one.view == "fullframe" and one.box is not None
    ]
    if not found:
        raise DatasetError(f"{directory} has no live faces with their surroundings")
    return found


def calibration(model: PassiveModel, samples: Sequence[Sample]) -> Calibration:
    """What the model's thresholds cost on these live faces."""
    found = measured(live_decisions(judged(samples, model)), RUN)
    assert found is not None, "there are live faces"
    return found


def write(description: Path, found: Calibration) -> None:
    """Put the calibration into a model's description, whole or not at all."""
    about = json.loads(description.read_text(encoding="utf-8"))
    about["calibration"] = found.as_table()
    partial = description.with_suffix(".partial")
    partial.write_text(json.dumps(about, indent=1) + "\n", encoding="utf-8")
    partial.replace(description)


if __name__ == "__main__":
    sys.exit(main())
