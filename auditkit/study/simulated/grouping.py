"""A simulated expert at the board: each text into the attribute that it is a word for."""

from typing import Any, Final

from auditkit.errors import AuditError
from auditkit.study.simulated.client import Client
from auditkit.study.simulated.pages import Page
from auditkit.study.simulated.vocabulary import attribute_of

_BOARD, _AGREE = "/grouping", "/grouping/agree"
_TRIES: Final = 100
_OVER: Final = 409


def group_texts(client: Client, page: Page, name: str) -> None:
    """Group what is not grouped, and agree to the board as it then stands.

    Others group at the same time; until they are done the board changes, and is looked at again.

    Raises:
        AuditError: a text cannot be grouped, or the board does not come to rest.
    """
    csrf = page.form(_AGREE).value("csrf")
    for _ in range(_TRIES):
        reply = client.get(_BOARD, json=True)
        if reply.status == _OVER:
            return
        board = reply.json
        left = [text for text in board["texts"] if not text["attribute"]]
        for text in left:
            _group(client, csrf, text)
        if left:
            continue
        if name in board["agreed"]:
            return
        # Refused if the board has changed since: then it is looked at again.
        client.post(_AGREE, [("csrf", csrf), ("state", board["state"])], json=True)
    raise AuditError(f"{_BOARD}: the grouping does not come to rest")


def _group(client: Client, csrf: str, text: dict[str, Any]) -> None:
    fields = [
        ("csrf", csrf),
        ("category", text["category"]),
        ("text", text["text"]),
        ("attribute", attribute_of(text["category"], text["text"])),
    ]
    reply = client.post(_BOARD, fields, json=True)
    if reply.status not in {200, _OVER}:
        raise AuditError(f"{_BOARD}: the server says {reply.status}: {reply.text:.300}")
