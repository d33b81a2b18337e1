"""A simulated expert in a study that is served: all open tasks of the present phase, through its forms."""

import io
import secrets
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from PIL import Image

from auditkit.errors import AuditError
from auditkit.study.simulated.client import Acknowledged, Client, Fields, Reply
from auditkit.study.simulated.entering import enter_as_expert
from auditkit.study.simulated.expert import Judge, SimulatedExpert
from auditkit.study.simulated.grouping import group_texts
from auditkit.study.simulated.pages import Page, read_page
from auditkit.study.simulated.seeing import Pixels

_PATIENCE: Final = 60.0
_TASK, _GROUPING, _BEGIN = "/task/", "/grouping", "?begin"
COMMENT: Final = "simulated"


def simulate(
    url: str,
    invitation: str,
    name: str,
    *,
    judge: Judge | None = None,
    acknowledged: Callable[[Acknowledged], None] | None = None,
    patience: float = _PATIENCE,
) -> int:
    """Answer all open tasks of the present phase, or group and agree, as one expert.

    Args:
        url: address of the study, as `auditkit study serve` prints it.
        invitation: token of the expert's link.
        name: of the expert; the plan says ``simulated: true`` of it.
        judge: who looks at the pictures; `SimulatedExpert` of that name if None.
        acknowledged: is told of every answer as soon as the server has said that it is kept.
        patience: seconds for which a server that is away is waited for.

    Returns:
        How many tasks were answered.

    Raises:
        AuditError: the expert is a person, or the server refuses something or stays away.
    """
    client = Client(url, patience)
    try:
        enter_as_expert(client, invitation, name)
        tell = acknowledged or (lambda _: None)
        return _Answering(client, judge or SimulatedExpert(name), tell).all_open(name)
    finally:
        client.close()


@dataclass(frozen=True)
class _Answering:
    client: Client
    judge: Judge
    tell: Callable[[Acknowledged], None]

    def all_open(self, name: str) -> int:
        """Until nothing is left in this phase."""
        answered = 0
        while True:
            reply = self.client.get("/next")
            if reply.path.startswith(_GROUPING):
                group_texts(self.client, read_page(reply), name)
                return answered
            if not reply.path.startswith(_TASK):
                read_page(reply)  # says what is wrong, if anything is
                return answered
            self._task(reply)
            answered += 1

    def _task(self, reply: Reply) -> None:
        """One task; between two sets its page comes after one to rest."""
        begun = time.monotonic()
        address = reply.path
        page = read_page(reply)
        if address + _BEGIN in page.links:
            page = read_page(self.client.get(address + _BEGIN))
        pictures = [self._picture(image, address) for image in page.images]
        if "screening" in page.kinds:
            answer = [("artifact", "yes" if self.judge.rejects(*pictures) else "no")]
        elif "pair" in page.kinds:
            answer = self._pair(page, address, pictures)
        else:
            raise AuditError(f"{address}: programs answer about pairs alone")
        self._send(page, address, [*answer, ("comment", COMMENT)], begun, submitted=True)

    def _pair(self, page: Page, address: str, pictures: list[Pixels]) -> list[tuple[str, str]]:
        """The fields of an answer; the choice is saved by itself first, as the page's script does."""
        begun = time.monotonic()
        a, b = pictures
        judgement = self.judge.compares(a, b, page.presets)
        if judgement.choice is None:
            return [("unable", "yes")]
        choice = ("choice", judgement.choice)
        self._send(page, address, [choice], begun, submitted=False)
        rows = [
            field
            for row in judgement.rows
            for field in (
                ("category", row.category),
                ("attribute", row.attribute),
                ("comparator", row.comparator),
            )
        ]
        return [choice, *rows]

    def _send(
        self, page: Page, address: str, fields: Fields, begun: float, *, submitted: bool
    ) -> None:
        form = page.form(address)
        # The page's nonce is for what is handed in; what is saved on the way has its own.
        nonce = form.value("nonce") if submitted else secrets.token_urlsafe(16)
        sent = [("csrf", form.value("csrf")), ("nonce", nonce)]
        sent += [("submitted", "yes")] if submitted else []
        sent += [("seconds", f"{time.monotonic() - begun:.3f}"), *fields]
        reply = self.client.post(address, sent, json=True)
        if reply.status != 200:
            raise AuditError(f"{address}: the server says {reply.status}: {reply.text:.300}")
        revision = reply.json["revision"]
        slug = address.removeprefix(_TASK)
        self.tell(Acknowledged(slug, nonce, revision, submitted, tuple(fields)))

    def _picture(self, image: str, address: str) -> Pixels:
        """The pixels of a picture of this task."""
        slug = address.removeprefix(_TASK)
        if not image.startswith(f"/picture/{slug}/"):
            raise AuditError(f"{address}: the page shows {image:.80}, which is not of its task")
        reply = self.client.get(image)
        try:
            with Image.open(io.BytesIO(reply.body), formats=["PNG"]) as picture:
                return np.asarray(picture.convert("RGB"))
        except (OSError, ValueError, SyntaxError) as error:
            raise AuditError(f"{image}: no picture came ({reply.status}, {error})") from error
