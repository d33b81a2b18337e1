"""What each format of a model can be asked: gradients, and which runtime it is held to. No torch."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType
from typing import Literal, get_args

FormatName = Literal[
    "tflite",
    "onnx",
    "caffe",
    "keras",
    "torchscript",
    "torch-export",
    "torchvision",
    "timm",
    "hugging-face",
    "concept-cnn",
    "concept-bottleneck",
    "volume-cnn",
    "python",
    "http",
    "command",
]


@dataclass(frozen=True)
class Format:
    """A way in which models are kept.

    Attributes:
        title: for people.
        suffixes: of files that `auditkit weights add` and messages expect.
        gradients: whether the network can be differentiated.
        runtime: title of the device's own runtime; empty if the model runs in PyTorch itself.
        module: the Python module that the runtime comes in.
        extra: of auditkit, which installs what the format needs.
        kernels: names of the runtime's kernels, the default first.
        volumes: whether the network may take volumes and several modalities.
    """

    title: str
    suffixes: tuple[str, ...] = ()
    gradients: bool = True
    runtime: str = ""
    module: str = ""
    extra: str = ""
    kernels: tuple[str, ...] = ("default",)
    needs_architecture: bool = False
    needs_definition: bool = False
    needs_weights: bool = True
    volumes: bool = False


FORMATS: Mapping[FormatName, Format] = MappingProxyType(
    {
        "tflite": Format(
            "TensorFlow Lite",
            (".tflite",),
            runtime="LiteRT",
            module="ai_edge_litert",
            extra="tflite",
            kernels=("xnnpack", "reference"),
        ),
        "onnx": Format(
            "ONNX", (".onnx",), runtime="ONNX Runtime", module="onnxruntime", extra="onnx"
        ),
        "caffe": Format(
            "Caffe",
            (".caffemodel", ".prototxt"),
            runtime="OpenCV dnn",
            module="cv2",
            extra="caffe",
            needs_definition=True,
        ),
        "keras": Format("Keras 3", (".keras",), runtime="Keras", module="keras", extra="keras"),
        "torchscript": Format("TorchScript", (".pt", ".ts"), volumes=True),
        "torch-export": Format("torch.export", (".pt2",), volumes=True),
        "torchvision": Format(
            "torchvision", (".safetensors", ".pth", ".pt"), needs_architecture=True
        ),
        "timm": Format("timm", (".safetensors", ".pth", ".pt"), needs_architecture=True),
        "hugging-face": Format(
            "Hugging Face transformers",
            (".safetensors", ".bin"),
            extra="huggingface",
            needs_definition=True,
        ),
        "concept-cnn": Format("Concept classifier (DEPICT's CNN)", (".safetensors",)),
        "concept-bottleneck": Format("Concept-bottleneck model", (".safetensors",)),
        "volume-cnn": Format("Convolutional network of volumes", (".safetensors",), volumes=True),
        "python": Format("Python factory", needs_weights=False, volumes=True),
        "http": Format("HTTP endpoint", gradients=False, needs_weights=False),
        "command": Format("command", gradients=False, needs_weights=False),
    }
)

assert set(FORMATS) == set(get_args(FormatName))
