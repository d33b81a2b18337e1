"""The part of Caffe's definition language that classifiers use, for protobuf's text parser.

A line per message: `field:type`, `*` in front of the type for a repeated field, braces for the words of
an enumeration. Only names matter in a text, so that the numbers of fields are counted up here; the
weights file, where they matter, is walked by `wire`.
"""

from collections.abc import Mapping
from functools import cache
from importlib import import_module
from types import MappingProxyType
from typing import Any

from auditkit.errors import AuditError

_PACKAGE = "auditkit.caffe"
_ENGINE = "engine:{DEFAULT,CAFFE,CUDNN}"
_FILLERS = "weight_filler:FillerParameter bias_filler:FillerParameter"
_PHASE = "phase:{TRAIN,TEST}"
_SOURCE = "source:s batch_size:i rand_skip:i scale:f mean_file:s crop_size:i mirror:b"
_LINKS = "name:s bottom:*s top:*s include:*NetStateRule exclude:*NetStateRule loss_weight:*f"

# The fields of a layer that hold its options, by the message that describes them.
_OPTIONS: Mapping[str, str] = MappingProxyType(
    {
        "accuracy_param": "top_k:i axis:i ignore_label:i",
        "batch_norm_param": "use_global_stats:b moving_average_fraction:f eps:f",
        "bias_param": "axis:i num_axes:i filler:FillerParameter",
        "concat_param": "axis:i concat_dim:i",
        "convolution_param": "num_output:i bias_term:b pad:*i kernel_size:*i stride:*i dilation:*i "
        "pad_h:i pad_w:i kernel_h:i kernel_w:i stride_h:i stride_w:i group:i axis:i "
        f"force_nd_im2col:b {_ENGINE} {_FILLERS}",
        "data_param": f"{_SOURCE} backend:{{LEVELDB,LMDB}} force_encoded_color:b prefetch:i",
        "dropout_param": "dropout_ratio:f scale_train:b",
        "dummy_data_param": "data_filler:*FillerParameter shape:*BlobShape num:*i channels:*i "
        "height:*i width:*i",
        "eltwise_param": "operation:{PROD,SUM,MAX} coeff:*f stable_prod_grad:b",
        "elu_param": "alpha:f",
        "flatten_param": "axis:i end_axis:i",
        "hdf5_data_param": "source:s batch_size:i shuffle:b",
        "image_data_param": f"{_SOURCE} shuffle:b new_height:i new_width:i is_color:b root_folder:s",
        "inner_product_param": f"num_output:i bias_term:b axis:i transpose:b {_FILLERS}",
        "input_param": "shape:*BlobShape",
        "lrn_param": "local_size:i alpha:f beta:f k:f "
        f"norm_region:{{ACROSS_CHANNELS,WITHIN_CHANNEL}} {_ENGINE}",
        "loss_param": "ignore_label:i normalization:{FULL,VALID,BATCH_SIZE,NONE} normalize:b",
        "memory_data_param": "batch_size:i channels:i height:i width:i",
        "pooling_param": "pool:{MAX,AVE,STOCHASTIC} pad:i kernel_size:i stride:i pad_h:i pad_w:i "
        "kernel_h:i kernel_w:i stride_h:i stride_w:i global_pooling:b "
        f"round_mode:{{CEIL,FLOOR}} ceil_mode:b {_ENGINE}",
        "power_param": "power:f scale:f shift:f",
        "prelu_param": "filler:FillerParameter channel_shared:b",
        "relu_param": f"negative_slope:f {_ENGINE}",
        "reshape_param": "shape:BlobShape axis:i num_axes:i",
        "scale_param": "axis:i num_axes:i filler:FillerParameter bias_term:b "
        "bias_filler:FillerParameter",
        "sigmoid_param": _ENGINE,
        "slice_param": "axis:i slice_point:*i slice_dim:i",
        "softmax_param": f"{_ENGINE} axis:i",
        "tanh_param": _ENGINE,
        "transform_param": "scale:f mirror:b crop_size:i mean_file:s mean_value:*f force_color:b "
        "force_gray:b",
    },
)
# The names of types before 2015, and those of today.
OLD_TYPES: Mapping[str, str] = MappingProxyType(
    {
        "NONE": "",
        "ABSVAL": "AbsVal",
        "ACCURACY": "Accuracy",
        "ARGMAX": "ArgMax",
        "BNLL": "BNLL",
        "CONCAT": "Concat",
        "CONTRASTIVE_LOSS": "ContrastiveLoss",
        "CONVOLUTION": "Convolution",
        "DATA": "Data",
        "DECONVOLUTION": "Deconvolution",
        "DROPOUT": "Dropout",
        "DUMMY_DATA": "DummyData",
        "EUCLIDEAN_LOSS": "EuclideanLoss",
        "ELTWISE": "Eltwise",
        "EXP": "Exp",
        "FLATTEN": "Flatten",
        "HDF5_DATA": "HDF5Data",
        "HDF5_OUTPUT": "HDF5Output",
        "HINGE_LOSS": "HingeLoss",
        "IM2COL": "Im2col",
        "IMAGE_DATA": "ImageData",
        "INFOGAIN_LOSS": "InfogainLoss",
        "INNER_PRODUCT": "InnerProduct",
        "LRN": "LRN",
        "MEMORY_DATA": "MemoryData",
        "MULTINOMIAL_LOGISTIC_LOSS": "MultinomialLogisticLoss",
        "MVN": "MVN",
        "POOLING": "Pooling",
        "POWER": "Power",
        "RELU": "ReLU",
        "SIGMOID": "Sigmoid",
        "SIGMOID_CROSS_ENTROPY_LOSS": "SigmoidCrossEntropyLoss",
        "SILENCE": "Silence",
        "SOFTMAX": "Softmax",
        "SOFTMAX_LOSS": "SoftmaxWithLoss",
        "SPLIT": "Split",
        "SLICE": "Slice",
        "TANH": "TanH",
        "WINDOW_DATA": "WindowData",
        "THRESHOLD": "Threshold",
    },
)


def _message_of(option: str) -> str:
    return "".join(part.title() for part in option.split("_"))


def _messages() -> dict[str, str]:
    options = " ".join(f"{option}:{_message_of(option)}" for option in _OPTIONS)
    return {
        "BlobShape": "dim:*i",
        "FillerParameter": "type:s value:f min:f max:f mean:f std:f sparse:i "
        "variance_norm:{FAN_IN,FAN_OUT,AVERAGE}",
        "NetState": f"{_PHASE} level:i stage:*s",
        "NetStateRule": f"{_PHASE} min_level:i max_level:i stage:*s not_stage:*s",
        "ParamSpec": "name:s share_mode:{STRICT,PERMISSIVE} lr_mult:f decay_mult:f",
        "LayerParameter": f"{_LINKS} type:s {_PHASE} param:*ParamSpec propagate_down:*b {options}",
        "V0LayerParameter": "name:s type:s",
        "V1LayerParameter": f"{_LINKS} type:{{{','.join(OLD_TYPES)}}} param:*s blobs_lr:*f "
        f"weight_decay:*f blob_share_mode:*{{STRICT,PERMISSIVE}} layer:V0LayerParameter {options}",
        "NetParameter": "name:s input:*s input_shape:*BlobShape input_dim:*i force_backward:b "
        "state:NetState debug_info:b layer:*LayerParameter layers:*V1LayerParameter",
        **{_message_of(option): fields for option, fields in _OPTIONS.items()},
    }


def protobuf(name: str) -> Any:
    """Give a module of protobuf, which is an optional dependency.

    Raises:
        AuditError: if it is not installed.
    """
    try:
        return import_module(f"google.protobuf.{name}")
    except ImportError as error:
        raise AuditError(
            'reading Caffe needs protobuf; install it with pip install "pytest-auditkit[caffe]"',
        ) from error


@cache
def net_class() -> Any:
    """Give the message class of a whole definition."""
    descriptors = protobuf("descriptor_pb2")
    file = descriptors.FileDescriptorProto(
        name="auditkit/caffe.proto",
        package=_PACKAGE,
        syntax="proto2",
    )
    for name, fields in _messages().items():
        message = file.message_type.add(name=name)
        for number, field in enumerate(fields.split(), 1):
            _add_field(message, number, *field.split(":"))
    pool = protobuf("descriptor_pool").DescriptorPool()
    pool.Add(file)
    descriptor = pool.FindMessageTypeByName(f"{_PACKAGE}.NetParameter")
    return protobuf("message_factory").GetMessageClass(descriptor)


def _add_field(message: Any, number: int, name: str, kind: str) -> None:
    repeated = kind.startswith("*")
    kind = kind.removeprefix("*")
    field = message.field.add(name=name, number=number)
    kinds = type(field)
    field.label = kinds.LABEL_REPEATED if repeated else kinds.LABEL_OPTIONAL
    plain = {
        "i": kinds.TYPE_INT64,
        "f": kinds.TYPE_FLOAT,
        "b": kinds.TYPE_BOOL,
        "s": kinds.TYPE_STRING,
    }
    if kind in plain:
        field.type = plain[kind]
        return
    field.type = kinds.TYPE_MESSAGE
    field.type_name = f".{_PACKAGE}.{kind}"
    if kind.startswith("{"):
        words = message.enum_type.add(name=f"{name}_words".title().replace("_", ""))
        for value, word in enumerate(kind.strip("{}").split(",")):
            words.value.add(name=word, number=value)
        field.type = kinds.TYPE_ENUM
        field.type_name = f".{_PACKAGE}.{message.name}.{words.name}"
