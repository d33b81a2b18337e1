"""A simulated coordinator, who ends phases of studies in which nobody but programs answers."""

from typing import Final

from auditkit.errors import AuditError
from auditkit.study.simulated.client import Client
from auditkit.study.simulated.entering import enter_as_coordinator
from auditkit.study.simulated.pages import Page, read_page

_PATIENCE: Final = 60.0
_ADVANCE: Final = "/advance"
_ENDED_ALREADY: Final = 409
CLOSED: Final = "closed"


def coordinate(url: str, invitation: str, *, reason: str = "", patience: float = _PATIENCE) -> str:
    """End the present phase.

    Args:
        url: address of the study.
        invitation: token of the coordinator's link.
        reason: why, if somebody is not done.
        patience: seconds for which a server that is away is waited for.

    Returns:
        The phase that has begun; ``closed`` after the last one.

    Raises:
        AuditError: somebody is not done and no reason is given, an expert is a person, or the study is
            closed.
    """
    client = Client(url, patience)
    try:
        form = enter_as_coordinator(client, invitation).forms.get(_ADVANCE)
        if form is None:
            raise AuditError("the study is closed already: there is no phase to end")
        fields = [(name, form.value(name)) for name in ("csrf", "phase")]
        reply = client.post(_ADVANCE, [*fields, ("reason", reason)])
        # The first try did it, and the connection broke before it was said.
        ended = reply.status == _ENDED_ALREADY
        return _phase(read_page(client.get("/") if ended else reply))
    finally:
        client.close()


def _phase(page: Page) -> str:
    form = page.forms.get(_ADVANCE)
    return form.value("phase") if form else CLOSED
