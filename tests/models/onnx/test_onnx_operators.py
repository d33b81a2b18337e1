"""Each operator answers as onnxruntime does, for one image and for three."""

import numpy as np
import pytest
from onnx_graphs import answer, node, noise, picture_model, runtime_answer, save

from auditkit.models.onnx import load_onnx

I64 = np.int64


def case(name, operator, *, inputs="x", opset=17, shape=(3, 8, 8), low=-1.0, high=1.0, **more):
    """One operator between the image and a Flatten; lower-case arrays are constants."""
    constants = {key: value for key, value in more.items() if isinstance(value, np.ndarray)}
    attributes = {key: value for key, value in more.items() if key not in constants}
    nodes = [node(operator, inputs, "t", **attributes), node("Flatten", "t", "y")]
    return pytest.param(nodes, constants, opset, shape, (low, high), id=f"{name}-{opset}")


def chain(name, *steps, opset=17, shape=(3, 8, 8), **constants):
    nodes = [node(*step[:3], **(step[3] if len(step) > 3 else {})) for step in steps]
    return pytest.param(nodes, constants, opset, shape, (-1.0, 1.0), id=f"{name}-{opset}")


def ints(*numbers):
    return np.array(numbers, I64)


W, WD = noise(4, 3, 3, 3, seed=1), noise(3, 1, 3, 3, seed=2)
B4, B3 = noise(4, seed=3), noise(3, seed=4)
POOL = {"kernel_shape": [3, 3], "strides": [2, 2]}

UNARY = [
    case(name, name, low=0.1 if name in ("Log", "Sqrt", "Reciprocal") else -2.0, high=2.0)
    for name in (
        *("Abs", "Ceil", "Cos", "Erf", "Exp", "Floor", "HardSwish", "Log", "Neg", "Reciprocal"),
        *("Relu", "Round", "Sigmoid", "Sign", "Sin", "Softplus", "Softsign", "Sqrt", "Tanh"),
        *("Elu", "Celu", "Selu", "LeakyRelu", "HardSigmoid", "GlobalMaxPool", "Identity"),
    )
]
ACTIVATIONS = [
    case("hard_sigmoid_alpha", "HardSigmoid", alpha=1 / 6, beta=0.5, low=-4, high=4),
    case("mish", "Mish", opset=18),
    case("gelu", "Gelu", opset=20),
    case("gelu_tanh", "Gelu", opset=20, approximate="tanh"),
    case("selu_alpha", "Selu", alpha=2.0, gamma=1.5),
    case("prelu", "PRelu", inputs="x a", a=noise(3, 1, 1, seed=5)),
    case("clip_attributes", "Clip", opset=10, min=-0.5, max=0.25),
    case(
        "clip_inputs",
        "Clip",
        inputs="x a b",
        a=np.full((), -0.5, np.float32),
        b=np.full((), 0.5, np.float32),
    ),
    case("clip_high_only", "Clip", inputs="x - b", b=np.full((), 0.25, np.float32)),
    case("softmax_old", "Softmax", opset=11, axis=1),
    case("softmax_old_default", "Softmax", opset=11),
    case("softmax_old_axis2", "Softmax", opset=11, axis=2),
    case("softmax_new", "Softmax", opset=13, axis=1),
    case("log_softmax", "LogSoftmax", opset=13),
    case("log_softmax_old", "LogSoftmax", opset=11),
]
ARITHMETIC = [
    case("add", "Add", inputs="x a", a=noise(3, 1, 1)),
    case("sub_reversed", "Sub", inputs="a x", a=noise(8)),
    case("div", "Div", inputs="x a", a=noise(3, 1, 1) + 3),
    case("pow", "Pow", inputs="x a", a=np.full((), 2.0, np.float32)),
    case("pow_integer", "Pow", inputs="x a", a=np.full((), 3, I64)),
    case("min", "Min", inputs="x a", a=noise(8)),
    case("max_three", "Max", inputs="x a b", a=noise(8), b=noise(8, 1)),
    case("mean", "Mean", inputs="x a", a=noise(8)),
    case("sum", "Sum", inputs="x a", a=noise(8)),
    chain(
        "where",
        ("Greater", "x a", "m"),
        ("Where", "m x a", "t"),
        ("Flatten", "t", "y"),
        a=np.full((), 0.1, np.float32),
    ),
    chain(
        "where_not",
        ("Less", "x a", "m"),
        ("Not", "m", "o"),
        ("Cast", "o", "c", {"to": 1}),
        ("Mul", "c x", "t"),
        ("Flatten", "t", "y"),
        a=np.full((), 0.1, np.float32),
    ),
]
LINEAR = [
    case("conv", "Conv", inputs="x w b", w=W, b=B4, pads=[1, 1, 1, 1]),
    case("conv_asymmetric", "Conv", inputs="x w", w=W, pads=[0, 1, 2, 0], strides=[2, 1]),
    case(
        "conv_same_upper", "Conv", inputs="x w b", w=W, b=B4, auto_pad="SAME_UPPER", strides=[2, 2]
    ),
    case("conv_same_lower", "Conv", inputs="x w", w=W, auto_pad="SAME_LOWER", strides=[2, 2]),
    case(
        "conv_same_odd",
        "Conv",
        inputs="x w",
        w=W,
        auto_pad="SAME_UPPER",
        strides=[2, 2],
        shape=(3, 7, 7),
    ),
    case("conv_valid", "Conv", inputs="x w", w=W, auto_pad="VALID", dilations=[2, 2]),
    case("conv_depthwise", "Conv", inputs="x w b", w=WD, b=B3, group=3, opset=22),
    chain(
        "conv_1d",
        ("Reshape", "x s", "r"),
        ("Conv", "r w", "t", {"pads": [1, 0]}),
        ("Flatten", "t", "y"),
        s=ints(0, 3, 64),
        w=noise(2, 3, 3),
    ),
    chain(
        "gemm",
        ("Flatten", "x", "f"),
        ("Gemm", "f w b", "y", {"transB": 1, "alpha": 0.5, "beta": 2.0}),
        w=noise(5, 192),
        b=noise(5),
    ),
    chain("gemm_plain", ("Flatten", "x", "f"), ("Gemm", "f w", "y"), w=noise(192, 5)),
    case("matmul", "MatMul", inputs="x w", w=noise(8, 5)),
    case("einsum", "Einsum", inputs="x w", equation="nchw,wk->nck", w=noise(8, 5)),
]
NORMALISATIONS = [
    case(
        "batch",
        "BatchNormalization",
        inputs="x s b m v",
        s=B3,
        b=B3,
        m=noise(3),
        v=noise(3, low=0.5),
        epsilon=1e-3,
    ),
    case("instance", "InstanceNormalization", inputs="x s b", s=B3, b=B3),
    case("layer", "LayerNormalization", inputs="x s b", s=noise(8), b=noise(8), epsilon=1e-6),
    case("layer_axes", "LayerNormalization", inputs="x s", s=noise(3, 8, 8), axis=1),
    case("group", "GroupNormalization", inputs="x s b", opset=21, s=B3, b=B3, num_groups=3),
    case("lrn", "LRN", size=3, alpha=0.1, beta=0.5, bias=2.0),
]
POOLS = [
    case("max", "MaxPool", **POOL),
    case("max_pads", "MaxPool", **POOL, pads=[1, 1, 1, 1]),
    case("max_asymmetric", "MaxPool", **POOL, pads=[0, 0, 1, 1]),
    case("max_ceil", "MaxPool", **POOL, ceil_mode=1),
    case("max_ceil_pads", "MaxPool", **POOL, ceil_mode=1, pads=[1, 1, 1, 1], shape=(3, 7, 7)),
    case("max_same", "MaxPool", **POOL, auto_pad="SAME_UPPER"),
    case("max_dilated", "MaxPool", **POOL, dilations=[2, 2]),
    case("average", "AveragePool", **POOL),
    case("average_pads", "AveragePool", **POOL, pads=[1, 1, 1, 1]),
    case("average_counted", "AveragePool", **POOL, pads=[1, 1, 1, 1], count_include_pad=1),
    case("average_asymmetric", "AveragePool", **POOL, pads=[0, 1, 1, 0]),
    case(
        "average_asymmetric_counted", "AveragePool", **POOL, pads=[0, 1, 1, 0], count_include_pad=1
    ),
    case("average_ceil", "AveragePool", opset=19, **POOL, ceil_mode=1),
    case("average_ceil_counted", "AveragePool", opset=19, **POOL, ceil_mode=1, count_include_pad=1),
    case(
        "average_ceil_pads",
        "AveragePool",
        opset=19,
        **POOL,
        ceil_mode=1,
        pads=[1, 1, 1, 1],
        count_include_pad=1,
    ),
    case("average_same", "AveragePool", **POOL, auto_pad="SAME_UPPER"),
    case("average_same_lower", "AveragePool", **POOL, auto_pad="SAME_LOWER"),
    case("average_global", "GlobalAveragePool"),
]
SHAPES = [
    case("reshape_zero", "Reshape", inputs="x s", s=ints(0, 3, -1)),
    case("flatten_axis", "Flatten", axis=1, opset=13),
    case("squeeze_attribute", "Squeeze", opset=11, axes=[2], shape=(3, 1, 8)),
    case("squeeze_input", "Squeeze", inputs="x s", s=ints(2), shape=(3, 1, 8)),
    case("unsqueeze_attribute", "Unsqueeze", opset=11, axes=[1, 5]),
    case("unsqueeze_input", "Unsqueeze", inputs="x s", s=ints(-1)),
    case("transpose", "Transpose", perm=[0, 2, 3, 1]),
    case("concat", "Concat", inputs="x x", axis=-1),
    case("expand", "Expand", inputs="x s", s=ints(1, 3, 8, 8)),
    case("tile", "Tile", inputs="x s", s=ints(1, 2, 1, 3)),
    case(
        "pad", "Pad", inputs="x p v", p=ints(0, 0, 1, 2, 0, 1, 0, 3), v=np.full((), 1.5, np.float32)
    ),
    case("pad_attribute", "Pad", opset=10, pads=[0, 0, 1, 1, 0, 0, 1, 1], value=2.0),
    case("pad_reflect", "Pad", inputs="x p", p=ints(0, 0, 1, 2, 0, 0, 3, 1), mode="reflect"),
    case("pad_edge", "Pad", inputs="x p", p=ints(0, 0, 1, 2, 0, 0, 3, 1), mode="edge"),
    case("pad_axes", "Pad", inputs="x p - a", opset=18, p=ints(1, 2), a=ints(-1)),
    case("pad_crop", "Pad", inputs="x p", p=ints(0, 0, -1, -2, 0, 0, 0, -1)),
    chain(
        "depth",
        ("Concat", "x x x x", "c", {"axis": 1}),
        ("DepthToSpace", "c", "t", {"blocksize": 2}),
        ("Flatten", "t", "y"),
    ),
    chain(
        "depth_crd",
        ("Concat", "x x x x", "c", {"axis": 1}),
        ("DepthToSpace", "c", "t", {"blocksize": 2, "mode": "CRD"}),
        ("Flatten", "t", "y"),
    ),
    case("space", "SpaceToDepth", blocksize=2),
]
PARTS = [
    case(
        "slice",
        "Slice",
        inputs="x s e a p",
        s=ints(1, -3),
        e=ints(7, 1 << 62),
        a=ints(2, -1),
        p=ints(2, 1),
    ),
    case(
        "slice_back",
        "Slice",
        inputs="x s e a p",
        s=ints(-1),
        e=ints(-(1 << 62)),
        a=ints(3),
        p=ints(-2),
    ),
    case(
        "slice_back_part", "Slice", inputs="x s e a p", s=ints(6), e=ints(1), a=ints(3), p=ints(-2)
    ),
    case("slice_attributes", "Slice", opset=9, starts=[1], ends=[-1], axes=[1]),
    case("gather", "Gather", inputs="x i", i=ints(2, -1, 0), axis=1),
    case("gather_scalar", "Gather", inputs="x i", i=np.array(1, I64), axis=2),
    chain(
        "top",
        ("TopK", "x k", "t i", {"axis": 3}),
        ("Flatten", "t", "y"),
        k=ints(3),
    ),
    chain(
        "split",
        ("Split", "x s", "a b", {"axis": 2}),
        ("Concat", "b a", "t", {"axis": 2}),
        ("Flatten", "t", "y"),
        s=ints(3, 5),
    ),
    chain(
        "split_equal",
        ("Split", "x", "a b", {"axis": 3, "num_outputs": 2}),
        ("Sub", "b a", "t"),
        ("Flatten", "t", "y"),
        opset=18,
    ),
    chain(
        "split_attribute",
        ("Split", "x", "a b", {"axis": 1, "split": [1, 2]}),
        ("Flatten", "b", "y"),
        opset=11,
    ),
]
REDUCTIONS = [
    case("mean_attribute", "ReduceMean", axes=[2, 3], keepdims=0),
    case("mean_input", "ReduceMean", inputs="x a", opset=18, a=ints(-1, -2), keepdims=0),
    *[
        case(name, name, axes=[1], low=0.1)
        for name in (
            "ReduceL1",
            "ReduceL2",
            "ReduceMax",
            "ReduceMin",
            "ReduceProd",
            "ReduceSumSquare",
        )
    ],
    case("log_sum_exp", "ReduceLogSumExp", axes=[2]),
    case("sum", "ReduceSum", inputs="x a", a=ints(2)),
    case("nothing", "ReduceSum", inputs="x a", a=ints(), noop_with_empty_axes=1),
]
RESIZES = [
    case(
        f"resize_{mode}_{where}_{rule}",
        "Resize",
        inputs="x - - s" if sizes else "x - f",
        **({"s": ints(1, 3, 13, 5)} if sizes else {"f": np.array([1, 1, 1.7, 2.0], np.float32)}),
        mode=mode,
        coordinate_transformation_mode=where,
        **({"nearest_mode": rule} if mode == "nearest" else {}),
    )
    for mode, where, rule, sizes in (
        ("nearest", "asymmetric", "floor", False),
        ("nearest", "half_pixel", "round_prefer_floor", False),
        ("nearest", "half_pixel", "round_prefer_ceil", False),
        ("nearest", "align_corners", "ceil", False),
        ("linear", "half_pixel", "", False),
        ("linear", "align_corners", "", False),
        ("linear", "asymmetric", "", False),
        ("linear", "pytorch_half_pixel", "", False),
        ("cubic", "half_pixel", "", False),
        ("cubic", "align_corners", "", False),
    )
]
SIZES = [
    chain(
        "resize_sizes",
        ("Shape", "x", "s"),
        ("Slice", "s z two", "head"),
        ("Concat", "head hw", "sizes", {"axis": 0}),
        ("Resize", "x - - sizes", "t", {"mode": "linear"}),
        ("Flatten", "t", "y"),
        z=ints(0),
        two=ints(2),
        hw=ints(13, 5),
    ),
    chain(
        "computed_reshape",
        ("Shape", "x", "s"),
        ("Gather", "s zero", "n", {"axis": 0}),
        ("Unsqueeze", "n a", "u"),
        ("Concat", "u rest", "to", {"axis": 0}),
        ("Reshape", "x to", "y"),
        zero=np.array(0, I64),
        a=ints(0),
        rest=ints(-1),
    ),
    chain(
        "computed_expand",
        ("Shape", "x", "s", {"start": 0, "end": 1}),
        ("Concat", "s rest", "to", {"axis": 0}),
        ("Expand", "token to", "e"),
        ("Reshape", "x flat", "f"),
        ("Concat", "e f", "t", {"axis": 1}),
        ("Flatten", "t", "y"),
        rest=ints(1, 8),
        token=noise(1, 1, 8),
        flat=ints(0, -1, 8),
    ),
    chain(
        "filled_range",
        ("ConstantOfShape", "s", "c"),
        ("Range", "zero eight one", "r"),
        ("Add", "c r", "v"),
        ("Mul", "x v", "t"),
        ("Flatten", "t", "y"),
        s=ints(8),
        zero=np.zeros((), np.float32),
        eight=np.full((), 8, np.float32),
        one=np.ones((), np.float32),
    ),
]
ALL = [
    *(*UNARY, *ACTIVATIONS, *ARITHMETIC, *LINEAR, *NORMALISATIONS, *POOLS),
    *(*SHAPES, *PARTS, *REDUCTIONS, *RESIZES, *SIZES),
]


@pytest.mark.parametrize(("nodes", "constants", "opset", "shape", "span"), ALL)
def test_operator_answers_as_onnxruntime(nodes, constants, opset, shape, span, tmp_path):
    dimensions = ("n", *shape)
    path = save(picture_model(nodes, opset=opset, shape=dimensions, **constants), tmp_path)
    network = load_onnx(path)
    x = noise(3, *shape, low=span[0], high=span[1])
    expected = runtime_answer(path, x=x)
    found = answer(network, x)
    assert found.shape == expected.shape
    assert np.abs(found - expected).max() < 1e-5 * max(1.0, np.abs(expected).max())
    assert np.abs(answer(network, x[1:2]) - found[1:2]).max() < 1e-5 * max(1.0, np.abs(found).max())


def test_upsample_of_opset_nine(tmp_path):
    nodes = [node("Upsample", "x f", "t", mode="linear"), node("Flatten", "t", "y")]
    path = save(picture_model(nodes, opset=9, f=np.array([1, 1, 2, 2], np.float32)), tmp_path)
    x = noise(2, 3, 8, 8)
    assert np.abs(answer(load_onnx(path), x) - runtime_answer(path, x=x)).max() < 1e-5


def test_clip_ties_share_no_gradient(tmp_path):
    import torch

    nodes = [node("Clip", "x a b", "t"), node("Flatten", "t", "y")]
    limits = {"a": np.zeros((), np.float32), "b": np.full((), 6, np.float32)}
    network = load_onnx(save(picture_model(nodes, **limits), tmp_path))
    x = torch.tensor([-1.0, 0.0, 3.0, 6.0]).repeat(48).reshape(1, 3, 8, 8).requires_grad_()
    network(x).sum().backward()
    assert x.grad.flatten()[:4].tolist() == [0.0, 1.0, 1.0, 1.0]
