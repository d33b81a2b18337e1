"""BatchNorm, Scale, Bias and LRN."""

from torch import Tensor, nn
from torch.nn import functional as F

from auditkit.models.caffe.definition import Options, Shape
from auditkit.models.caffe.site import Built, Site


class BatchNorm(nn.Module):
    """(x - mean) / sqrt(variance + eps), with the statistics of the file."""

    mean: Tensor
    variance: Tensor

    def __init__(self, mean: Tensor, variance: Tensor, eps: float) -> None:
        super().__init__()
        self.register_buffer("mean", mean)
        self.register_buffer("variance", variance)
        self.eps = eps

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, ...)."""
        return F.batch_norm(x, self.mean, self.variance, eps=self.eps)


def batch_norm(site: Site) -> Built:
    """Build a BatchNorm; mean and variance are stored multiplied by the third blob."""
    options = site.options("batch_norm_param")
    shape = site.only_shape()
    if not options.get("use_global_stats", True):
        site.fail(
            "normalises by the batch that it is given (use_global_stats: false), expected the "
            "statistics of the file: images of a batch must not influence each other",
        )
    if len(shape) == 1:
        site.fail(f"takes a blob of shape {shape}, expected (N, channels, ...)")
    channels, eps = shape[1], options.get("eps", 1e-5)
    mean, variance, factor = site.tensors((channels,), (channels,), (1,))
    scale = 0.0 if factor.item() == 0 else 1 / factor.item()
    if bool((variance * scale + eps <= 0).any()):
        site.fail("has a variance below zero; get the file of the weights again")
    return Built(BatchNorm(mean * scale, variance * scale, eps), (shape,))


class Affine(nn.Module):
    """factor * x + offset, both spread over the axes that they do not cover."""

    factor: Tensor | None
    offset: Tensor | None

    def __init__(self, factor: Tensor | None, offset: Tensor | None) -> None:
        super().__init__()
        self.register_buffer("factor", factor)
        self.register_buffer("offset", offset)

    def forward(self, x: Tensor) -> Tensor:
        """Scale and shift."""
        scaled = x if self.factor is None else x * self.factor
        return scaled if self.offset is None else scaled + self.offset


class Gate(nn.Module):
    """Multiply by a second blob, or add it; it covers the first axes, (N, ...), of the first."""

    def __init__(self, *, multiply: bool, offset: Tensor | None = None) -> None:
        super().__init__()
        self.multiply = multiply
        self.after = Affine(None, offset)

    def forward(self, x: Tensor, other: Tensor) -> Tensor:
        """Combine x (N, C, H, W) with a blob such as (N, C)."""
        spread = other.reshape(*other.shape, *[1] * (x.ndim - other.ndim))
        combined: Tensor = self.after(x * spread if self.multiply else x + spread)
        return combined


def scale(site: Site) -> Built:
    """Build a Scale layer, by learned factors or by a second bottom, with or without bias."""
    options = site.options("scale_param")
    bias = options.get("bias_term", False)
    if len(site.shapes) == 2:
        shape, covered = _gate_shapes(site, options)
        if bias and covered[0] != 1:
            site.fail("has a bias per image of the batch, expected one for all")
        offset = _spread(site.tensors(covered)[0], 0, shape) if bias else None
        return Built(Gate(multiply=True, offset=offset), (shape,))
    shape, axis, covered = _covered(site, options)
    tensors = [_spread(t, axis, shape) for t in site.tensors(*[covered] * (2 if bias else 1))]
    return Built(Affine(tensors[0], tensors[1] if bias else None), (shape,))


def bias(site: Site) -> Built:
    """Build a Bias layer, by learned offsets or by a second bottom."""
    options = site.options("bias_param")
    if len(site.shapes) == 2:
        shape, _ = _gate_shapes(site, options)
        return Built(Gate(multiply=False), (shape,))
    shape, axis, covered = _covered(site, options)
    (offset,) = site.tensors(covered)
    return Built(Affine(None, _spread(offset, axis, shape)), (shape,))


def _covered(site: Site, options: Options) -> tuple[Shape, int, Shape]:
    shape = site.only_shape()
    count = options.get("num_axes", 1)
    if count == 0:
        return shape, 0, ()
    axis = site.axis(options.get("axis", 1), len(shape))
    stop = len(shape) if count == -1 else axis + count
    if not axis < stop <= len(shape):
        site.fail(f"covers {count} axes from {axis} on of a blob of shape {shape}")
    return shape, axis, shape[axis:stop]


def _gate_shapes(site: Site, options: Options) -> tuple[Shape, Shape]:
    shape, other = site.shapes
    # From another axis on, the second blob's images would meet the first one's channels.
    if options.get("axis", 1) not in (0, -len(shape)) or shape[: len(other)] != other:
        site.fail(
            f"combines blobs of shapes {shape} and {other} from axis {options.get('axis', 1)} on, "
            "expected axis 0 and the same first sizes",
        )
    return shape, other


def _spread(tensor: Tensor, axis: int, shape: Shape) -> Tensor:
    after = len(shape) - axis - tensor.ndim
    return tensor.reshape(*[1] * axis, *tensor.shape, *[1] * after)


class ResponseNorm(nn.Module):
    """x / (k + alpha * mean of x² over a neighbourhood) ^ beta."""

    def __init__(self, size: int, alpha: float, beta: float, k: float, *, within: bool) -> None:
        super().__init__()
        self.size, self.alpha, self.beta, self.k, self.within = size, alpha, beta, k, within

    def forward(self, x: Tensor) -> Tensor:
        """Normalise (N, C, H, W)."""
        if not self.within:
            return F.local_response_norm(x, self.size, self.alpha, self.beta, self.k)
        mean = F.avg_pool2d(x * x, self.size, 1, self.size // 2)
        return x * (self.k + self.alpha * mean) ** -self.beta


def response_norm(site: Site) -> Built:
    """Build an LRN, across channels or within each (where Caffe takes 1 for k)."""
    options = site.options("lrn_param")
    shape = site.only_shape(4)
    size = site.whole(options, "local_size", 5, 1)
    alpha, beta = options.get("alpha", 1.0), options.get("beta", 0.75)
    within = options.get("norm_region", "ACROSS_CHANNELS") == "WITHIN_CHANNEL"
    k = 1.0 if within else options.get("k", 1.0)
    if size % 2 == 0 or alpha < 0 or k <= 0:
        site.fail(f"has local_size {size}, alpha {alpha} and k {k}, expected odd, >= 0 and > 0")
    return Built(ResponseNorm(size, alpha, beta, k, within=within), (shape,))
