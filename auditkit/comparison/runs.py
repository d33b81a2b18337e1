"""An earlier run, read from its folder: which of its models and audits answer to those of a later one."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from auditkit.errors import AuditError
from auditkit.results import AuditResult, ModelResult, Results
from auditkit.results.folder import RESULTS
from auditkit.results.samples import KeptSample, Place, read_samples

# They choose images and groups to look at, and change nothing of what is measured of an image.
SELECTING: Final = ("images", "by", "intersections", "bands", "min_group", "min_class")


@dataclass(frozen=True)
class FinishedRun:
    """A run's folder.

    Attributes:
        folder: where it lies.
        results: its results.json.
        sha256: of that file.
    """

    folder: Path
    results: Results
    sha256: str
    _samples: dict[tuple[str, str], Mapping[Place, KeptSample]] = field(
        default_factory=dict, repr=False
    )

    @classmethod
    def read(cls, folder: Path) -> "FinishedRun":
        """The run in a folder.

        Raises:
            AuditError: there is none, or its results.json is of another version.
        """
        file = folder / RESULTS
        try:
            content = file.read_bytes()
        except OSError as error:
            message = f"{file} cannot be read: {error.strerror}; give the folder of a run"
            raise AuditError(message) from error
        try:
            results = Results.model_validate_json(content)
        except ValidationError as error:
            first = error.errors()[0]
            where = ".".join(str(part) for part in first["loc"])
            raise AuditError(
                f"{file} is not a results file of this version: {where}: {first['msg']}; audit that "
                "release again"
            ) from error
        return cls(folder, results, hashlib.sha256(content).hexdigest())

    def counterpart(self, model: str, task: str) -> ModelResult | None:
        """The model of that name, else the only one of that task."""
        named = [known for known in self.results.models if known.model == model]
        of_task = [known for known in self.results.models if known.task == task]
        if named:
            return named[0]
        return of_task[0] if len(of_task) == 1 else None

    def audit(self, audit: str, model: str) -> AuditResult | None:
        """What was found of a model by an audit."""
        found = (a for a in self.results.audits if (a.audit, a.model) == (audit, model))
        return next(found, None)

    def samples(self, audit: AuditResult) -> Mapping[Place, KeptSample]:
        """Numbers per image of an audit; read once.

        Raises:
            AuditError: the file is missing or was changed.
        """
        key = (audit.audit, audit.model)
        if key not in self._samples:
            self._samples[key] = read_samples(self.folder, audit)
        return self._samples[key]


def other_question(audit: AuditResult, check: str, parameters: Mapping[str, Any]) -> str:
    """Why an audit of the same id measured something else in the earlier run; empty if it did not."""
    if audit.check != check:
        return f"'{audit.audit}' was of the check '{audit.check}' there"
    keys = sorted({*audit.parameters, *parameters} - set(SELECTING))
    changed = [key for key in keys if audit.parameters.get(key) != parameters.get(key)]
    if not changed:
        return ""
    return f"'{audit.audit}' was asked with other parameters there ({', '.join(changed)})"
