# SPDX-License-Identifier: MIT
"""The one way to run a network: LiteRT, on one thread (why: docs/decisions/0002-runtime.md).

A network is loaded from bytes, never from a path: what runs is what was hashed. It is an ONNX file,
converted in memory. OpenCV, which is there to open cameras, reads the same file: what the two make
of a picture of noise must be the same, else OpenCV runs the network, more slowly.
"""

import logging
import os
from collections import OrderedDict
from collections.abc import Callable
from contextlib import nullcontext
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.errors import ModelError
from models.litert.convert import convert, read
from models.litert.translation import IMAGE, UnsupportedError
from models.silence import silence

# Frames come one by one and other work runs beside us: one thread, and predictable times.
THREADS = 1
TOLERANCE = 1e-3  # between the two runtimes, of the largest number; 2e-6 was measured

log = logging.getLogger(__name__)

Values = NDArray[np.float32]
Run = Callable[[Values], Values]  # one image (1, channels, height, width) to its output


def prepare() -> None:
    """Set OpenCV up for this process; whoever uses it for more than a picture calls it first."""
    cv2.setNumThreads(THREADS)
    # It warns on stderr at every load that its new graph engine has only one target.
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)


class Network:
    """An ONNX network with one input and one output."""

    def __init__(self, model: bytes, name: str) -> None:
        """Load ``model``; ``name`` is for messages. Raises ModelError where it cannot be read."""
        prepare()
        self._name = name
        self._run = _run(model, name)

    def run(self, batch: Values) -> Values:
        """The output for ``batch`` (n, channels, height, width) float32, as float32.

        Raises ModelError where the network takes no such batch, or answers with anything but
        finite numbers: no score may be made of those.
        """
        try:
            output = np.concatenate([self._run(image[None]) for image in batch])
        except (cv2.error, RuntimeError, ValueError) as error:
            raise ModelError(f"{self._name}: the network cannot take {batch.shape}") from error
        if not np.isfinite(output).all():
            raise ModelError(f"{self._name}: the network's answer is not a number")
        return output


class SizedNetwork:
    """An ONNX network for images of any height and width that are multiples of ``STEP``."""

    STEP = 32
    KEPT = 8  # sizes that are ready; a camera needs two, and faces at its picture's edge some more
    TRIED = (5 * STEP, 5 * STEP)  # the size at which it is compared with what OpenCV makes of it

    def __init__(self, model: bytes, name: str) -> None:
        """Load ``model``; ``name`` is for messages.

        Raises ModelError where it cannot be read, or OpenCV makes something else of it.
        """
        self._model, self._name = model, name
        self._ready: OrderedDict[tuple[int, int], LiteNetwork] = OrderedDict()
        prepare()
        compared = _Comparison(self.prepare(self.TRIED).shape)
        if not compared.alike(self._outputs, _all_by_opencv(model, name)):
            raise ModelError(f"{name}: the two runtimes do not agree on this network")

    def _outputs(self, image: Values) -> list[Values]:
        return self.prepare(self.TRIED).run(image.transpose(IMAGE))

    def prepare(self, size: tuple[int, int]) -> "LiteNetwork":
        """Make the network ready for this (height, width), which takes some 20 ms."""
        if size not in self._ready:
            try:
                self._ready[size] = LiteNetwork(convert(self._model, size))
            except (UnsupportedError, RuntimeError, ValueError) as error:
                raise ModelError(f"{self._name}: the runtime cannot read this: {error}") from error
            if len(self._ready) > self.KEPT:
                self._ready.popitem(last=False)
        self._ready.move_to_end(size)
        return self._ready[size]

    def run(self, image: NDArray[np.uint8]) -> list[Values]:
        """All outputs for ``image`` (height, width, channels), filled up with zeros to ``STEP``s.

        Raises ModelError where one is not finite.
        """
        height, width = (-(-side // self.STEP) * self.STEP for side in image.shape[:2])
        padded = np.zeros((1, height, width, image.shape[2]), np.float32)
        padded[0, : image.shape[0], : image.shape[1]] = image
        outputs = self.prepare((height, width)).run(padded)
        if not all(np.isfinite(output).all() for output in outputs):
            raise ModelError(f"{self._name}: the network's answer is not a number")
        return outputs


class LiteNetwork:
    """A TFLite network in LiteRT. ``shape`` is its input's, as ONNX has it."""

    announced = False  # whether LiteRT has said what it says once

    def __init__(self, file: bytes) -> None:
        from ai_edge_litert.interpreter import Interpreter

        # It announces the first one on stderr. The worker may open nothing to write.
        with nullcontext() if LiteNetwork.announced else silence(os.O_RDONLY):
            self._lite: Any = Interpreter(model_content=file, num_threads=THREADS)
            self._lite.allocate_tensors()
        LiteNetwork.announced = True
        (about,) = self._lite.get_input_details()
        self._input: int = about["index"]
        one, height, width, channels = about["shape"]
        self.shape = (one, channels, height, width)
        self._outputs = [output["index"] for output in self._lite.get_output_details()]

    def run(self, image: Values) -> list[Values]:
        """All outputs for ``image`` (1, height, width, channels); ValueError for another shape."""
        self._lite.set_tensor(self._input, image)
        self._lite.invoke()
        return [self._lite.get_tensor(output) for output in self._outputs]

    def run_one(self, image: Values) -> Values:
        """The first output for ``image`` (1, channels, height, width), as ONNX has it."""
        return self.run(image.transpose(IMAGE))[0]


def _run(model: bytes, name: str) -> Run:
    """The fastest runtime that makes of this network what OpenCV does."""
    _refuse_other_files(model, name)
    reference = _by_opencv(model, name)
    try:
        converted = LiteNetwork(convert(model))
        compared = _Comparison(converted.shape)
        if compared.alike(
            lambda image: [converted.run_one(image)], lambda image: [reference(image)]
        ):
            return converted.run_one
    except UnsupportedError as unsupported:
        log.info("%s: OpenCV runs it: %s", name, unsupported)
        return reference
    except (cv2.error, RuntimeError, ValueError) as error:  # one of the two cannot run it at all
        log.warning("%s: OpenCV runs it: %s", name, str(error).strip().replace("\n", " "))
        return reference
    log.warning("%s: OpenCV runs it: the converted network answers otherwise", name)
    return reference


def _refuse_other_files(model: bytes, name: str) -> None:
    try:
        read(model)
    except UnsupportedError:  # then it is OpenCV that says what is wrong with it
        return
    except ModelError as error:
        raise ModelError(f"{name}: {error}") from None


def _net(model: bytes, name: str) -> Any:
    try:
        return cv2.dnn.readNetFromONNX(np.frombuffer(model, np.uint8))
    except cv2.error as error:
        raise ModelError(f"{name}: the runtime cannot read this network") from error


def _by_opencv(model: bytes, name: str) -> Run:
    net = _net(model, name)

    def run(image: Values) -> Values:
        net.setInput(np.ascontiguousarray(image))
        return np.array(net.forward(), np.float32)  # a copy: the next run overwrites it

    return run


def _all_by_opencv(model: bytes, name: str) -> Callable[[Values], list[Values]]:
    """All outputs, in ONNX's order."""
    names = [output.name for output in read(model).output]
    net = _net(model, name)

    def run(image: Values) -> list[Values]:
        net.setInput(np.ascontiguousarray(image))
        return [np.array(output, np.float32) for output in net.forward(names)]

    return run


class _Comparison:
    """Whether two ways to run a network give the same for two pictures of noise.

    One is in the range 0 to 1 and one to 255, as networks take them. A network that gives the same
    for both is not told by them, and so does not count as the same.
    """

    def __init__(self, shape: tuple[int, ...]) -> None:
        noise = np.random.default_rng(0)
        self._images = [noise.uniform(0, most, shape).astype(np.float32) for most in (1, 255)]

    def alike(
        self, one: Callable[[Values], list[Values]], other: Callable[[Values], list[Values]]
    ) -> bool:
        outputs = [other(image) for image in self._images]
        told = any(not np.array_equal(*pair) for pair in zip(*outputs, strict=True))
        return told and all(
            len(found) == len(wanted) and all(map(_close, found, wanted))
            for found, wanted in zip(map(one, self._images), outputs, strict=True)
        )


def _close(found: Values, wanted: Values) -> bool:
    if found.shape != wanted.shape or not (np.isfinite(found).all() and np.isfinite(wanted).all()):
        return False
    return bool(np.abs(found - wanted).max() <= TOLERANCE * np.abs(wanted).max())
