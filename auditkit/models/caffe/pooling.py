"""Pooling as Caffe does it: sizes rounded up, and averages that count the padding."""

from torch import Tensor, nn
from torch.nn import functional as F

from auditkit.models.caffe.definition import Options, Shape
from auditkit.models.caffe.site import Built, Site

Pair = tuple[int, int]


class Pool(nn.Module):
    """Maximum or average over windows.

    A window may reach over the lower and right border; an average is divided by the part of the window
    that lies within the padded image, the padding included.
    """

    def __init__(self, kind: str, kernel: Pair, stride: Pair, pad: Pair, target: Pair) -> None:
        super().__init__()
        self.kind = kind
        self.kernel, self.stride, self.pad, self.target = kernel, stride, pad, target
        # PyTorch's own padding is limited to half a window, Caffe's to less than one.
        self.own_padding = any(2 * border > size for border, size in zip(pad, kernel, strict=True))

    def forward(self, x: Tensor) -> Tensor:
        """Pool (N, C, H, W)."""
        pad = self.pad
        if self.own_padding:
            outside = -float("inf") if self.kind == "MAX" else 0.0
            x = F.pad(x, (pad[1], pad[1], pad[0], pad[0]), value=outside)
            pad = (0, 0)
        if self.kind == "MAX":
            pooled = F.max_pool2d(x, self.kernel, self.stride, pad, ceil_mode=True)
        else:
            pooled = F.avg_pool2d(x, self.kernel, self.stride, pad, ceil_mode=True)
        return pooled[..., : self.target[0], : self.target[1]]

    def extra_repr(self) -> str:
        """Describe the layer as PyTorch's own do."""
        return f"{self.kind}, kernel={self.kernel}, stride={self.stride}, pad={self.pad}"


def pooling(site: Site) -> Built:
    """Build a Pooling layer, MAX or AVE."""
    options = site.options("pooling_param")
    shape = site.only_shape(4)
    kind = options.get("pool", "MAX")
    if kind not in ("MAX", "AVE"):
        site.fail(f"pools by {kind}, expected MAX or AVE")
    kernel, stride, pad = _window(site, options, shape)
    target = _target(site, shape, kernel, stride, pad, up=_rounds_up(options))
    padded = (*shape[:2], shape[2] + 2 * pad[0], shape[3] + 2 * pad[1])
    given, _ = site.checked((*shape[:2], *target), padded)
    return Built(Pool(kind, kernel, stride, pad, target), (given,))


def _rounds_up(options: Options) -> bool:
    return options.get("round_mode", "CEIL") == "CEIL" and options.get("ceil_mode", True)


def _window(site: Site, options: Options, shape: Shape) -> tuple[Pair, Pair, Pair]:
    stride = _pair(site, options, "stride", 1, 1)
    pad = _pair(site, options, "pad", 0, 0)
    if not options.get("global_pooling", False):
        return _pair(site, options, "kernel_size", 0, 1), stride, pad
    if pad != (0, 0) or stride != (1, 1):
        site.fail("pools over the whole image with padding or steps, expected none")
    return (shape[2], shape[3]), stride, pad


def _pair(site: Site, options: Options, name: str, default: int, least: int) -> Pair:
    stem = name.removesuffix("_size")
    both = site.whole(options, name, default, 0)
    height, width = (
        site.limited(name, options.get(f"{stem}_{side}", both), least) for side in "hw"
    )
    return height, width


def _target(site: Site, shape: Shape, kernel: Pair, stride: Pair, pad: Pair, *, up: bool) -> Pair:
    found = []
    for side in (0, 1):
        size, window, step, border = shape[2 + side], kernel[side], stride[side], pad[side]
        room = size + 2 * border - window
        if room < 0 or border >= window:
            site.fail(f"has a window of {kernel} with padding {pad} on an image of {shape[2:]}")
        count = (-(-room // step) if up else room // step) + 1
        # Caffe drops a last window that would start behind the image, where there is padding.
        if any(pad) and (count - 1) * step >= size + border:
            count -= 1
        if (count - 1) * step >= size + border:
            site.fail(
                f"has a window (kernel {kernel}, stride {stride}) that lies outside of the image of "
                f"{shape[2:]}, to which Caffe gives no value",
            )
        found.append(count)
    return found[0], found[1]
