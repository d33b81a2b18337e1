"""How long large models take to load, and how much memory: a ResNet-152 in Caffe, an EfficientNet-B7.

    python benchmarks/loading.py

Files of these sizes are written with random numbers. Each is loaded in a process of its own through its
card, as an audit does; memory is the growth of the resident set at its peak, imports excluded, beside
the file's size. Goal: seconds, and at most 2.5 times the file's size.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[1]
sys.path[:0] = [str(ROOT), str(ROOT / "fixtures" / "scripts")]

INPUT = {"size": 224}
CARDS: dict[str, dict[str, Any]] = {
    "ResNet-152, Caffe": {
        "format": "caffe",
        "weights": {"file": "resnet152.caffemodel", "definition": "resnet152.prototxt"},
        "output": {"kind": "probabilities"},
    },
    "EfficientNet-B7, state dict": {
        "format": "timm",
        "architecture": "tf_efficientnet_b7",
        "weights": {"file": "b7.pth"},
        "output": {"kind": "logits"},
    },
    "EfficientNet-B7, safetensors": {
        "format": "timm",
        "architecture": "tf_efficientnet_b7",
        "weights": {"file": "b7.safetensors"},
        "output": {"kind": "logits"},
    },
}


def write_models(folder: Path) -> None:
    """The files of all cards, with random numbers."""
    import timm
    import torch
    from safetensors.torch import save_file
    from torchvision.models import resnet152
    from write_caffe import (
        Layer,
        Word,
        batch_norm_and_scale,
        convolution,
        inner_product,
        write_caffe,
    )

    torch.manual_seed(0)
    state = timm.create_model("tf_efficientnet_b7").state_dict()
    torch.save(state, folder / "b7.pth")
    save_file(state, folder / "b7.safetensors")

    layers: list[Any] = []

    def relu(name: str) -> str:
        layers.append(Layer(f"relu_{name}", "ReLU", [name], [name]))
        return name

    def normed(name: str, conv: Any, norm: Any, bottom: str) -> str:
        layers.append(convolution(name, bottom, conv))
        layers.extend(batch_norm_and_scale(name, name, norm))
        return name

    def pooled(name: str, bottom: str, **fields: Any) -> str:
        layers.append(Layer(name, "Pooling", [bottom], [name], {"pooling_param": fields}))
        return name

    network = resnet152(weights=None).eval()
    top = relu(normed("stem", network.conv1, network.bn1, "data"))
    top = pooled("pool1", top, kernel_size=3, stride=2)
    for stage in range(1, 5):
        for number, block in enumerate(getattr(network, f"layer{stage}")):
            name, kept = f"s{stage}b{number}", top
            for part in (1, 2, 3):
                conv, norm = getattr(block, f"conv{part}"), getattr(block, f"bn{part}")
                top = normed(f"{name}c{part}", conv, norm, top)
                top = relu(top) if part < 3 else top
            if block.downsample is not None:
                kept = normed(f"{name}d", block.downsample[0], block.downsample[1], kept)
            layers.append(Layer(name, "Eltwise", [top, kept], [name]))
            top = relu(name)
    top = pooled("pool5", top, pool=Word("AVE"), global_pooling=True)
    layers.append(inner_product("fc", top, network.fc))
    layers.append(Layer("prob", "Softmax", ["fc"], ["prob"]))
    files = folder / "resnet152.prototxt", folder / "resnet152.caffemodel"
    write_caffe(layers, *files, input_shape=(1, 3, 224, 224))


def load_one(name: str, folder: Path) -> None:
    """Load one model and print seconds and megabytes."""
    import timm  # noqa: F401 imports are not what is measured
    import torch
    import torchvision  # noqa: F401 the same

    from auditkit.models.networks import networks
    from auditkit.spec.model_card import ModelCard

    given = {"model": "m", "task": "t", "input": INPUT, **CARDS[name]}
    card = ModelCard.model_validate(given).model_copy(update={"folder": folder})
    if card.format == "caffe":
        from auditkit.models.caffe import load_caffe  # noqa: F401 the same
    before, started = _resident("VmRSS"), time.perf_counter()
    Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")  # resets the peak
    network = networks(card)[0]
    seconds, loaded = time.perf_counter() - started, _resident("VmHWM") - before
    with torch.no_grad():
        network(torch.zeros(1, 3, 224, 224))
    print(json.dumps([seconds, loaded, _resident("VmHWM") - before]))


def _resident(key: str) -> float:
    """Megabytes of this process' resident set."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(key)) / 1024


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--load", nargs=2, help=argparse.SUPPRESS)
    given = parser.parse_args()
    if given.load:
        load_one(given.load[0], Path(given.load[1]))
        return
    print("| model | file MB | load s | peak MB while loading | times the file | with one answer |")
    print("|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as work:
        write_models(Path(work))
        for name, card in CARDS.items():
            size = (Path(work) / card["weights"]["file"]).stat().st_size / 2**20
            command = [sys.executable, __file__, "--load", name, work]
            done = subprocess.run(command, check=True, capture_output=True, text=True)
            seconds, loaded, answered = json.loads(done.stdout.splitlines()[-1])
            print(
                f"| {name} | {size:.0f} | {seconds:.1f} | {loaded:.0f} | {loaded / size:.2f} | "
                f"{answered / size:.2f} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
