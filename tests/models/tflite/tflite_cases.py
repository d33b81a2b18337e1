"""Small files with one operator each, with random scales, zero points and constants."""

import numpy as np
from tflite_files import Operator, Values, stored, write

HEIGHT, WIDTH, CHANNELS = 6, 7, 5
IMAGE = (1, HEIGHT, WIDTH, CHANNELS)
PADS = [[0, 0], [1, 2], [0, 3], [1, 0]]


class Make:
    """Tensors of one type."""

    def __init__(self, dtype, seed):
        self.dtype = dtype
        self.random = np.random.default_rng(seed)
        self.real = dtype == "FLOAT32"
        self.lowest = -128 if dtype == "INT8" else 0

    def grid(self):
        scale = float(np.float32(self.random.uniform(0.004, 0.05)))
        return scale, int(self.random.integers(self.lowest, self.lowest + 256))

    def values(self, shape=IMAGE, like=None, scale=None, zero=None):
        if self.real:
            return Values(shape)
        if like is not None:
            return Values(shape, self.dtype, like.scale, like.zero)
        found, place = self.grid()
        return Values(shape, self.dtype, scale or found, place if zero is None else zero)

    def constant(self, shape, like=None):
        if self.real:
            return stored(self.random.normal(0, 1, shape), "FLOAT32")
        scale, zero = self.grid() if like is None else (like.scale, like.zero)
        codes = self.random.integers(self.lowest, self.lowest + 256, shape)
        return stored(codes, self.dtype, scale, zero)

    def weights(self, shape, outputs):
        """Per-channel scales for int8, one scale for uint8."""
        if self.real:
            return stored(self.random.normal(0, 1, shape), "FLOAT32")
        if self.dtype == "INT8":
            scales = self.random.uniform(0.002, 0.01, outputs)
            return stored(self.random.integers(-127, 128, shape), "INT8", scales, 0, 0)
        return stored(self.random.integers(0, 256, shape), "UINT8", 0.005, 120)

    def bias(self, outputs, weights, given):
        if self.real:
            return stored(self.random.normal(0, 1, outputs), "FLOAT32")
        values = self.random.integers(-2000, 2000, outputs)
        return stored(values, "INT32", np.multiply(weights.scale, given.scale), 0, 0)


def _one(name, kind=None, *, scale=None, middle=False, **options):
    """An operator of one tensor; `middle` puts the output's zero in the middle of the codes."""

    def make(m):
        zero = None
        if scale is not None and not m.real:
            zero = m.lowest + (128 if middle else 0)
        output = m.values(scale=scale, zero=zero)
        return [m.values(), output], [Operator(name, [0], [1], kind, options)]

    return make


def _hard_swish(m):
    given = m.values(scale=0.03)
    return [given, m.values(scale=0.024)], [Operator("HARD_SWISH", [0], [1])]


def _narrow(name):
    """A function whose output needs about the scale of its input."""

    def make(m):
        return [m.values(scale=0.02), m.values(scale=0.018)], [Operator(name, [0], [1])]

    return make


def _two(name, kind=None, *, swapped=False, shape=(CHANNELS,), same=False, **options):
    def make(m):
        given = m.values()
        like = given if same else None
        order = [1, 0] if swapped else [0, 1]
        tensors = [given, m.constant(shape, like), m.values(like=like)]
        return tensors, [Operator(name, order, [2], kind, options)]

    return make


def _pair(name, kind):
    """Both operands computed."""

    def make(m):
        given = m.values()
        middle, output = m.values(), m.values()
        relu = Operator("RELU", [0], [1])
        return [given, middle, output], [relu, Operator(name, [0, 1], [2], kind)]

    return make


def _resize(name, kind, size, **options):
    def make(m):
        given = m.values()
        output = m.values((1, *size, CHANNELS), given)
        return [given, stored(size), output], [Operator(name, [0, 1], [2], kind, options)]

    return make


def _strided(begin, end, stride, shape, **masks):
    def make(m):
        given = m.values()
        tensors = [given, stored(begin), stored(end), stored(stride), m.values(shape, given)]
        return tensors, [Operator("STRIDED_SLICE", [0, 1, 2, 3], [4], "StridedSliceOptions", masks)]

    return make


def _slice(m):
    given = m.values()
    tensors = [given, stored([0, 1, 2, 0]), stored([1, 3, -1, 4]), m.values((1, 3, 5, 4), given)]
    return tensors, [Operator("SLICE", [0, 1, 2], [3], "SliceOptions")]


def _split(m):
    given = m.values()
    parts = [m.values((1, 2, WIDTH, CHANNELS), given) for _ in range(3)]
    join = Operator("CONCATENATION", [4, 2, 3], [5], "ConcatenationOptions", {"axis": 1})
    split = Operator("SPLIT", [1, 0], [2, 3, 4], "SplitOptions", {"numSplits": 3})
    return [given, stored(1), *parts, m.values(like=given)], [split, join]


def _split_by_size(m):
    given = m.values()
    parts = [m.values((1, HEIGHT, WIDTH, size), given) for size in (2, 3)]
    join = Operator("CONCATENATION", [4, 3], [5], "ConcatenationOptions", {"axis": -1})
    split = Operator("SPLIT_V", [0, 1, 2], [3, 4], "SplitVOptions", {"numSplits": 2})
    return [given, stored([2, -1]), stored(-1), *parts, m.values(like=given)], [split, join]


def _unpack(m):
    given = m.values()
    parts = [m.values((1, WIDTH, CHANNELS), given) for _ in range(HEIGHT)]
    output = m.values((1, WIDTH, 3, CHANNELS), given)
    unpack = Operator("UNPACK", [0], list(range(1, 7)), "UnpackOptions", {"axis": 1, "num": 6})
    pack = Operator("PACK", [3, 1, 6], [7], "PackOptions", {"axis": 2, "valuesCount": 3})
    return [given, *parts, output], [unpack, pack]


def _gather(m):
    given = m.values()
    output = m.values((1, HEIGHT, WIDTH, 3), given)
    return [given, stored([2, 0, 4]), output], [
        Operator("GATHER", [0, 1], [2], "GatherOptions", {"axis": 3})
    ]


def _reverse(m):
    given = m.values()
    tensors = [given, stored([3]), m.values(like=given)]
    return tensors, [Operator("REVERSE_V2", [0, 1], [2], "ReverseV2Options")]


def _pad(name, kind, **options):
    def make(m):
        given = m.values()
        filled = [m.constant((), given)] if name == "PADV2" else []
        tensors = [given, stored(PADS), *filled, m.values((1, 9, 10, 6), given)]
        inputs = list(range(2 + len(filled)))
        return tensors, [Operator(name, inputs, [len(inputs)], kind, options)]

    return make


def _blocks(name, kind, given, result):
    def make(m):
        first = m.values(given)
        return [first, m.values(result, first)], [Operator(name, [0], [1], kind, {"blockSize": 2})]

    return make


def _reduce(name, axes, shape, *, same=False, scale=None):
    keep = len(shape) == 4

    def make(m):
        given = m.values()
        output = m.values(shape, given if same else None, scale)
        operator = Operator(name, [0, 1], [2], "ReducerOptions", {"keepDims": keep})
        return [given, stored(axes), output], [operator]

    return make


def _row(name, kind, shape, after, **options):
    """A reduction, and its result with other axes."""

    def make(m):
        given = m.values()
        middle, output = m.values(shape, given), m.values(after, given)
        keep = {"keepDims": len(shape) == 4}
        reduce = Operator("REDUCE_MAX", [0, 1], [2], "ReducerOptions", keep)
        inputs = [2] if name == "SQUEEZE" else [2, 3]
        last = Operator(name, inputs, [4], kind, options)
        return [given, stored([1, 2]), middle, stored(1), output], [reduce, last]

    return make


def _matmul(m):
    tensors = [m.values(), m.constant((1, 1, CHANNELS, 4)), m.values((1, HEIGHT, WIDTH, 4))]
    return tensors, [Operator("BATCH_MATMUL", [0, 1], [2], "BatchMatMulOptions")]


def _matmul_turned(m):
    tensors = [m.values(), m.values(), m.values((1, HEIGHT, CHANNELS, CHANNELS))]
    product = Operator("BATCH_MATMUL", [0, 1], [2], "BatchMatMulOptions", {"adjX": True})
    return tensors, [Operator("RELU", [0], [1]), product]


def _transposed(padding, stride):
    def make(m):
        given = m.values((1, 4, 5, CHANNELS))
        size = [4 * stride, 5 * stride] if padding == 0 else [3 * stride + 3, 4 * stride + 3]
        weights = m.weights((4, 3, 3, CHANNELS), 4)
        shape = (1, *size, 4)
        tensors = [given, stored(shape), weights, m.bias(4, weights, given)]
        options = {"padding": padding, "strideH": stride, "strideW": stride}
        operator = Operator("TRANSPOSE_CONV", [1, 2, 0, 3], [4], "TransposeConvOptions", options)
        return [*tensors, m.values(shape, scale=0.1)], [operator]

    return make


def _local_response(m):
    options = {"radius": 2, "bias": 1.0, "alpha": 0.5, "beta": 0.75}
    kind = "LocalResponseNormalizationOptions"
    operator = Operator("LOCAL_RESPONSE_NORMALIZATION", [0], [1], kind, options)
    return [m.values(), m.values()], [operator]


def _quantise(m):
    """Between two scales of one type."""
    return [m.values(), m.values()], [Operator("QUANTIZE", [0], [1])]


BILINEAR, NEAREST = "ResizeBilinearOptions", "ResizeNearestNeighborOptions"
CASES = {
    "ABS": _one("ABS"),
    "ADD": _two("ADD", "AddOptions", fusedActivationFunction=1),
    "ADD of two": _pair("ADD", "AddOptions"),
    "BATCH_MATMUL": _matmul,
    "BATCH_MATMUL turned": _matmul_turned,
    "DEPTH_TO_SPACE": _blocks("DEPTH_TO_SPACE", "DepthToSpaceOptions", (1, 3, 4, 12), (1, 6, 8, 3)),
    "DIV": _two("DIV", "DivOptions"),
    "ELU": _narrow("ELU"),
    "EXP": _one("EXP"),
    "EXPAND_DIMS": _row("EXPAND_DIMS", "ExpandDimsOptions", (1, CHANNELS), (1, 1, CHANNELS)),
    "GATHER": _gather,
    "GELU": _one("GELU", "GeluOptions", approximate=False),
    "GELU near": _one("GELU", "GeluOptions", approximate=True),
    "HARD_SWISH": _hard_swish,
    "L2_NORMALIZATION": _one("L2_NORMALIZATION", "L2NormOptions", scale=1 / 128, middle=True),
    "LEAKY_RELU": _one("LEAKY_RELU", "LeakyReluOptions", alpha=0.3),
    "LOCAL_RESPONSE_NORMALIZATION": _local_response,
    "LOGISTIC": _one("LOGISTIC", scale=1 / 256),
    "LOG_SOFTMAX": _one("LOG_SOFTMAX"),
    "MAXIMUM": _two("MAXIMUM", "MaximumMinimumOptions", same=True),
    "MEAN": _reduce("MEAN", [1, 2], (1, CHANNELS)),
    "MEAN kept": _reduce("MEAN", [2, 1], (1, 1, 1, CHANNELS)),
    "MINIMUM": _two("MINIMUM", "MaximumMinimumOptions", shape=(1,), same=True),
    "MIRROR_PAD": _pad("MIRROR_PAD", "MirrorPadOptions", mode=0),
    "MIRROR_PAD with border": _pad("MIRROR_PAD", "MirrorPadOptions", mode=1),
    "MUL": _two("MUL", "MulOptions", fusedActivationFunction=3),
    "NEG": _one("NEG"),
    "PAD": _pad("PAD", "PadOptions"),
    "PADV2": _pad("PADV2", "PadV2Options"),
    "PRELU": _two("PRELU", shape=(1, 1, CHANNELS)),
    "REDUCE_MAX": _reduce("REDUCE_MAX", [1, 2], (1, CHANNELS), same=True),
    "REDUCE_MIN": _reduce("REDUCE_MIN", [3], (1, HEIGHT, WIDTH, 1), same=True),
    "RELU": _one("RELU"),
    "RELU6": _one("RELU6"),
    "RELU_0_TO_1": _one("RELU_0_TO_1"),
    "RELU_N1_TO_1": _one("RELU_N1_TO_1"),
    "RESIZE_BILINEAR": _resize("RESIZE_BILINEAR", BILINEAR, (11, 5)),
    "RESIZE_BILINEAR aligned": _resize("RESIZE_BILINEAR", BILINEAR, (11, 5), alignCorners=True),
    "RESIZE_BILINEAR centred": _resize("RESIZE_BILINEAR", BILINEAR, (3, 20), halfPixelCenters=True),
    "RESIZE_NEAREST_NEIGHBOR": _resize("RESIZE_NEAREST_NEIGHBOR", NEAREST, (11, 5)),
    "RESIZE_NEAREST_NEIGHBOR aligned": _resize(
        "RESIZE_NEAREST_NEIGHBOR", NEAREST, (3, 20), alignCorners=True
    ),
    "RESIZE_NEAREST_NEIGHBOR centred": _resize(
        "RESIZE_NEAREST_NEIGHBOR", NEAREST, (4, 9), halfPixelCenters=True
    ),
    "REVERSE_V2": _reverse,
    "QUANTIZE": _quantise,
    "SLICE": _slice,
    "SPACE_TO_DEPTH": _blocks("SPACE_TO_DEPTH", "SpaceToDepthOptions", (1, 6, 8, 3), (1, 3, 4, 12)),
    "SPLIT": _split,
    "SPLIT_V": _split_by_size,
    "SQUEEZE": _row(
        "SQUEEZE", "SqueezeOptions", (1, 1, 1, CHANNELS), (1, CHANNELS), squeezeDims=[1, 2]
    ),
    "STRIDED_SLICE": _strided(
        [0, 1, -1, 0], [1, -1, 0, 0], [1, 2, -1, 1], (1, 2, 6, CHANNELS), endMask=8
    ),
    "STRIDED_SLICE of a row": _strided(
        [0, 1, 0, 0],
        [1, 2, 0, 0],
        [1, 1, 1, 1],
        (1, WIDTH, CHANNELS),
        endMask=12,
        shrinkAxisMask=2,
    ),
    "SUB": _two("SUB", "SubOptions"),
    "SUB from a constant": _two("SUB", "SubOptions", swapped=True),
    "SUM": _reduce("SUM", [1, 2], (1, CHANNELS), scale=0.5),
    "TANH": _one("TANH", scale=1 / 128, middle=True),
    "TRANSPOSE_CONV": _transposed(0, 2),
    "TRANSPOSE_CONV valid": _transposed(1, 3),
}
NOT_FOR = {
    # Known on real values only.
    "codes": {
        "BATCH_MATMUL",
        "BATCH_MATMUL turned",
        "DIV",
        "LOCAL_RESPONSE_NORMALIZATION",
        "LOG_SOFTMAX",
        "NEG",
    },
    "FLOAT32": {"QUANTIZE"},
    "INT8": set(),
    # Not in the runtime for bytes.
    "UINT8": {"ABS", "ELU", "EXP"},
}


def build(name, dtype, seed, folder):
    """Write the file of a case."""
    # A hash of the name would differ from run to run.
    make = Make(dtype, [seed, *name.encode()])
    tensors, operators = CASES[name](make)
    return write(folder / "case.tflite", tensors, operators)
