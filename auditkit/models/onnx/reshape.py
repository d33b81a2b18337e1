"""Reshape, also where its shape was recorded for a single image."""

import math
from collections.abc import Sequence

from torch import Tensor

from auditkit.models.onnx.operation import Operator, Value, integers
from auditkit.models.onnx.site import Site


class Reshape(Operator):
    """Reshape that lets the batch grow.

    A reshape keeps the order of the numbers, so that the batch stays behind equally many of them.
    Where that is in the middle of an axis of the result, the batch either comes before the axis'
    own index or after it; `inside` says that it comes after.

    Attributes:
        usual: the input's shape for one image.
        given_inside: whether the batch varies faster than the rest of its axis in the input.
        inside: the same of the result.
    """

    def __init__(self, *, fixed: bool, allow_zero: bool) -> None:
        super().__init__(host=(1,))
        self.fixed = fixed
        self.allow_zero = allow_zero
        self.usual: tuple[int, ...] | None = None
        self.given_inside = False
        self.inside = False

    def forward(self, x: Tensor, shape: Value) -> Tensor:
        """Reshape a batch of any size."""
        actual = tuple(x.shape)
        if self.usual is None:
            self.usual = actual
        target = integers(shape)
        if not self.fixed and self._fits(x, target):
            return x.reshape(self._filled(target, actual))
        target = self._filled(target, self.usual)
        grown, self.inside = regrown(self.usual, actual, target, inside=self.given_inside)
        return x.reshape(grown)

    def _filled(self, target: list[int], given: Sequence[int]) -> list[int]:
        if self.allow_zero:
            return target
        return [size or given[place] for place, size in enumerate(target)]

    def _fits(self, x: Tensor, target: list[int]) -> bool:
        """Whether a computed shape holds the numbers: part of it may be recorded for one image."""
        filled = self._filled(target, tuple(x.shape))
        known = math.prod(size for size in filled if size != -1)
        return x.numel() == known or (-1 in filled and known > 0 and x.numel() % known == 0)


def regrown(
    usual: Sequence[int],
    actual: Sequence[int],
    target: Sequence[int],
    *,
    inside: bool = False,
) -> tuple[list[int], bool]:
    """The shape meant for one image, for a batch.

    An axis of one behind equally many numbers is the batch. Without one, the batch joins the rows
    of a matrix, or comes before the index of the axis that begins there. `check_rows` holds the
    outcome against single images.

    Args:
        usual: the input's shape for one image.
        actual: the input's shape now; one axis may have grown.
        target: the shape asked for, -1 at most once.
        inside: whether the batch varies faster than the rest of the axis that has grown.

    Returns:
        A shape for the batch, and whether the batch varies fastest in its axis there.

    Example:
        >>> regrown([197, 1, 768], [197, 4, 768], [197, 12, 64])
        ([197, 48, 64], False)
    """
    grown = [axis for axis, size in enumerate(actual) if size != usual[axis]]
    known = math.prod(size for size in target if size != -1)
    if not grown or not known:
        return list(target), False
    axis = grown[0]
    shape = [math.prod(usual) // known if size == -1 else size for size in target]
    before = math.prod(usual[: axis + 1] if inside else usual[:axis])
    place, within = _batch_place(shape, before)
    if place is None:
        return list(target), False
    shape[place] = shape[place] * actual[axis] // usual[axis]
    return shape, within


def _batch_place(shape: Sequence[int], before: int) -> tuple[int | None, bool]:
    """The axis of a batch that lies behind so many numbers, and whether it varies fastest there."""
    counts = [math.prod(shape[:place]) for place in range(len(shape) + 1)]
    places = [place for place, count in enumerate(counts) if count == before]
    for place in places:
        if place < len(shape) and shape[place] == 1:
            return place, False
    if not places:
        return None, False
    first = places[0]
    rows = len(shape) == 2 and first == 1
    return (first - 1, True) if rows or first == len(shape) else (first, False)


def build_reshape(site: Site) -> Operator:
    """Reshape, by a constant or by a computed shape."""
    if site.node.version < 5:
        site.fail("is of an opset before 5; export the model again")
    return Reshape(
        fixed=site.constant(1) is not None,
        allow_zero=bool(site.integer("allowzero", 0)),
    )
