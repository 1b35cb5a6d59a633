# SPDX-License-Identifier: MIT
"""The networks that ours is measured beside, each run by our runtime on our crops.

What preprocessing and crop each wants is what its own project states (../shared/data/README.md).
The original's file is Keras's: its weights are moved into our network of the same layers, which
takes the extra "train"; the others are ONNX.
"""

from pathlib import Path
from typing import Any

from models.liveness import networks
from models.liveness.passive import Description, PassiveModel
from models.registry import model as registered

CELEBASPOOF = {
    "id": "minifas-celebaspoof",
    "input": {"size": 128, "colour": "rgb", "std": [255, 255, 255]},
    "crop": 1.5,
    "output": "logits",
    "live": 0,
    "threshold": 0.5,
}
ORIGINAL = {
    "id": "original-livenessnet",
    "input": {"size": 32},
    "crop": 1.0,
    "output": "logits",
    "live": 1,
    "threshold": 0.5,
}


def minifasnet(models_dir: Path) -> PassiveModel:
    """MiniFASNetV2 as faceauth installs it."""
    about = registered("minifasnet")
    description = Description.read({"id": about.id, **about.table["liveness"]}, about.name)
    return PassiveModel(description, about.only_file(models_dir))


def celebaspoof(models_dir: Path) -> PassiveModel:
    """MiniFAS trained on CelebA-Spoof."""
    network = (models_dir / "minifas-celebaspoof/best_model_98.20.onnx").read_bytes()
    return _described(CELEBASPOOF, network)


def original(models_dir: Path) -> PassiveModel:
    """The original's own LivenessNet."""
    import keras

    from models.liveness.export import export

    path = models_dir / "original-livenessnet/liveness.h5"
    ours = networks.livenessnet()
    ours.set_weights(keras.models.load_model(path, compile=False).get_weights())
    return _described(ORIGINAL, export(ours))


def _described(table: dict[str, Any], network: bytes) -> PassiveModel:
    return PassiveModel(Description.read(table, str(table["id"])), network)
