"""Which PyTorch operators a program from a file may run, and how each is called."""

import operator
from collections.abc import Callable
from typing import Any

import torch


class Refused(Exception):  # noqa: N818 it never leaves the package, which gives it a file's name
    """An operator or value that a program from a file may not have."""


# These write or read files, replace a tensor's storage, or change state of the whole process.
_FORBIDDEN = frozenset(
    [
        "from_file",
        "save",
        "load",
        "set",
        "set_data",
        "resize",
        "resize_as",
        "resize_as_sparse",
        "data_ptr",
        "manual_seed",
        "seed",
        "initial_seed",
        "set_grad_enabled",
        "requires_grad",
        "retain_grad",
        "backward",
        "wait",
        "fork",
        "pin_memory",
        "record_stream",
        "hash",
        "get_autocast_dtype",
        "sparse_resize",
        "sparse_resize_and_clear",
    ]
)
# Internal operators trust their arguments; only those that exporters write are let in.
_INTERNAL = frozenset(
    [
        "_convolution",
        "_convolution_mode",
        "_softmax",
        "_log_softmax",
        "_unsafe_view",
        "_to_copy",
        "_unsafe_index",
        "_adaptive_avg_pool2d",
        "_adaptive_avg_pool3d",
        "_native_batch_norm_legit_no_training",
        "_scaled_dot_product_attention_math",
        "_scaled_dot_product_flash_attention_for_cpu",
        "_scaled_dot_product_efficient_attention",
        "_upsample_bilinear2d_aa",
        "_upsample_bicubic2d_aa",
        "_assert_tensor_metadata",
        "_assert_scalar",
        "_reshape_alias",
        "_shape_as_tensor",
        "_weight_norm",
        "_set_item",
        "__getitem__",
        "__is__",
        "__isnot__",
        "__not__",
        "__contains__",
        "__and__",
        "__or__",
        "__xor__",
        "__derive_index",
        "__range_length",
        "__round_to_zero_floordiv",
        "__lshift__",
        "__rshift__",
    ]
)
# The text that these take is a mode or a message; that of others could be a path.
_WITH_TEXT = frozenset(
    [
        "gelu",
        "div",
        "divide",
        "pad",
        "einsum",
        "meshgrid",
        "linalg_norm",
        "linalg_matrix_norm",
        "scatter",
        "scatter_reduce",
        "index_reduce",
        "searchsorted",
        "quantile",
        "nanquantile",
        "conv1d",
        "conv2d",
        "conv3d",
        "_convolution_mode",
        "stft",
        "fft_fft",
        "fft_ifft",
        "fft_rfft",
        "fft_irfft",
        "fft_fft2",
        "fft_ifft2",
        "fft_rfft2",
        "fft_irfft2",
        "warn",
        "_assert_scalar",
        "format",
        "percentFormat",
        "eq",
        "ne",
        "lt",
        "gt",
        "le",
        "ge",
        "add",
        "len",
        "index",
        "count",
        "list",
        "any",
        "sort",
        "sorted",
        "slice",
        "__contains__",
        "__getitem__",
        "Int",
        "Float",
        "device",
        "join",
        "lower",
        "upper",
        "startswith",
        "endswith",
    ]
)
_TRAINING = frozenset({"train", "training", "is_training", "dropout_p"})
_PYTHON: dict[str, Callable[..., Any]] = {
    "_operator.add": operator.add,
    "_operator.sub": operator.sub,
    "_operator.mul": operator.mul,
    "_operator.floordiv": operator.floordiv,
    "_operator.truediv": operator.truediv,
    "_operator.mod": operator.mod,
    "_operator.neg": operator.neg,
    "_operator.eq": operator.eq,
    "_operator.ne": operator.ne,
    "_operator.le": operator.le,
    "_operator.lt": operator.lt,
    "_operator.ge": operator.ge,
    "_operator.gt": operator.gt,
    "_operator.getitem": operator.getitem,
    "_operator.and_": operator.and_,
    "_operator.or_": operator.or_,
    "_operator.not_": operator.not_,
    "math.ceil": lambda value: -int(-value // 1),
    "math.floor": lambda value: int(value // 1),
    "math.trunc": int,
    "torch.sym_max": max,
    "torch.sym_min": min,
    "torch.sym_int": int,
    "torch.sym_float": float,
    "torch.sym_not": operator.not_,
    "torch.sym_ite": lambda condition, yes, no: yes if condition else no,
}


def forbidden(name: str) -> bool:
    """Whether an aten operator of this name may not be run, whatever its arguments are."""
    base = _base(name)
    return base in _FORBIDDEN or (name.startswith("_") and base not in _INTERNAL)


def _base(name: str) -> str:
    return name if name.endswith("__") else name.rstrip("_")


def aten(name: str, overload: str) -> Callable[..., Any]:
    """The operator aten::name.overload.

    Raises:
        Refused: it does not exist, is random, or could touch files or the process.
    """
    base = _base(name)
    if forbidden(name):
        raise Refused(
            f"uses the operator aten::{name}, which is not allowed in a model from a file"
        )
    try:
        found = getattr(getattr(torch.ops.aten, name), overload or "default")
        tags, schema = found.tags, found._schema  # noqa: SLF001 the public way to its arguments is none
    except (AttributeError, RuntimeError) as error:
        raise Refused(
            f"uses aten::{name}.{overload}, which this version of PyTorch lacks"
        ) from error
    if torch.Tag.nondeterministic_seeded in tags and not _switchable(schema):
        raise Refused(f"uses aten::{name}, which draws random numbers")
    kinds = " ".join(str(argument.type) for argument in schema.arguments)
    if any(word in kinds for word in ("Storage", "Stream", "__torch__")):
        raise Refused(f"uses aten::{name}, whose arguments are no tensors or numbers")
    if "str" in kinds and base not in _WITH_TEXT:
        raise Refused(f"uses aten::{name}, which takes a text")
    return _evaluating(found, schema) if _switchable(schema) else _as_function(found)


def _as_function(found: Any) -> Callable[..., Any]:
    function: Callable[..., Any] = found
    return function


def _switchable(schema: Any) -> bool:
    return any(argument.name in _TRAINING for argument in schema.arguments)


def _evaluating(found: Any, schema: Any) -> Callable[..., Any]:
    """The operator, refused where its arguments ask for training: dropout, statistics of the batch."""
    switches = [(p, a.name) for p, a in enumerate(schema.arguments) if a.name in _TRAINING]

    def evaluate(*arguments: Any, **keywords: Any) -> Any:
        for place, name in switches:
            if arguments[place] if place < len(arguments) else keywords.get(name, False):
                raise Refused(
                    "works as in training (dropout, or statistics of the batch); call model.eval() "
                    "before the model is saved"
                )
        return found(*arguments, **keywords)

    evaluate._schema = schema  # type: ignore[attr-defined]  # noqa: SLF001 as operators have it
    return evaluate


def mutates(function: Callable[..., Any]) -> bool:
    """Whether an operator changes an argument in place."""
    schema = getattr(function, "_schema", None)
    return bool(getattr(schema, "is_mutable", False))


def python(name: str) -> Callable[..., Any] | None:
    """Arithmetic on sizes by the name that torch.export gives it."""
    return _PYTHON.get(name)


def makes_view(name: str, overload: str) -> bool:
    """Whether what the operator gives may share memory with its first argument, without changing it."""
    found = getattr(getattr(torch.ops.aten, name, None), overload or "default", None)
    returns = found._schema.returns if found is not None else []  # noqa: SLF001 as above
    return any(r.alias_info is not None and not r.alias_info.is_write for r in returns) or name in {
        "reshape",
        "contiguous",
        "to",
        "flatten",
        "dropout",
        "_to_copy",
        "expand_as",
    }


def functional(name: str, overload: str) -> bool:
    """Whether the operator works in place and has a counterpart that does not."""
    if not name.endswith("_") or name.endswith("__"):
        return False
    return hasattr(getattr(torch.ops.aten, name.rstrip("_"), None), overload or "default")
