"""Audits in pytest style: ``assert audit("colour-shift", ...)["pink.mean_change"] < 0.05``."""

import sys
from typing import TYPE_CHECKING

import pytest

from auditkit.errors import AuditError
from auditkit.plugin.keys import OPTIONS

if TYPE_CHECKING:
    from auditkit.plugin.comparing import Auditor


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """One test per model for every test that asks for `audit`."""
    if "audit" in metafunc.fixturenames:
        models = metafunc.config.stash[OPTIONS].models
        if models:  # an empty parameter list would be a skip, which is green
            ids = [card.model for card in models]
            metafunc.parametrize("audit", models, indirect=True, ids=ids)


@pytest.fixture
def audit(request: pytest.FixtureRequest) -> "Auditor":
    """Runs checks on the model under audit: ``audit(check, data=..., **parameters)``.

    The answer is indexed by measure; comparing a measure with a number compares its interval, and an
    inconclusive comparison fails the test.
    """
    card = getattr(request, "param", None)
    if card is None:
        raise AuditError("no model to audit was named; add --model NAME")
    from auditkit.plugin.comparing import Auditor

    return Auditor(request.node, card)


def pytest_assertrepr_compare(op: str, left: object, right: object) -> list[str] | None:
    """Show estimate, interval and n of a measure that an assert compared."""
    if "auditkit.plugin.measured" not in sys.modules:
        return None  # nobody has measured anything, so neither side is a measure
    from auditkit.plugin.measured import VIOLATED, Measured

    if isinstance(left, Measured):
        return [f"{left.name} {op} {right!r} {VIOLATED}", f"measured: {left!r}"]
    if isinstance(right, Measured):
        return [f"{left!r} {op} {right.name} {VIOLATED}", f"measured: {right!r}"]
    return None
