"""A simulated rater answers a study of heatmaps through its forms."""

import io
import secrets
from collections.abc import Callable
from typing import Final

import numpy as np
from PIL import Image

from auditkit.errors import AuditError
from auditkit.spec.ratings_card import Scale
from auditkit.study.answers import Decision
from auditkit.study.simulated.client import Acknowledged, Client, Fields, Reply
from auditkit.study.simulated.conspicuous import Pixels
from auditkit.study.simulated.entering import enter_as_expert
from auditkit.study.simulated.pages import Form, read_page
from auditkit.study.simulated.rating import SimulatedRater
from auditkit.study.simulated.rating_page import read_rating_page

_PATIENCE: Final = 60.0
_TASK, _BEGIN = "/task/", "?begin"
# Of the first step, where ratings are not asked for yet.
_NO_SCALE: Final = Scale(low=0, high=1)

Told = Callable[[Acknowledged], None]


def simulate_ratings(
    url: str,
    invitation: str,
    name: str,
    *,
    acknowledged: Told | None = None,
    patience: float = _PATIENCE,
) -> int:
    """Answer all heatmaps that are left, as one expert.

    Args:
        url: address of the study, as `auditkit study serve` prints it.
        invitation: token of the expert's link.
        name: of the expert; the plan says ``simulated: true`` of it.
        acknowledged: is told of every answer as soon as the server has said that it is kept.
        patience: seconds for which a server that is away is waited for.

    Returns:
        How many were handed in.

    Raises:
        AuditError: the expert is a person, or the server refuses something or stays away.
    """
    client = Client(url, patience)
    try:
        enter_as_expert(client, invitation, name)
        return _all_open(client, name, acknowledged or (lambda _: None))
    finally:
        client.close()


def _all_open(client: Client, name: str, tell: Told) -> int:
    done = 0
    while True:
        reply = client.get("/next")
        page = read_page(reply)
        if reply.path + _BEGIN in page.links:  # a page to rest comes between two sets
            reply = client.get(reply.path + _BEGIN)
            page = read_page(reply)
        action = next((one for one in page.forms if one.startswith(_TASK)), None)
        if action is None:
            return done
        _rate(client, name, reply, page.form(action), tell)
        done += 1


def _rate(client: Client, name: str, reply: Reply, form: Form, tell: Told) -> None:
    """Both steps, or the second one where the first is kept."""
    image = _picture(client, form, 0)
    told = read_rating_page(reply)
    rater = SimulatedRater(name, tuple(told.classes), _NO_SCALE, told.layout)
    before = rater.before(image)
    if not told.predicted:
        tell(_sent(client, form, [("step", "first"), *_opinion(before)], submitted=False))
        reply = client.get(form.action)
        told, form = read_rating_page(reply), read_page(reply).form(form.action)
    rater = SimulatedRater(name, rater.classes, told.scale, told.layout)
    said = rater.after(image, _picture(client, form, 1), before, told.predicted)
    rated = [("unable", "yes")] if said.rating is None else [("rating", f"{said.rating:.10g}")]
    fields = [("step", "second"), *_opinion(said.after), *rated]
    tell(_sent(client, form, fields, submitted=True))


def _opinion(given: Decision) -> list[tuple[str, str]]:
    return [("decision", given.decision), ("confidence", str(given.confidence))]


def _sent(client: Client, form: Form, fields: Fields, *, submitted: bool) -> Acknowledged:
    # The page's nonce is for what is handed in; what is saved on the way has its own.
    nonce = form.value("nonce") if submitted else secrets.token_urlsafe(16)
    sent = [("csrf", form.value("csrf")), ("nonce", nonce), *fields]
    if submitted:
        sent.append(("submitted", "yes"))
    reply = client.post(form.action, sent, json=True)
    if reply.status != 200:
        raise AuditError(f"{form.action}: the server says {reply.status}: {reply.text:.300}")
    slug = form.action.removeprefix(_TASK)
    return Acknowledged(slug, nonce, reply.json["revision"], submitted, fields)


def _picture(client: Client, form: Form, place: int) -> Pixels:
    reply = client.get(f"/picture/{form.action.removeprefix(_TASK)}/{place}.png")
    if reply.status != 200:
        raise AuditError(f"{reply.path}: a picture was expected; the server says {reply.status}")
    with Image.open(io.BytesIO(reply.body), formats=["PNG"]) as picture:
        return np.asarray(picture.convert("RGB"))
