"""What building a layer needs: its options, the shapes that go in, its weights, and checks of them."""

import math
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import torch
from torch import Tensor, nn

from auditkit.errors import AuditError
from auditkit.models.caffe.definition import LayerRecord, Options, Shape
from auditkit.models.caffe.weights import StoredBlob

# Far above real classifiers (the largest map of VGG at 224 pixels has 3 million numbers).
_MOST_ELEMENTS = 1 << 27
_LARGEST_WINDOW = 1 << 14


@dataclass(frozen=True)
class Built:
    """A layer as a module, and the shapes that it gives."""

    module: nn.Module
    shapes: tuple[Shape, ...]


@dataclass
class Site:
    """One layer while it is built.

    Attributes:
        definition: path of the definition, for messages.
        weights: path of the weights, for messages.
        layer: its record.
        shapes: of what it takes; the first size is the batch of the definition.
        stored: its blobs in the file of the weights.
    """

    definition: Path
    weights: Path
    layer: LayerRecord
    shapes: tuple[Shape, ...]
    stored: tuple[StoredBlob, ...]

    @property
    def label(self) -> str:
        """The layer in words."""
        return f'layer "{self.layer.name}" ({self.layer.type})'

    def fail(self, message: str) -> NoReturn:
        """Raise an AuditError that names the definition and the layer."""
        raise AuditError(f"{self.definition}: {self.label} {message}")

    def options(self, name: str) -> Options:
        """Give the layer's options."""
        return self.layer.options(name)

    def only_shape(self, axes: int | None = None) -> Shape:
        """Give the shape of the one bottom of a layer that has one bottom and one top."""
        if len(self.shapes) != 1 or len(self.layer.tops) > 1:
            self.fail(
                f"has {len(self.shapes)} bottoms and {len(self.layer.tops)} tops, expected one"
            )
        shape = self.shapes[0]
        if axes is not None and len(shape) != axes:
            self.fail(f"takes a blob of shape {shape}, expected {axes} axes")
        return shape

    def whole(self, options: Options, name: str, default: int, least: int) -> int:
        """Give a size or a step from the options, within sane limits."""
        return self.limited(name, options.get(name, default), least)

    def limited(self, name: str, value: int, least: int) -> int:
        """Give a whole number back if it lies within sane limits."""
        if not least <= value <= _LARGEST_WINDOW:
            self.fail(f"has {name} {value}, expected {least} to {_LARGEST_WINDOW}")
        return value

    def axis(self, value: int, axes: int) -> int:
        """Give an axis counted from the front; never the images' own."""
        place = value + axes if value < 0 else value
        if not 1 <= place < axes:
            self.fail(
                f"works along axis {value} of {axes}, expected 1 to {axes - 1}: "
                "images of a batch must not influence each other",
            )
        return place

    def checked(self, *shapes: Shape) -> tuple[Shape, ...]:
        """Give shapes back if they are possible."""
        for shape in shapes:
            if any(size < 1 for size in shape) or math.prod(shape[1:]) > _MOST_ELEMENTS:
                self.fail(f"would give a blob of shape {shape}, which is empty or too large")
        return shapes

    def expect_blobs(self, count: int) -> None:
        """Check how many blobs the file has for the layer."""
        if len(self.stored) != count:
            raise AuditError(
                f"{self.weights}: has {len(self.stored)} blobs for {self.label}, expected {count}; "
                f"are these the weights of {self.definition.name}?",
            )

    def tensors(self, *shapes: Shape) -> list[Tensor]:
        """Read the layer's blobs, one per expected shape."""
        self.expect_blobs(len(shapes))
        for place, (blob, shape) in enumerate(zip(self.stored, shapes, strict=True)):
            if not blob.fits(shape):
                raise AuditError(
                    f"{self.weights}: blob {place} of {self.label} has shape {blob.shape}, expected "
                    f"{shape}; are these the weights of {self.definition.name}?",
                )
        return [
            torch.from_numpy(blob.read()).reshape(shape)
            for blob, shape in zip(self.stored, shapes, strict=True)
        ]


Builder = Callable[[Site], Built]
