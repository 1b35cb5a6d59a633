# SPDX-License-Identifier: MIT
"""What each runtime would cost: ``python -m tests.runtimes``, a minute.

A fresh process for each network, runtime and number of threads; a runtime that is not installed is
left out. Columns: a run's median in
milliseconds, loading (the runtime's import included), and by how many MB the process grew (PSS).
``product`` is no runtime: a product of matrices (OpenBLAS) with as many multiplications as the
network's convolutions have, which says what this processor could do at best.
"""

import json
import math
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import numpy as np
from numpy.typing import NDArray

from models.liveness.passive import STOCK
from models.recognition import dlib_weights
from models.recognition.dlib_resnet import WEIGHTS
from models.registry import model
from tests.harness.data import SHARED

RUNS = 60
ROUNDS = 3  # processes each, of which the best counts
THREADS = (1, 2)
SIDE = 512  # of the product's matrix; as fast as with 1024

Image = NDArray[np.float32]  # (1, channels, height, width)


def opencv(network: bytes, threads: int) -> Callable[[Image], object]:
    import cv2

    cv2.setNumThreads(threads)
    net = cv2.dnn.readNetFromONNX(np.frombuffer(network, np.uint8))

    def run(image: Image) -> object:
        net.setInput(image)
        return net.forward()

    return run


def onnxruntime(network: bytes, threads: int) -> Callable[[Image], object]:
    import onnxruntime as runtime

    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads
    session = runtime.InferenceSession(network, options)
    name = session.get_inputs()[0].name
    return lambda image: session.run(None, {name: image})


def litert(network: bytes, threads: int) -> Callable[[Image], object]:
    from models import runtime
    from models.litert.convert import convert
    from models.litert.translation import IMAGE

    runtime.THREADS = threads
    lite = runtime.LiteNetwork(convert(network))
    return lambda image: lite.run(image.transpose(IMAGE))


def product(network: bytes, threads: int) -> Callable[[Image], object]:
    rows = multiplications(network) // SIDE**2
    left, right = np.ones((rows, SIDE), np.float32), np.ones((SIDE, SIDE), np.float32)
    return lambda _: left @ right


def multiplications(network: bytes) -> int:
    """In the convolutions: each number of an output is a sum over one kernel."""
    import onnx

    graph = onnx.shape_inference.infer_shapes(onnx.load_from_string(network)).graph
    kernels = {tensor.name: tensor.dims for tensor in graph.initializer}
    sizes = {
        value.name: [side.dim_value or 1 for side in value.type.tensor_type.shape.dim]
        for value in (*graph.value_info, *graph.output)
    }
    return sum(
        math.prod(sizes[node.output[0]]) * math.prod(kernels[node.input[1]][1:])
        for node in graph.node
        if node.op_type == "Conv"
    )


RUNTIMES = {load.__name__: load for load in (opencv, onnxruntime, litert, product)}


def networks() -> dict[str, tuple[bytes, int]]:
    """Name -> ONNX file, and the side of its input."""
    nowhere = Path("/nonexistent")  # dlib's weights come with a Python package
    weights = dlib_weights.read(model("dlib").path(WEIGHTS, nowhere))
    models = SHARED / "models"
    return {
        "MiniFASNetV2": (model("minifasnet").only_file(models), 80),
        "stock": ((STOCK / "model.onnx").read_bytes(), 80),
        "MobileFaceNet": (model("mobilefacenet").only_file(models), 112),
        "dlib's ResNet": (dlib_weights.to_onnx(weights), 150),
        "YuNet": (model("yunet").only_file(models), 640),
    }


def measure(name: str, runtime: str, threads: int) -> dict[str, float]:
    """Of this process, which must be a fresh one."""
    network, side = networks()[name]
    image = np.zeros((1, 3, side, side), np.float32)
    before, start = pss(), time.perf_counter()
    run = RUNTIMES[runtime](network, threads)
    run(image)
    loaded = time.perf_counter()
    times = []
    for _ in range(RUNS):
        began = time.perf_counter()
        run(image)
        times.append(time.perf_counter() - began)
    return {
        "ms": median(times) * 1000,
        "load ms": (loaded - start) * 1000,
        "MB": pss() - before,
    }


def pss() -> float:
    lines = Path("/proc/self/smaps_rollup").read_text().splitlines()
    return sum(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024


def main(arguments: list[str]) -> int:
    if arguments:
        network, runtime, count = arguments
        print(json.dumps(measure(network, runtime, int(count))))
        return 0
    print("| network | threads | " + " | ".join(f"{name}: ms, load ms, MB" for name in RUNTIMES))
    for name in networks():
        for threads in THREADS:
            cells = [cell(name, runtime, threads) for runtime in RUNTIMES]
            print(f"| {name} | {threads} | " + " | ".join(cells) + " |", flush=True)
    return 0


def cell(name: str, runtime: str, threads: int) -> str:
    command = [sys.executable, "-m", "tests.runtimes", name, runtime, str(threads)]
    environment = os.environ | {"OPENBLAS_NUM_THREADS": str(threads)}
    done = [
        subprocess.run(command, capture_output=True, text=True, env=environment)
        for _ in range(ROUNDS)
    ]
    found = [json.loads(one.stdout) for one in done if one.returncode == 0]
    if not found:
        return "–"
    best = min(found, key=lambda one: one["ms"])
    return f"{best['ms']:.1f}, {best['load ms']:.0f}, {best['MB']:.0f}"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
