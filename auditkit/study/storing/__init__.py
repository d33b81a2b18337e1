"""A running study, kept: people, invitations, tasks, answers with all their revisions, grouping, trail."""

from auditkit.errors import AuditError

try:
    import sqlalchemy as _  # noqa: F401 asked here once, before any module of this folder needs it
except ModuleNotFoundError as error:
    raise AuditError(
        "the answers of a study are kept with SQLAlchemy, which is not installed; "
        'run: pip install "pytest-auditkit[study]"'
    ) from error

from auditkit.study.storing.normalising import normalised
from auditkit.study.storing.store import Store

__all__ = ["Store", "normalised"]
