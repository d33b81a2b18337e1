"""Keras itself, with arithmetic other than PyTorch's where there is one."""

import importlib.util
import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any, BinaryIO, Literal, Self, TypeAlias, cast

import numpy as np

from auditkit.errors import AuditError
from auditkit.models.contract import Floats32, Floats64
from auditkit.models.keras_format import worker
from auditkit.models.keras_format.archive import clean_members, write_clean

Backend: TypeAlias = Literal["tensorflow", "jax", "numpy", "torch"]

_ROWS = 32
# Keras' numpy backend borrows its convolutions from JAX.
_NEEDS: dict[Backend, tuple[str, ...]] = {
    "tensorflow": ("tensorflow",),
    "jax": ("jax",),
    "numpy": ("jax",),
    "torch": ("torch",),
}


def available_backends() -> list[Backend]:
    """Backends of Keras that can be imported here, the most independent of PyTorch first."""
    return [
        name for name, needs in _NEEDS.items() if all(importlib.util.find_spec(n) for n in needs)
    ]


class KerasRuntime:
    """Keras in a process of its own, on the same file.

    With TensorFlow or JAX the arithmetic is not the network's. With PyTorch alone installed it is the
    same, and agreement shows only that the network was put together right; `name` then says so.

    Args:
        path: the ``.keras`` file; it is checked as `load_keras` does, and a clean copy is given to Keras.
        threads: that TensorFlow or PyTorch may use.
        backend: of Keras; left out, the first of tensorflow, jax, numpy, torch that is installed.
        python: an interpreter with Keras and that backend; left out, this one.
        timeout: seconds for loading, and for each answer of at most 32 pictures.

    Raises:
        AuditError: the file is refused, the backend is not installed, or Keras fails or takes too long.
    """

    output_step = 0.0

    def __init__(
        self,
        path: Path,
        threads: int = 1,
        backend: Backend | None = None,
        python: Path | None = None,
        timeout: float = 600.0,
    ) -> None:
        config, weights = clean_members(path)
        self._path, self._timeout = path, timeout
        self._folder = tempfile.TemporaryDirectory(prefix="keras-runtime-")
        folder = Path(self._folder.name)
        chosen = backend or _first(path)
        target = write_clean(config, weights, folder)
        self._errors = (folder / "errors").open("w+b")
        self._process = _start(target, chosen, threads, python, self._errors)
        hello = self._receive()
        self._ranks = [int(rank) for rank in hello["ranks"]]
        self._channels_first = bool(hello["channels_first"])
        same = " (PyTorch: the same arithmetic as the network)" if chosen == "torch" else ""
        self.name = f"Keras {hello['version']} with {hello['backend']}{same}"

    def answer(self, x: Floats32, table: Floats32 | None = None) -> Floats64:
        """Answer to exactly what the network is given: (N, C, H, W) and (N, F) in, (N, K) out.

        Raises:
            AuditError: Keras refuses the input, fails or takes too long.
        """
        given = {4: x if self._channels_first else x.transpose(0, 2, 3, 1)}
        if table is not None:
            given[2] = table
        if sorted(given) != sorted(self._ranks):
            raise AuditError(
                f"{self._path}: the Keras model takes {len(self._ranks)} inputs, not {len(given)}"
            )
        parts = [self._part(given, start) for start in range(0, len(x), _ROWS)]
        return np.concatenate(parts)

    def _part(self, given: dict[int, Floats32], start: int) -> Floats64:
        arrays = {
            f"input{place}": np.ascontiguousarray(
                given[rank][start : start + _ROWS], dtype=np.float32
            )
            for place, rank in enumerate(self._ranks)
        }
        try:
            worker.write_message(cast("BinaryIO", self._process.stdin), arrays)
        except OSError as error:
            raise self._failed("has ended") from error
        answer = self._receive()["answer"]
        return np.asarray(answer, dtype=np.float64).reshape(len(answer), -1)

    def _receive(self) -> dict[str, Any]:
        late = threading.Event()

        def stop() -> None:
            late.set()
            self._process.kill()

        timer = threading.Timer(self._timeout, stop)
        timer.start()
        try:
            message = worker.read_message(cast("BinaryIO", self._process.stdout))
        except (OSError, ValueError) as error:
            raise self._failed("answers nonsense") from error
        finally:
            timer.cancel()
        if message is None:
            what = f"gave no answer in {self._timeout:.0f} s" if late.is_set() else "has failed"
            raise self._failed(what)
        return message

    def _failed(self, what: str) -> AuditError:
        self._process.kill()
        self._process.wait()
        self._errors.seek(0)
        lines = self._errors.read().decode("utf-8", "replace").strip().splitlines()
        self.close()
        last = f": {lines[-1][:300]}" if lines else ""
        return AuditError(f"{self._path}: the process of the Keras runtime {what}{last}")

    def close(self) -> None:
        """End the process and remove its files; may be called twice."""
        process = self._process
        if process.poll() is None:
            cast("BinaryIO", process.stdin).close()
            try:
                process.wait(timeout=10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        for stream in (process.stdin, process.stdout, self._errors):
            if stream is not None and not stream.closed:
                stream.close()
        self._folder.cleanup()

    def __enter__(self) -> Self:
        """The runtime itself, closed at the end of a with block."""
        return self

    def __exit__(self, *_error: object) -> None:
        """Close it."""
        self.close()

    def __del__(self) -> None:
        """Leave no process behind."""
        if hasattr(self, "_process"):
            self.close()


def _first(path: Path) -> Backend:
    found = available_backends()
    if importlib.util.find_spec("keras") is None or not found:
        raise AuditError(
            f'{path}: its runtime is Keras; install it with pip install "pytest-auditkit[keras]", and '
            "tensorflow-cpu or jax for arithmetic that is not PyTorch's"
        )
    return found[0]


def _start(
    target: Path, backend: Backend, threads: int, python: Path | None, errors: Any
) -> "subprocess.Popen[bytes]":
    surroundings = os.environ | {
        "KERAS_BACKEND": backend,
        "KERAS_HOME": str(target.parent),
        "CUDA_VISIBLE_DEVICES": "-1",
        "JAX_PLATFORMS": "cpu",
        "TF_CPP_MIN_LOG_LEVEL": "3",
        "OMP_NUM_THREADS": str(threads),
    }
    # -P: the folder of this package holds names that other packages have, too.
    command = [str(python or sys.executable), "-P", str(worker.__file__), str(target), str(threads)]
    return subprocess.Popen(  # noqa: S603 our own file, no shell
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=errors, env=surroundings
    )
