"""Which builder makes the module of which operator."""

from collections.abc import Callable, Mapping
from types import MappingProxyType

from torch import nn

from auditkit.models.tflite.activations import build_activation, build_prelu
from auditkit.models.tflite.elementwise import build_function_of_two, build_product, build_sum
from auditkit.models.tflite.functions import build_function
from auditkit.models.tflite.joins import build_concatenation, build_pack
from auditkit.models.tflite.linear import build_convolution, build_dense, build_depthwise
from auditkit.models.tflite.matmul import build_batch_matmul
from auditkit.models.tflite.normalisation import build_local_response, build_unit_length
from auditkit.models.tflite.padding import build_mirror_pad, build_pad
from auditkit.models.tflite.pooling import build_pool
from auditkit.models.tflite.quantising import build_cast, build_dequantise, build_quantise
from auditkit.models.tflite.reductions import build_extreme, build_mean, build_total
from auditkit.models.tflite.resize import build_bilinear, build_nearest
from auditkit.models.tflite.shapes import build_depth_space, build_reshape, build_transpose
from auditkit.models.tflite.site import Site
from auditkit.models.tflite.slices import (
    build_gather,
    build_reverse,
    build_slice,
    build_split,
    build_strided_slice,
    build_unpack,
)
from auditkit.models.tflite.softmax import build_log_softmax, build_softmax
from auditkit.models.tflite.transposed import build_transposed_convolution

BUILDERS: Mapping[str, Callable[[Site], nn.Module]] = MappingProxyType(
    {
        "ABS": build_function,
        "ADD": build_sum,
        "AVERAGE_POOL_2D": build_pool,
        "BATCH_MATMUL": build_batch_matmul,
        "CAST": build_cast,
        "CONCATENATION": build_concatenation,
        "CONV_2D": build_convolution,
        "DEPTHWISE_CONV_2D": build_depthwise,
        "DEPTH_TO_SPACE": build_depth_space,
        "DEQUANTIZE": build_dequantise,
        "DIV": build_function_of_two,
        "ELU": build_function,
        "EXP": build_function,
        "EXPAND_DIMS": build_reshape,
        "FULLY_CONNECTED": build_dense,
        "GATHER": build_gather,
        "GELU": build_function,
        "HARD_SWISH": build_function,
        "L2_NORMALIZATION": build_unit_length,
        "LEAKY_RELU": build_function,
        "LOCAL_RESPONSE_NORMALIZATION": build_local_response,
        "LOGISTIC": build_function,
        "LOG_SOFTMAX": build_log_softmax,
        "MAXIMUM": build_function_of_two,
        "MAX_POOL_2D": build_pool,
        "MEAN": build_mean,
        "MINIMUM": build_function_of_two,
        "MIRROR_PAD": build_mirror_pad,
        "MUL": build_product,
        "NEG": build_function,
        "PACK": build_pack,
        "PAD": build_pad,
        "PADV2": build_pad,
        "POW": build_function_of_two,
        "PRELU": build_prelu,
        "QUANTIZE": build_quantise,
        "REDUCE_MAX": build_extreme,
        "REDUCE_MIN": build_extreme,
        "RELU": build_activation,
        "RELU6": build_activation,
        "RELU_0_TO_1": build_activation,
        "RELU_N1_TO_1": build_activation,
        "RESHAPE": build_reshape,
        "RESIZE_BILINEAR": build_bilinear,
        "RESIZE_NEAREST_NEIGHBOR": build_nearest,
        "REVERSE_V2": build_reverse,
        "RSQRT": build_function,
        "SLICE": build_slice,
        "SOFTMAX": build_softmax,
        "SPACE_TO_DEPTH": build_depth_space,
        "SPLIT": build_split,
        "SPLIT_V": build_split,
        "SQRT": build_function,
        "SQUARE": build_function,
        "SQUARED_DIFFERENCE": build_function_of_two,
        "SQUEEZE": build_reshape,
        "STRIDED_SLICE": build_strided_slice,
        "SUB": build_sum,
        "SUM": build_total,
        "TANH": build_function,
        "TRANSPOSE": build_transpose,
        "TRANSPOSE_CONV": build_transposed_convolution,
        "UNPACK": build_unpack,
    },
)
