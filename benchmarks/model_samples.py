"""One small model per format, made or copied when asked for, with its reader and its own runtime."""

import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from torch import nn

ROOT = Path(__file__).resolve().parents[1]
SIDE = 32
Given = tuple[torch.Tensor, ...]
Loaded = tuple[nn.Module, Given]


@dataclass(frozen=True)
class Sample:
    """A model in one format.

    Attributes:
        make: writes its files into a folder.
        load: reads them as an audit does; the network and one input for it.
        runtime: the device's own runtime of the same files; None where PyTorch is the runtime.
    """

    make: Callable[[Path], list[Path]]
    load: Callable[[Path], Loaded]
    runtime: Callable[[Path], Any] | None = None


def _image(side: int = SIDE, depth: int = 3, *, as_bytes: bool = False) -> torch.Tensor:
    random = torch.Generator().manual_seed(0)
    image = torch.rand(2, depth, side, side, generator=random)
    return (image * 255).round() if as_bytes else image


def small_network() -> nn.Module:
    """Depthwise and pointwise convolutions with a residual: seeded, 4 classes."""
    torch.manual_seed(5)

    class Residual(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.depth = nn.Conv2d(8, 8, 3, padding=1, groups=8)
            self.norm = nn.BatchNorm2d(8)
            self.point = nn.Conv2d(8, 8, 1)

        def forward(self, x: torch.Tensor) -> torch.Tensor:
            return x + self.point(torch.relu(self.norm(self.depth(x))))

    layers = [nn.Conv2d(3, 8, 3, 2, 1), nn.ReLU(), Residual(), nn.AdaptiveAvgPool2d(1)]
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(8, 4), nn.Softmax(1)).eval()


def _copied(*names: str) -> Callable[[Path], list[Path]]:
    def make(folder: Path) -> list[Path]:
        return [Path(shutil.copy(ROOT / name, folder)) for name in names]

    return make


def _tflite(name: str) -> Sample:
    file = Path(name).name

    def load(folder: Path) -> Loaded:
        from auditkit.models.tflite import load_tflite

        network = load_tflite(folder / file)
        side, _, depth = network.input_shape
        return network, (_image(side, depth, as_bytes=network.quantised_input),)

    def runtime(folder: Path) -> Any:
        from auditkit.models.tflite import ReferenceRuntime

        return ReferenceRuntime(folder / file, "xnnpack")

    return Sample(_copied(name), load, runtime)


def _onnx(name: str) -> Sample:
    file = Path(name).name

    def load(folder: Path) -> Loaded:
        from auditkit.models.onnx import load_onnx

        network = load_onnx(folder / file)
        height, _, depth = network.input_shape
        table = (torch.zeros(2, 3),) if "two" in name else ()
        return network, (_image(height, depth), *table)

    def runtime(folder: Path) -> Any:
        from auditkit.models.onnx import OnnxRuntime

        return OnnxRuntime(folder / file)

    return Sample(_copied(name), load, runtime)


def _caffe() -> Sample:
    names = ["modelderm-2018.caffemodel", "modelderm-2018.prototxt"]

    def load(folder: Path) -> Loaded:
        from auditkit.models.caffe import load_caffe

        network = load_caffe(folder / names[0], folder / names[1])
        return network, (_image(int(network.input_shape[0])),)

    def runtime(folder: Path) -> Any:
        from auditkit.models.caffe import CaffeRuntime

        return CaffeRuntime(folder / names[0], folder / names[1])

    return Sample(_copied(*(f"fixtures/models/stand-ins/{name}" for name in names)), load, runtime)


def _keras_make(folder: Path) -> list[Path]:
    import os

    os.environ.setdefault("KERAS_BACKEND", "torch")
    import keras

    keras.utils.set_random_seed(5)
    layers = keras.layers
    given = layers.Input((SIDE, SIDE, 3))
    x = layers.Conv2D(8, 3, 2, activation="relu")(given)
    y = layers.BatchNormalization()(layers.DepthwiseConv2D(3, padding="same")(x))
    x = layers.GlobalAveragePooling2D()(layers.Add()([x, y]))
    model = keras.Model(given, layers.Dense(4, activation="softmax")(x))
    model.save(folder / "sample.keras")
    return [folder / "sample.keras"]


def _keras_load(folder: Path) -> Loaded:
    from auditkit.models.keras_format import load_keras

    return load_keras(folder / "sample.keras"), (_image(),)


def _keras_runtime(folder: Path) -> Any:
    from auditkit.models.keras_format import KerasRuntime

    return KerasRuntime(folder / "sample.keras")


def _script_make(folder: Path) -> list[Path]:
    torch.jit.trace(small_network(), _image()).save(str(folder / "sample.pt"))
    return [folder / "sample.pt"]


def _script_load(folder: Path) -> Loaded:
    from auditkit.models.programs import load_torchscript

    return load_torchscript(folder / "sample.pt"), (_image(),)


def _export_make(folder: Path) -> list[Path]:
    batch = {"input": {0: torch.export.Dim("batch", min=1, max=1024)}}
    program = torch.export.export(small_network(), (_image(),), dynamic_shapes=batch)
    torch.export.save(program, folder / "sample.pt2")
    return [folder / "sample.pt2"]


def _export_load(folder: Path) -> Loaded:
    from auditkit.models.programs import load_exported

    return load_exported(folder / "sample.pt2"), (_image(),)


def _state(suffix: str) -> Sample:
    name = f"sample{suffix}"

    def make(folder: Path) -> list[Path]:
        import timm
        from safetensors.torch import save_file

        torch.manual_seed(5)
        state = timm.create_model("test_resnet", num_classes=2).state_dict()
        if suffix == ".safetensors":
            save_file(state, folder / name)
        else:
            torch.save(state, folder / name)
        return [folder / name]

    def load(folder: Path) -> Loaded:
        from auditkit.models.networks import networks
        from auditkit.spec.model_card import ModelCard

        card = ModelCard.model_validate(
            {
                "model": "sample",
                "task": "t",
                "format": "timm",
                "architecture": "test_resnet",
                "weights": {"file": name},
                "input": {"size": 64},
                "output": {"kind": "logits", "classes": ["a", "b"]},
            }
        )
        return networks(card.model_copy(update={"folder": folder}))[0], (_image(64),)

    return Sample(make, load)


def _hugging_face_make(folder: Path) -> list[Path]:
    from transformers import ResNetConfig, ResNetForImageClassification

    torch.manual_seed(5)
    config = ResNetConfig(embedding_size=8, hidden_sizes=[8, 16], depths=[1, 1], num_labels=3)
    ResNetForImageClassification(config).save_pretrained(folder)
    return [folder / "model.safetensors", folder / "config.json"]


def _hugging_face_load(folder: Path) -> Loaded:
    from auditkit.models.hugging_face import load_hugging_face

    return load_hugging_face(folder / "config.json", folder / "model.safetensors"), (_image(),)


SAMPLES: dict[str, Sample] = {
    "tflite uint8": _tflite("fixtures/tflite/mobilenet_uint8.tflite"),
    "tflite int8": _tflite("fixtures/tflite/mnasnet_int8.tflite"),
    "tflite float": _tflite("fixtures/tflite/mobilenet_float.tflite"),
    "onnx": _onnx("fixtures/onnx/tiny_float.onnx"),
    "onnx QDQ": _onnx("fixtures/onnx/tiny_int8.onnx"),
    "caffe": _caffe(),
    "keras": Sample(_keras_make, _keras_load, _keras_runtime),
    "torchscript": Sample(_script_make, _script_load),
    "torch-export": Sample(_export_make, _export_load),
    "state dict": _state(".pth"),
    "safetensors": _state(".safetensors"),
    "hugging-face": Sample(_hugging_face_make, _hugging_face_load),
}

sys.path.insert(0, str(ROOT))
