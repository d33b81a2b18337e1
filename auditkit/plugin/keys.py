"""What the plugin keeps on pytest's own objects, under typed keys."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from auditkit.plugin.options import Options
from auditkit.spec.applying import Planned
from auditkit.spec.load import Audit

if TYPE_CHECKING:
    from auditkit.plugin.comparing import Auditor
    from auditkit.plugin.recording import Recorder
    from auditkit.plugin.shielding import Shield
    from auditkit.results import IdentifierFinding, Results, VerdictResult
    from auditkit.session import Session

# On the configuration.
OPTIONS = pytest.StashKey[Options]()
AUDITS = pytest.StashKey[dict[str, Audit]]()
PLANNED = pytest.StashKey[dict[Path, Planned]]()
OTHER_TASKS = pytest.StashKey[dict[str, int]]()
SENT = pytest.StashKey[set[tuple[str, ...]]]()
RECORDER: "pytest.StashKey[Recorder]" = pytest.StashKey()
RESULTS: "pytest.StashKey[Results]" = pytest.StashKey()
IDENTIFIERS: "pytest.StashKey[dict[tuple[str, str], Sequence[IdentifierFinding]]]" = (
    pytest.StashKey()
)
SHIELDS: "pytest.StashKey[dict[tuple[str, str], Shield]]" = pytest.StashKey()
SESSION: "pytest.StashKey[Session]" = pytest.StashKey()

# On an item.
RECORDS = pytest.StashKey[list[dict[str, Any]]]()
VERDICT: "pytest.StashKey[VerdictResult]" = pytest.StashKey()
AUDITOR: "pytest.StashKey[Auditor]" = pytest.StashKey()
