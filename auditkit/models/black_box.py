"""Devices that can only be asked: images in, scores out, over HTTP or through a command's pipes.

One request is one JSON object, ``{"images": [PNG in base64, ...], "table": [[...], ...]}``; the answer is
one JSON object, ``{"outputs": [[...], ...]}`` with one row of class values per image. Images are the
model's square, 8-bit sRGB. A command is sent one request per line and answers with one line each; it is
started once and kept.
"""

import base64
import io
import json
import os
import subprocess
import threading
import urllib.error
import urllib.request
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import nn

from auditkit.errors import AuditError
from auditkit.spec.model_card import BlackBox, ModelCard

_MOST_BYTES = 64 << 20


class _Device(nn.Module):
    """Splits batches into requests and checks answers."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        assert card.black_box is not None
        self.card, self.box = card, card.black_box

    def forward(self, x: torch.Tensor, table: torch.Tensor | None = None) -> torch.Tensor:
        """Answer images (N, 3, H, W) in [0, 1] with (N, K)."""
        rows: list[list[float]] = []
        for start in range(0, len(x), self.box.batch):
            part = slice(start, start + self.box.batch)
            features = None if table is None else table[part].tolist()
            rows += self._checked(self._asked(x[part], features), len(x[part]))
        if len({len(row) for row in rows}) != 1:
            raise AuditError(f"{self._name} answered images with different numbers of outputs")
        return torch.tensor(rows, dtype=torch.float32, device=x.device)

    def _asked(self, images: torch.Tensor, table: list[list[float]] | None) -> Any:
        request: dict[str, Any] = {"images": [_png(image) for image in images]}
        if table is not None:
            request["table"] = table
        text = self.ask(json.dumps(request))
        try:
            return json.loads(text)
        except ValueError as error:
            raise AuditError(f"{self._name} did not answer with JSON: {text[:200]!r}") from error

    def ask(self, request: str) -> str:
        """The answer to one request."""
        raise NotImplementedError

    def _checked(self, answer: Any, images: int) -> list[list[float]]:
        rows = answer.get("outputs") if isinstance(answer, dict) else None
        whole = isinstance(rows, list) and len(rows) == images
        if not whole or not all(_is_row(row) for row in rows or ()):
            said = f"; it said: {answer['error']}" if _has_error(answer) else ""
            raise AuditError(
                f"{self._name} was asked about {images} images and did not answer with "
                f'{{"outputs": [one list of numbers per image]}}{said}'
            )
        assert rows is not None
        return [[float(value) for value in row] for row in rows]

    @property
    def _name(self) -> str:
        return f"model '{self.card.model}' ({self.box.url or (self.box.command or [''])[0]})"


def _is_row(row: Any) -> bool:
    numbers = isinstance(row, list) and bool(row)
    return numbers and all(isinstance(v, int | float) and not isinstance(v, bool) for v in row)


def _has_error(answer: Any) -> bool:
    return isinstance(answer, dict) and isinstance(answer.get("error"), str)


def _png(image: torch.Tensor) -> str:
    pixels = (image.detach().cpu() * 255.0).round().clamp(0, 255).to(torch.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels.permute(1, 2, 0).numpy())).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


class HttpDevice(_Device):
    """A device behind an HTTP endpoint: requests are POSTed, redirects are not followed."""

    def ask(self, request: str) -> str:
        """POST one request.

        Raises:
            AuditError: the endpoint cannot be reached, or refuses.
        """
        assert self.box.url is not None
        headers = {"Content-Type": "application/json"} | _authorisation(self.card, self.box)
        post = urllib.request.Request(self.box.url, request.encode(), headers)  # noqa: S310 http(s) only, by the card's pattern
        try:
            with _OPENER.open(post, timeout=self.box.timeout) as response:
                content: bytes = response.read(_MOST_BYTES + 1)
        except urllib.error.HTTPError as error:
            said = error.read(500).decode("utf-8", "replace")
            raise AuditError(
                f"{self._name} answered {error.code} {error.reason}: {said}"
            ) from error
        except (OSError, ValueError) as error:
            raise AuditError(
                f"{self._name} cannot be reached: {error}; start it, or correct black_box.url"
            ) from error
        if len(content) > _MOST_BYTES:
            raise AuditError(f"{self._name} answered more than {_MOST_BYTES >> 20} MiB")
        return content.decode("utf-8", "replace")


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Images and tokens go to the endpoint that the card names, and nowhere else."""

    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        """Refuse."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _authorisation(card: ModelCard, box: BlackBox) -> dict[str, str]:
    if box.token_variable is None:
        return {}
    token = os.environ.get(box.token_variable)
    if not token:
        raise AuditError(
            f"{card.path}: the endpoint's token is expected in the environment variable "
            f"{box.token_variable}, which is not set"
        )
    return {"Authorization": f"Bearer {token}"}


class CommandDevice(_Device):
    """A device behind a command that reads requests from stdin, one per line."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self._process: subprocess.Popen[str] | None = None

    def ask(self, request: str) -> str:
        """Send one request to the running command.

        Raises:
            AuditError: the command cannot be started, ends, or takes longer than the card allows.
        """
        process = self._running()
        assert process.stdin is not None
        assert process.stdout is not None
        late = threading.Timer(self.box.timeout, process.kill)
        late.start()
        try:
            process.stdin.write(request + "\n")
            process.stdin.flush()
            answer = process.stdout.readline(_MOST_BYTES)
        except OSError:
            answer = ""
        finally:
            in_time = late.is_alive()
            late.cancel()
        if not answer.endswith("\n"):
            status = process.wait()
            self._process = None
            why = f"ended with status {status}" if in_time else f"took over {self.box.timeout:g} s"
            raise AuditError(f"{self._name} did not answer a request: the command {why}")
        return answer

    def _running(self) -> "subprocess.Popen[str]":
        if self._process is None or self._process.poll() is not None:
            assert self.box.command is not None
            try:
                self._process = subprocess.Popen(  # noqa: S603 allowed by the card's allow_code
                    self.box.command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    text=True,
                    encoding="utf-8",
                    cwd=self.card.folder,
                )
            except OSError as error:
                raise AuditError(
                    f"{self.card.path}: the command {self.box.command} cannot be started: "
                    f"{error.strerror}"
                ) from error
        return self._process

    def __deepcopy__(self, _memo: dict[int, Any]) -> "CommandDevice":
        # Each thread has a process of its own.
        return CommandDevice(self.card)

    def __del__(self) -> None:
        process = getattr(self, "_process", None)
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()
            for pipe in (process.stdin, process.stdout):
                pipe.close()
