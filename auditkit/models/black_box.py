"""Devices that can only be asked: images in, scores out, over HTTP or through a command's pipes.

One request is one JSON object, ``{"images": [PNG in base64, ...], "table": [[...], ...]}``; the answer is
one JSON object, ``{"outputs": [[...], ...]}`` with one row of class values per image. Images are the
model's square, 8-bit sRGB. A command is sent one request per line and answers with one line each; every
copy of the device (one per stage and thread) has a process of its own.
"""

import base64
import http.client
import io
import json
import os
import time
import urllib.error
import urllib.request
from typing import Any, NoReturn

import numpy as np
import torch
from PIL import Image
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.line_process import MOST_BYTES, LineProcess
from auditkit.spec.asked import BlackBox
from auditkit.spec.model_card import ModelCard

_GREATEST = float(torch.finfo(torch.float32).max)
_PART = 1 << 16


class _Device(nn.Module):
    """Splits batches into requests and checks answers."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__()
        assert card.black_box is not None
        self.card, self.box = card, card.black_box
        self._widths: set[int] = set()

    def forward(self, x: torch.Tensor, table: torch.Tensor | None = None) -> torch.Tensor:
        """Answer images (N, 3, H, W) in [0, 1] with (N, K)."""
        rows: list[list[float]] = []
        for start in range(0, len(x), self.box.batch):
            part = slice(start, start + self.box.batch)
            features = None if table is None else table[part].tolist()
            rows += self._checked(self._asked(x[part], features), len(x[part]))
        self._widths |= {len(row) for row in rows}
        if len(self._widths) > 1:
            raise AuditError(f"{self._name} answered images with different numbers of outputs")
        return torch.tensor(rows, dtype=torch.float32, device=x.device)

    def _asked(self, images: torch.Tensor, table: list[list[float]] | None) -> Any:
        request: dict[str, Any] = {"images": [_png(image) for image in images]}
        if table is not None:
            request["table"] = table
        text = self.ask(json.dumps(request))
        try:
            return json.loads(text, parse_constant=self._refuse)
        except (ValueError, RecursionError) as error:
            raise AuditError(f"{self._name} did not answer with JSON: {text[:200]!r}") from error

    def _refuse(self, number: str) -> NoReturn:
        raise AuditError(
            f"{self._name} answered {number}; finite float32 numbers were expected; mend the device"
        )

    def ask(self, request: str) -> str:
        """The answer to one request."""
        raise NotImplementedError

    def _checked(self, answer: Any, images: int) -> list[list[float]]:
        rows = answer.get("outputs") if isinstance(answer, dict) else None
        whole = isinstance(rows, list) and len(rows) == images
        if not whole or not all(_is_row(row) for row in rows or ()):
            said = f"; it said: {answer['error'][:500]}" if _has_error(answer) else ""
            raise AuditError(
                f"{self._name} was asked about {images} images and did not answer with "
                f'{{"outputs": [one list of numbers per image]}}{said}'
            )
        assert rows is not None
        return [[self._finite(value) for value in row] for row in rows]

    def _finite(self, value: float) -> float:
        # Written so that NaN is refused too. Python's integers are compared exactly, however long.
        if not -_GREATEST <= value <= _GREATEST:
            self._refuse(f"{value:.3g}" if isinstance(value, float) else "an integer beyond 3.4e38")
        return float(value)

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
            AuditError: the endpoint cannot be reached, refuses, or takes too long.
        """
        assert self.box.url is not None
        headers = {"Content-Type": "application/json"} | _authorisation(self.card, self.box)
        until = time.monotonic() + self.box.timeout
        try:
            post = urllib.request.Request(self.box.url, request.encode(), headers)  # noqa: S310 http(s) only, by the card's pattern
            with _OPENER.open(post, timeout=self.box.timeout) as response:
                return self._body(response, until).decode("utf-8", "replace")
        except urllib.error.HTTPError as error:
            raise AuditError(
                f"{self._name} answered {error.code} {error.reason}: {_said(error)}"
            ) from error
        except (OSError, ValueError, http.client.HTTPException) as error:
            raise AuditError(
                f"{self._name} cannot be reached: {type(error).__name__}: {error}; start it, or "
                "correct black_box.url"
            ) from error

    def _body(self, response: http.client.HTTPResponse, until: float) -> bytes:
        """All that is answered; urllib's own timeout begins anew with every byte."""
        parts, size = [], 0
        while part := response.read1(_PART):
            parts.append(part)
            size += len(part)
            if size > MOST_BYTES:
                raise AuditError(f"{self._name} answered more than {MOST_BYTES >> 20} MiB")
            if time.monotonic() > until:
                raise AuditError(f"{self._name} took over {self.box.timeout:g} s to answer")
        return b"".join(parts)


def _said(error: urllib.error.HTTPError) -> str:
    try:
        with error:
            return error.read(500).decode("utf-8", "replace")
    except (OSError, ValueError, http.client.HTTPException):
        return "(the rest could not be read)"


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Images and tokens go to the endpoint that the card names, and nowhere else."""

    def redirect_request(self, *_arguments: Any, **_more: Any) -> None:
        """Refuse."""


_OPENER = urllib.request.build_opener(_NoRedirects)


def _authorisation(card: ModelCard, box: BlackBox) -> dict[str, str]:
    if box.token_variable is None:
        return {}
    token = os.environ.get(box.token_variable, "").strip()
    if not token:
        raise AuditError(
            f"{card.path}: the endpoint's token is expected in the environment variable "
            f"{box.token_variable}, which is not set"
        )
    if not (token.isascii() and token.isprintable()):
        # Refused here, since the message of http.client would quote the token.
        raise AuditError(
            f"{card.path}: the environment variable {box.token_variable} has characters that no token "
            "has; set it to the token alone"
        )
    return {"Authorization": f"Bearer {token}"}


class CommandDevice(_Device):
    """A device behind a command that reads requests from stdin, one per line."""

    def __init__(self, card: ModelCard) -> None:
        super().__init__(card)
        self._process: LineProcess | None = None

    def forward(self, x: torch.Tensor, table: torch.Tensor | None = None) -> torch.Tensor:
        """Answer images (N, 3, H, W) in [0, 1] with (N, K).

        Raises:
            AuditError: the command cannot be started, ends, takes too long, or answers wrongly.
        """
        try:
            return super().forward(x, table)
        except BaseException:
            # An answer that comes late must not be taken for the next request's.
            self.close()
            raise

    def ask(self, request: str) -> str:
        """Send one request to the running command.

        Raises:
            AuditError: the command cannot be started, ends, or takes longer than the card allows.
        """
        answer = self._running().ask(request.encode(), self.box.timeout)
        return answer.decode("utf-8", "replace")

    def close(self) -> None:
        """End the command; the next request starts it anew."""
        if self._process is not None:
            self._process.close()
            self._process = None

    def _running(self) -> LineProcess:
        if self._process is not None and self._process.ended:
            self.close()
        if self._process is None:
            assert self.box.command is not None
            try:
                self._process = LineProcess(self.box.command, self.card.folder, self._name)
            except (OSError, ValueError) as error:
                raise AuditError(
                    f"{self.card.path}: the command {self.box.command} cannot be started: {error}"
                ) from error
        return self._process

    def __deepcopy__(self, _memo: dict[int, Any]) -> "CommandDevice":
        # Each thread has a process of its own.
        return CommandDevice(self.card)
