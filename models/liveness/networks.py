# SPDX-License-Identifier: MIT
"""The networks that can be trained to tell a live face from an attack.

Every network takes (n, size, size, 3) float32, BGR 0-255 (scaling is a layer of its own where a
network wants it, so that no preprocessing can be forgotten at run time), and gives logits
(n, classes); the probability of "live" is the softmax at ``live``.

- ``minifasnet``: MiniFASNetV2 of Silent-Face-Anti-Spoofing (Apache-2.0), with its published
  weights to start from. Batch normalisation is folded into the convolutions, so fine-tuning on a
  few hundred images cannot spoil statistics that were gathered on millions.
- ``minifasnet-head``: the same, of which head.py learns the last layer alone, in seconds and
  without TensorFlow.
- ``livenessnet``: the small network of the well-known tutorial, for comparison: 32x32 pixels, two
  VGG blocks, a dense layer of 64.

TensorFlow is imported only when a network is built.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from models import reading
from models.liveness.export import ExportError, restore
from models.liveness.torchfile import WeightsError, read_weights

Weights = Mapping[str, NDArray[Any]]
FOLD_EPSILON = 1e-5  # of PyTorch's batch normalisation

# MiniFASNetV2's pruned widths: (in, expanded, out) of each block, in order.
STAGES: tuple[tuple[str, bool, tuple[tuple[int, int], ...]], ...] = (
    ("conv_23", True, ((103, 64),)),
    ("conv_3", False, ((13, 64), (13, 64), (13, 64), (13, 64))),
    ("conv_34", True, ((231, 128),)),
    ("conv_4", False, ((231, 128), (52, 128), (26, 128), (77, 128), (26, 128), (26, 128))),
    ("conv_45", True, ((308, 128),)),
    ("conv_5", False, ((26, 128), (26, 128))),
)


@dataclass(frozen=True)
class Architecture:
    """How to build a network, and the crop that it wants.

    size   side of its square input in pixels
    scale  the crop is the face's box enlarged by this
    live   index of the class "live"
    head   whether only its last layer is learnt, by head.learn, and the rest is that of a network
           that was trained before
    """

    name: str
    size: int
    scale: float
    classes: int
    live: int
    build: Callable[[], Any]
    head: bool = False


def architecture(name: str) -> Architecture:
    """The architecture of that name; KeyError for an unknown one."""
    return ARCHITECTURES[name]


def load(model: Any, path: Path) -> None:
    """Give ``model`` the weights of a model.onnx of ours, or of MiniFASNetV2's published .pth.

    WeightsError says in one line why they do not fit.
    """
    try:
        if path.suffix == ".pth":
            _load_published(model, read_weights(path))
        else:
            restore(model, reading.read(path))
    except (OSError, KeyError, ValueError, ExportError) as error:
        raise WeightsError(f"{path} cannot start the network {model.name}: {error}") from None


def minifasnet() -> Any:
    """MiniFASNetV2 as a Keras model."""
    import keras

    inputs = keras.Input((80, 80, 3), name="input")
    x = _convolution(inputs, "conv1", 32, kernel=3, stride=2)
    x = _convolution(x, "conv2_dw", None, kernel=3)
    for stage, strided, blocks in STAGES:
        for index, (expanded, out) in enumerate(blocks):
            name = stage if strided else f"{stage}.model.{index}"
            y = _convolution(x, f"{name}.conv", expanded, kernel=1)
            y = _convolution(y, f"{name}.conv_dw", None, kernel=3, stride=2 if strided else 1)
            y = _convolution(y, f"{name}.project", out, kernel=1, active=False)
            x = y if strided else keras.layers.Add(name=_keras_name(f"{name}.add"))([x, y])
    x = _convolution(x, "conv_6_sep", 512, kernel=1)
    x = _convolution(x, "conv_6_dw", None, kernel=5, pad=0, active=False)
    x = keras.layers.Flatten(name="flatten")(x)
    x = keras.layers.Dense(128, name="linear")(x)
    x = keras.layers.Dropout(0.2, name="drop")(x)
    logits = keras.layers.Dense(3, name="prob")(x)
    return keras.Model(inputs, logits, name="minifasnet")


def livenessnet() -> Any:
    """The tutorial's network as a Keras model."""
    import keras

    layers = keras.layers
    inputs = keras.Input((32, 32, 3), name="input")
    x = layers.Rescaling(1 / 255, name="rescale")(inputs)
    for block, width in enumerate((16, 32)):
        for part in range(2):
            x = layers.Conv2D(width, 3, padding="same", name=f"conv{block}{part}")(x)
            x = layers.ReLU(name=f"relu{block}{part}")(x)
            x = layers.BatchNormalization(name=f"norm{block}{part}")(x)
        x = layers.MaxPooling2D(2, name=f"pool{block}")(x)
        x = layers.Dropout(0.25, name=f"drop{block}")(x)
    x = layers.Flatten(name="flatten")(x)
    x = layers.Dense(64, name="dense")(x)
    x = layers.ReLU(name="relu")(x)
    x = layers.BatchNormalization(name="norm")(x)
    x = layers.Dropout(0.5, name="drop")(x)
    return keras.Model(inputs, layers.Dense(2, name="prob")(x), name="livenessnet")


ARCHITECTURES = {
    one.name: one
    for one in (
        Architecture("minifasnet", size=80, scale=2.7, classes=3, live=1, build=minifasnet),
        Architecture(
            "minifasnet-head", size=80, scale=2.7, classes=3, live=1, build=minifasnet, head=True
        ),
        Architecture("livenessnet", size=32, scale=1.0, classes=2, live=1, build=livenessnet),
    )
}


def _convolution(
    x: Any,
    name: str,
    width: int | None,
    *,
    kernel: int,
    stride: int = 1,
    pad: int | None = None,
    active: bool = True,
) -> Any:
    """A convolution with bias (depthwise where no width is given) and its PReLU.

    Padding is PyTorch's: the same on all sides, which Keras's "same" is not for a stride of 2.
    """
    import keras

    layers = keras.layers
    pad = kernel // 2 if pad is None else pad
    if pad:
        x = layers.ZeroPadding2D(pad, name=_keras_name(f"{name}.pad"))(x)
    if width is None:
        x = layers.DepthwiseConv2D(kernel, stride, name=_keras_name(name))(x)
    else:
        x = layers.Conv2D(width, kernel, stride, name=_keras_name(name))(x)
    if active:
        x = layers.PReLU(shared_axes=[1, 2], name=_keras_name(f"{name}.prelu"))(x)
    return x


def _keras_name(name: str) -> str:
    return name.replace(".", "-")


def _load_published(model: Any, weights: Weights) -> None:
    for layer in model.layers:
        name = layer.name.replace("-", ".")
        kind = type(layer).__name__
        if kind in ("Conv2D", "DepthwiseConv2D"):
            kernel, bias = folded(weights, name)
            axes = (2, 3, 1, 0) if kind == "Conv2D" else (2, 3, 0, 1)
            layer.set_weights([kernel.transpose(axes), bias])
        elif kind == "PReLU":
            layer.set_weights([weights[f"{name}.weight"].reshape(1, 1, -1)])
    # Here the normalisation follows the dense layer.
    scale, shift = normalisation(weights, "bn")
    model.get_layer("linear").set_weights([weights["linear.weight"].T * scale, shift])
    # Published without a bias, which a head for one camera needs (head.py).
    prob = weights["prob.weight"].T
    model.get_layer("prob").set_weights([prob, np.zeros(prob.shape[1])])


def folded(weights: Weights, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    """Kernel and bias of a convolution with its batch normalisation folded in."""
    scale, shift = normalisation(weights, f"{name}.bn")
    return weights[f"{name}.conv.weight"] * scale.reshape(-1, 1, 1, 1), shift


def normalisation(weights: Weights, name: str) -> tuple[NDArray[Any], NDArray[Any]]:
    scale = weights[f"{name}.weight"] / np.sqrt(weights[f"{name}.running_var"] + FOLD_EPSILON)
    return scale, weights[f"{name}.bias"] - weights[f"{name}.running_mean"] * scale
