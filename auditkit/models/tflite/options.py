"""Which options of which operator the reader uses, by their names in the format's schema.

An operator that is not listed has no options that matter here.
"""

from collections.abc import Mapping
from types import MappingProxyType
from typing import TypeAlias

Options: TypeAlias = Mapping[str, int | float | bool]
Fields: TypeAlias = tuple[str, Mapping[str, str]]


def _options(kind: str, **fields: str) -> Fields:
    return kind, fields


_WINDOW = {"padding": "Padding", "stride_h": "StrideH", "stride_w": "StrideW"}
_DILATION = {"dilation_h": "DilationHFactor", "dilation_w": "DilationWFactor"}
_ACTIVATION = {"activation": "FusedActivationFunction"}
_POOL = _options(
    "Pool2DOptions", filter_h="FilterHeight", filter_w="FilterWidth", **_WINDOW, **_ACTIVATION
)
_REDUCER = _options("ReducerOptions", keep_dims="KeepDims")
_CORNERS = {"align_corners": "AlignCorners", "half_pixel_centers": "HalfPixelCenters"}

OPTIONS: Mapping[str, Fields] = MappingProxyType(
    {
        "ADD": _options("AddOptions", **_ACTIVATION),
        "AVERAGE_POOL_2D": _POOL,
        "BATCH_MATMUL": _options("BatchMatMulOptions", adjoint_x="AdjX", adjoint_y="AdjY"),
        "CONCATENATION": _options("ConcatenationOptions", axis="Axis", **_ACTIVATION),
        "CONV_2D": _options("Conv2DOptions", **_WINDOW, **_DILATION, **_ACTIVATION),
        "DEPTH_TO_SPACE": _options("DepthToSpaceOptions", block="BlockSize"),
        "DEPTHWISE_CONV_2D": _options(
            "DepthwiseConv2DOptions",
            multiplier="DepthMultiplier",
            **_WINDOW,
            **_DILATION,
            **_ACTIVATION,
        ),
        "DIV": _options("DivOptions", **_ACTIVATION),
        "FULLY_CONNECTED": _options(
            "FullyConnectedOptions",
            weights_format="WeightsFormat",
            keep_num_dims="KeepNumDims",
            asymmetric="AsymmetricQuantizeInputs",
            **_ACTIVATION,
        ),
        "GATHER": _options("GatherOptions", axis="Axis", batch_dims="BatchDims"),
        "GELU": _options("GeluOptions", approximate="Approximate"),
        "L2_NORMALIZATION": _options("L2NormOptions", **_ACTIVATION),
        "LEAKY_RELU": _options("LeakyReluOptions", alpha="Alpha"),
        "LOCAL_RESPONSE_NORMALIZATION": _options(
            "LocalResponseNormalizationOptions",
            radius="Radius",
            bias="Bias",
            alpha="Alpha",
            beta="Beta",
        ),
        "MAX_POOL_2D": _POOL,
        "MEAN": _REDUCER,
        "MIRROR_PAD": _options("MirrorPadOptions", mirror="Mode"),
        "MUL": _options("MulOptions", **_ACTIVATION),
        "PACK": _options("PackOptions", axis="Axis", parts="ValuesCount"),
        "REDUCE_MAX": _REDUCER,
        "REDUCE_MIN": _REDUCER,
        "RESIZE_BILINEAR": _options("ResizeBilinearOptions", **_CORNERS),
        "RESIZE_NEAREST_NEIGHBOR": _options("ResizeNearestNeighborOptions", **_CORNERS),
        "SOFTMAX": _options("SoftmaxOptions", beta="Beta"),
        "SPACE_TO_DEPTH": _options("SpaceToDepthOptions", block="BlockSize"),
        "SPLIT": _options("SplitOptions", parts="NumSplits"),
        "SPLIT_V": _options("SplitVOptions", parts="NumSplits"),
        "STRIDED_SLICE": _options(
            "StridedSliceOptions",
            begin_mask="BeginMask",
            end_mask="EndMask",
            ellipsis_mask="EllipsisMask",
            new_axis_mask="NewAxisMask",
            shrink_mask="ShrinkAxisMask",
            offset="Offset",
        ),
        "SUB": _options("SubOptions", **_ACTIVATION),
        "SUM": _REDUCER,
        "TRANSPOSE_CONV": _options("TransposeConvOptions", **_WINDOW, **_ACTIVATION),
        "UNPACK": _options("UnpackOptions", axis="Axis", parts="Num"),
    },
)
