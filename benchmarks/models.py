"""Images per second of our PyTorch modules against the formats' own runtimes, in one run.

    python benchmarks/models.py [--seconds 3]

Per format and batch size 1 and 32, two threads each, rounds of both sides interleaved, so that a busy
machine slows both; the ratio is the median over rounds. ``with gradient`` is forward and backward of our
module: what no runtime offers. Memory is the growth of the resident set per image of a batch of 32, in
a process of its own. The goals: at least half of the runtime for quantised models in ``fake`` mode, at
least equal for float models.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "benchmarks")]
THREADS = 2
BATCHES = (1, 32)


@dataclass(frozen=True)
class Contest:
    """One file on both sides; ``shape`` is (C, H, W)."""

    name: str
    network: Any
    runtime: Any
    shape: tuple[int, int, int]
    as_bytes: bool


def tflite(name: str, path: Path) -> Contest:
    """A TFLite file in the arithmetic `fake` against LiteRT with XNNPACK."""
    from auditkit.models.tflite import ReferenceRuntime, load_tflite

    network = load_tflite(path, mode="fake")
    height, width, depth = network.input_shape
    runtime = ReferenceRuntime(path, "xnnpack", THREADS)
    return Contest(name, network, runtime, (depth, height, width), network.quantised_input)


def onnx(name: str, path: Path) -> Contest:
    """An ONNX file against ONNX Runtime."""
    from auditkit.models.onnx import OnnxRuntime, load_onnx

    network = load_onnx(path)
    height, width, depth = network.input_shape
    return Contest(name, network, OnnxRuntime(path, THREADS), (depth, height, width), False)


def caffe(name: str, weights: Path) -> Contest:
    """A Caffe pair against OpenCV."""
    from auditkit.models.caffe import CaffeRuntime, load_caffe

    definition = weights.with_suffix(".prototxt")
    network = load_caffe(weights, definition)
    height, width, depth = network.input_shape
    runtime = CaffeRuntime(weights, definition, THREADS)
    return Contest(name, network, runtime, (depth, height, width), False)


def onnx_files(folder: Path) -> tuple[Path, Path]:
    """MobileNetV2 at 224 pixels with random weights, float and quantised (QDQ, per channel)."""
    import numpy as np
    import torch
    from onnxruntime.quantization import CalibrationDataReader, QuantFormat, quantize_static
    from torchvision.models import mobilenet_v2

    plain, quantised = folder / "mobilenet_v2.onnx", folder / "mobilenet_v2_qdq.onnx"
    torch.manual_seed(0)
    given = torch.rand(1, 3, 224, 224)
    batch = {"input": {0: "n"}, "output": {0: "n"}}
    names = {"input_names": ["input"], "output_names": ["output"], "dynamic_axes": batch}
    network = mobilenet_v2(weights=None).eval()
    for module in network.modules():
        # As trained: fresh ones are all alike, which quantisers treat in a way of its own.
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.uniform_(module.weight, 0.8, 1.6)
            torch.nn.init.normal_(module.bias, std=0.3)
    torch.onnx.export(network, (given,), str(plain), dynamo=False, **names)

    class Reader(CalibrationDataReader):
        def __init__(self) -> None:
            random = np.random.default_rng(0)
            rows = [random.random((1, 3, 224, 224), np.float32) for _ in range(4)]
            self.rows = iter([{"input": row} for row in rows])

        def get_next(self) -> Any:
            return next(self.rows, None)

    quantize_static(
        str(plain), str(quantised), Reader(), quant_format=QuantFormat.QDQ, per_channel=True
    )
    return plain, quantised


def contests(folder: Path) -> dict[str, Callable[[], Contest]]:
    """All files that are compared, by name."""
    samples, models = ROOT / "fixtures" / "tflite", ROOT / "fixtures" / "models"
    plain, quantised = folder / "mobilenet_v2.onnx", folder / "mobilenet_v2_qdq.onnx"
    derm = models / "stand-ins" / "modelderm-2018.caffemodel"
    return {
        "TFLite uint8, scanoma 128 px": lambda: tflite("scanoma", models / "scanoma.tflite"),
        "TFLite int8, MnasNet 32 px": lambda: tflite("mnasnet", samples / "mnasnet_int8.tflite"),
        "TFLite float, sscd 128 px": lambda: tflite("sscd", models / "stand-ins" / "sscd.tflite"),
        "ONNX float, MobileNetV2 224 px": lambda: onnx("mobilenet", plain),
        "ONNX QDQ, MobileNetV2 224 px": lambda: onnx("mobilenet qdq", quantised),
        "Caffe float, modelderm-2018 128 px": lambda: caffe("modelderm", derm),
    }


def rate(work: Callable[[], object], images: int, seconds: float) -> float:
    """Images per second over about so many seconds."""
    work()
    count, started = 0, time.perf_counter()
    while time.perf_counter() - started < seconds or not count:
        work()
        count += 1
    return images * count / (time.perf_counter() - started)


def compete(contest: Contest, batch: int, seconds: float) -> tuple[float, float, float]:
    """Median images per second of ours, of the runtime, and of ours with gradient."""
    import numpy as np
    import torch

    random = np.random.default_rng(0)
    given = random.random((batch, *contest.shape), dtype=np.float32)
    given = np.rint(given * 255).astype(np.float32) if contest.as_bytes else given * 2 - 1
    tensor = torch.from_numpy(given).contiguous(memory_format=torch.channels_last)

    def ours() -> object:
        with torch.no_grad():
            return contest.network(tensor)

    def differentiated() -> object:
        wanted = tensor.clone().requires_grad_()
        contest.network(wanted)[:, -1].sum().backward()
        return wanted.grad

    sides = (ours, lambda: contest.runtime.answer(given), differentiated)
    rounds = [[rate(side, batch, seconds / 3) for side in sides] for _ in range(3)]
    first, second, third = (median(values) for values in zip(*rounds, strict=True))
    return first, second, third


def memory(contest: Contest, side: str, batch: int = 32) -> float:
    """Megabytes per image that a batch adds to the resident set at its peak."""
    import numpy as np
    import torch

    given = np.zeros((batch, *contest.shape), np.float32)
    before = _resident("VmRSS")
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")
    if side == "ours":
        with torch.no_grad():
            contest.network(torch.from_numpy(given))
    else:
        contest.runtime.answer(given)
    return (_resident("VmHWM") - before) / batch


def _resident(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=3.0, help="per side and batch size")
    parser.add_argument("--only", default="")
    parser.add_argument("--memory", nargs=3, help=argparse.SUPPRESS)
    given = parser.parse_args()
    import torch

    torch.set_num_threads(THREADS)
    if given.memory:
        name, side, folder = given.memory
        print(json.dumps(memory(contests(Path(folder))[name](), side)))
        return
    print("| model | batch | ours /s | runtime /s | ratio | ours with gradient /s | MB per image |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        if not given.only or "ONNX" in given.only:
            onnx_files(Path(work))
        for name, make in contests(Path(work)).items():
            if given.only not in name:
                continue
            contest = make()
            used = [_memory_of(name, side, work) for side in ("ours", "runtime")]
            for batch in BATCHES:
                ours, theirs, gradient = compete(contest, batch, given.seconds)
                print(
                    f"| {name} | {batch} | {ours:.0f} | {theirs:.0f} | {ours / theirs:.2f} | "
                    f"{gradient:.0f} | {used[0]:.1f} (runtime {used[1]:.1f}) |",
                    flush=True,
                )


def _memory_of(name: str, side: str, work: str) -> float:
    command = [sys.executable, __file__, "--memory", name, side, work]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return float(json.loads(done.stdout.splitlines()[-1]))


if __name__ == "__main__":
    main()
