"""Keras in a process of its own: answers batches over its pipes. It imports nothing of auditkit.

Started by `runtime` with the backend in KERAS_BACKEND. Messages are a length of eight bytes and an npz
archive; no pickle is read or written.
"""

import importlib
import io
import os
import struct
import sys
from typing import Any, BinaryIO

import numpy as np


def read_message(stream: BinaryIO) -> dict[str, Any] | None:
    """The next message; None at the end of the stream."""
    head = stream.read(8)
    if len(head) < 8:
        return None
    (length,) = struct.unpack("<Q", head)
    content = stream.read(length)
    if len(content) < length:
        return None
    with np.load(io.BytesIO(content), allow_pickle=False) as arrays:
        return {name: arrays[name] for name in arrays.files}


def write_message(stream: BinaryIO, arrays: dict[str, Any]) -> None:
    """Send arrays by name."""
    buffer = io.BytesIO()
    np.savez(buffer, **arrays)
    stream.write(struct.pack("<Q", buffer.tell()) + buffer.getvalue())
    stream.flush()


def _limit_threads(backend: str, threads: int) -> None:
    if backend == "tensorflow":
        tf = importlib.import_module("tensorflow")
        tf.config.threading.set_intra_op_parallelism_threads(threads)
        tf.config.threading.set_inter_op_parallelism_threads(1)
    elif backend == "torch":
        import torch

        torch.set_num_threads(threads)


def main() -> None:
    """Load the model named on the command line and answer until the pipe closes."""
    path, threads = sys.argv[1], int(sys.argv[2])
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    # What Keras or its backend print must not mix with the answers.
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    _limit_threads(os.environ["KERAS_BACKEND"], threads)
    import keras

    model = keras.saving.load_model(path, compile=False, safe_mode=True)
    orders = {getattr(layer, "data_format", None) for layer in model._flatten_layers()}  # noqa: SLF001 nested too
    hello = {
        "version": np.array(keras.__version__),
        "backend": np.array(keras.config.backend()),
        "ranks": np.array([len(value.shape) for value in model.inputs]),
        "channels_first": np.array("channels_first" in orders),
    }
    write_message(answers, hello)
    while (message := read_message(sys.stdin.buffer)) is not None:
        given = [message[f"input{place}"] for place in range(len(message))]
        structure = getattr(model, "_inputs_struct", None)
        if len(given) > 1 or isinstance(structure, dict):
            given = keras.tree.pack_sequence_as(structure, given)
        else:
            (given,) = given
        answer = keras.ops.convert_to_numpy(model(given, training=False))
        write_message(answers, {"answer": np.asarray(answer, dtype=np.float64)})


if __name__ == "__main__":
    main()
