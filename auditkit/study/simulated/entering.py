"""Signing in with an invitation: as a simulated expert, or as the coordinator of simulated experts alone."""

from typing import Final

from auditkit.errors import AuditError
from auditkit.study.simulated.client import Client
from auditkit.study.simulated.pages import Page, read_page

_SIMULATED: Final = "Simulated expert:"
_MARK: Final = "(simulated)"


def enter_as_expert(client: Client, invitation: str, name: str) -> None:
    """Sign in as an expert whom the plan marks as simulated.

    Raises:
        AuditError: the invitation does not hold, or is for somebody else, or for a person.
    """
    home = _entered(client, invitation)
    if not any(note.startswith(_SIMULATED) for note in home.notes):
        raise AuditError(
            f"'{name}' is not marked 'simulated: true' in the study's plan; a program answers for nobody else"
        )
    if home.signed_in != name:
        raise AuditError(f"the invitation is for '{home.signed_in}', not for '{name}'")


def enter_as_coordinator(client: Client, invitation: str) -> Page:
    """Sign in as the coordinator of a study whose experts are all simulated; the coordinator's page.

    Raises:
        AuditError: the invitation does not hold, or an expert is a person.
    """
    home = _entered(client, invitation)
    people = [one for one in home.people if not one.endswith(_MARK)]
    if people or not home.people:
        raise AuditError(
            "a program ends phases only where all experts are simulated; "
            f"{people[0] if people else 'nobody'} is not"
        )
    return home


def _entered(client: Client, invitation: str) -> Page:
    address = f"/invitation/{invitation}"
    read_page(client.get(address)).form(address)
    return read_page(client.post(address, ()))
