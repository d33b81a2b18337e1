"""The run against which expectations `not_worse_than: baseline` are held."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from auditkit.comparison.runs import FinishedRun, other_question
from auditkit.errors import AuditError
from auditkit.findings import Measurement
from auditkit.results import BaselineValue
from auditkit.results.samples import place
from auditkit.stats import Sample
from auditkit.stats.paired import Paired, paired_difference
from auditkit.verdict import Against, Better


@dataclass(frozen=True)
class Baseline:
    """An earlier run, given by ``--audit-baseline``."""

    run: FinishedRun

    @classmethod
    def read(cls, folder: Path) -> "Baseline":
        """From the run's folder.

        Raises:
            AuditError: the folder holds no run that can be read.
        """
        return cls(FinishedRun.read(folder))

    @property
    def name(self) -> str:
        """Of the run."""
        return self.run.results.run.id

    def against(
        self,
        measurement: Measurement,
        *,
        audit: str,
        check: str,
        parameters: Mapping[str, Any],
        model: str,
        task: str,
        better: Better,
    ) -> Against:
        """A measurement beside the earlier release's, on the same images.

        Args:
            measurement: of this run.
            audit: id of the audit.
            check: name of its check.
            parameters: the audit's parameters, as they stand in results.json.
            model: name of the model; the earlier run's model of that name is meant, else its only one of
                the task.
            task: what the model decides.
            better: in which direction the measure gets better.
        """
        if measurement.estimate is None:
            return Against(better, reason=measurement.reason)
        if measurement.sample is None:
            return Against(better, missing=_NO_NUMBERS.format(measurement.name))
        try:
            sample = self._sample(measurement, audit, check, parameters, model, task)
        except AuditError as error:
            return Against(better, missing=f"baseline {self.name}: {error}")
        try:
            found = paired_difference(sample, measurement.sample, bounds=measurement.bounds)
        except AuditError as error:
            return Against(better, reason=f"against baseline {self.name}: {error}")
        return Against(better, found)

    def value(self, paired: Paired) -> BaselineValue:
        """What a verdict was compared with, as it stands in results.json."""
        return BaselineValue(
            run=self.name,
            value=float(paired.old),
            new=float(paired.new),
            pairs=paired.pairs,
            only_old=paired.only_old,
            only_new=paired.only_new,
        )

    def _sample(
        self,
        measurement: Measurement,
        audit: str,
        check: str,
        parameters: Mapping[str, Any],
        model: str,
        task: str,
    ) -> Sample:
        earlier = self.run.counterpart(model, task)
        if earlier is None:
            raise AuditError(f"it has neither '{model}' nor a single model for {task}")
        found = self.run.audit(audit, earlier.model)
        if found is None:
            raise AuditError(f"it has no findings of '{audit}' about '{earlier.model}'")
        other = other_question(found, check, parameters)
        if other:
            raise AuditError(other)
        samples = self.run.samples(found)
        key = place(measurement.name, measurement.at)
        if key not in samples:
            raise AuditError(f"it kept no numbers per image of '{measurement.name}' there")
        return samples[key].sample


_NO_NUMBERS = (
    "of '{}' no numbers per image are kept: averages over images and AUROCs alone are paired"
)
