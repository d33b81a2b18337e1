"""Addresses and seeds: both are functions of content, never of shards, order or workers."""

import hashlib
import json
from collections.abc import Mapping
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

_COMPUTING = ("evidence", "models", "data", "metrics", "spec", "colour.py")
_PACKAGES = (
    "ai-edge-litert",
    "diffusers",
    "h5py",
    "jax",
    "keras",
    "nibabel",
    "numpy",
    "onnx",
    "onnxruntime",
    "opencv-python",
    "opencv-python-headless",
    "pillow",
    "protobuf",
    "pydicom",
    "safetensors",
    "scikit-image",
    "scipy",
    "tensorflow",
    "tensorflow-cpu",
    "tflite",
    "timm",
    "tokenizers",
    "torch",
    "torchvision",
    "transformers",
)


def address(identity: Mapping[str, Any]) -> str:
    """sha256 of the canonical JSON of an identity."""
    text = json.dumps(identity, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()


def seed_of(*parts: Any) -> int:
    """A seed from (method, parameters, image digest, repeat, declared seed): 63 bits of their sha256."""
    text = json.dumps(parts, sort_keys=True, separators=(",", ":"))
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") >> 1


@cache
def code_version() -> str:
    """Digest of the code that computes evidence, and the versions of what it computes with.

    Any change of that code makes new addresses: recomputing is cheap beside a stale number.
    """
    total = hashlib.sha256()
    root = Path(__file__).resolve().parent.parent
    for part in _COMPUTING:
        place = root / part
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            total.update(file.relative_to(root).as_posix().encode())
            total.update(file.read_bytes())
    for package in _PACKAGES:
        try:
            total.update(f"{package}={version(package)}".encode())
        except PackageNotFoundError:
            total.update(f"{package}=none".encode())
    return total.hexdigest()
