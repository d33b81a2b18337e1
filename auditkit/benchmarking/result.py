"""benchmark.json: everything that a benchmark found, with its provenance. The page is rendered from it."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal

from pydantic import Field, ValidationError

from auditkit.errors import AuditError
from auditkit.results import FigureResult, Part, TableResult, number, write_whole
from auditkit.stats import Estimate

NAME: Final = "benchmark.json"


class Quantity(Part):
    """A number with its interval."""

    value: float | None = Field(description="Point estimate; null if it could not be evaluated.")
    low: float | None = Field(default=None, description="Lower end of the interval.")
    high: float | None = Field(default=None, description="Upper end of the interval.")
    reason: str = Field(default="", description="Why there is no value or no interval.")

    @classmethod
    def of(cls, estimate: Estimate) -> "Quantity":
        """An estimate; an end of its interval that the data did not set is null."""
        low, high = number(estimate.low), number(estimate.high)
        return cls(value=number(estimate.value), low=low, high=high)

    @classmethod
    def attempted(cls, value: float, estimate: Callable[[], Estimate]) -> "Quantity":
        """An estimate, or the value alone with the reason why it has no interval."""
        try:
            return cls.of(estimate())
        except AuditError as error:
            return cls(value=number(value), reason=str(error))

    @property
    def wording(self) -> str:
        """For tables: '0.031 [-0.012, 0.074]', or why there is none."""
        if self.value is None:
            return self.reason or "not evaluable"
        if self.low is None or self.high is None:
            return f"{self.value:.3f}"
        return f"{self.value:.3f} [{self.low:.3f}, {self.high:.3f}]"


class TargetResult(Part):
    """One target model."""

    name: str = Field(description="Of the target.")
    weights: dict[str, float] = Field(description="Of each predicted concept, in its score.")
    positives: int = Field(description="Images with label 1.")
    auroc_real: Quantity = Field(description="AUROC on real images.")
    auroc_generated: Quantity = Field(description="AUROC on images generated from the captions.")
    gap: Quantity = Field(description="AUROC real minus generated, paired over patients.")
    importance: dict[str, dict[str, float | None]] = Field(
        description="By oracle or method, by concept; null if it could not be evaluated."
    )


class ThresholdResult(Part):
    """Concepts whose oracle importance exceeds the threshold are important."""

    threshold: float = Field(description="On the oracle's importance.")
    important: int = Field(description="Concepts of all targets that are important.")
    auroc: Quantity = Field(description="Of the method's importance, for being important.")


class AgreementResult(Part):
    """One method against one oracle, over all targets and concepts."""

    oracle: str = Field(description="What is known.")
    method: str = Field(description="What is compared with it.")
    pearson: Quantity = Field(description="Correlation; targets are drawn in its bootstrap.")
    points: int = Field(description="Pairs of a target and a concept.")
    not_evaluable: int = Field(description="Pairs without an importance.")
    auroc: list[ThresholdResult] = Field(description="AUROC over thresholds.")
    top_k: list[Quantity] = Field(
        description="Share of the oracle's k most important concepts among the method's, k = 1, 2, ..."
    )


class ConceptResult(Part):
    """The concept classifier on one concept."""

    concept: str = Field(description="Its name.")
    present: int = Field(description="Images that show it.")
    auroc_real: Quantity = Field(description="AUROC on real images.")
    auroc_generated: Quantity = Field(description="AUROC on generated images.")
    gap: Quantity = Field(description="AUROC real minus generated, paired over patients.")


class ChangeResult(Part):
    """How well one concept is recognised when another one, or itself, is permuted."""

    images: Literal["generated", "true renderer"] = Field(description="Who draws the images.")
    permuted: str = Field(description="Permuted in captions.")
    judged: str = Field(description="Recognised by the concept classifier.")
    change: Quantity = Field(description="AUROC before minus after, over all permutations.")


class EffectiveResult(Part):
    """Effective generation over all targets."""

    real_median: Quantity = Field(description="Median AUROC on real images.")
    real_quartiles: list[float | None] = Field(description="Quartiles over targets.")
    generated_median: Quantity = Field(description="Median AUROC on generated images.")
    generated_quartiles: list[float | None] = Field(description="Quartiles over targets.")
    mean_gap: Quantity = Field(description="Mean of AUROC real minus generated.")
    largest_gap: Quantity = Field(
        description="Largest of them: the upper limit is the largest of the targets' own limits, the lower "
        "one is corrected for their number (Bonferroni)."
    )


class Provenance(Part):
    """With what it was computed."""

    auditkit: str = Field(description="Version.")
    code: str = Field(description="Digest of the code that computes evidence, and its packages.")
    packages: dict[str, str] = Field(description="Versions of the packages that compute.")
    device: str = Field(description="cpu, cuda or mps.")
    cards: dict[str, str] = Field(description="sha256 of each card, by kind and name.")
    weights: dict[str, str] = Field(description="sha256 of each model's weights, by name.")
    manifest: str = Field(description="sha256 over the records of the data set.")


class BenchmarkResult(Part):
    """A benchmark of DEPICT on one data set, one generator and one concept classifier."""

    schema_version: Literal["1.0"] = Field(default="1.0", description="Of this file.")
    title: str = Field(description="One line for people.")
    provenance: Provenance
    settings: dict[str, Any] = Field(description="All that was asked for, seeds included.")
    images: int = Field(description="Images of the data set that were looked at.")
    evaluable: int = Field(description="Images that could be evaluated.")
    not_evaluable: dict[str, int] = Field(description="Images that could not, by reason.")
    captions: int = Field(description="Distinct captions drawn.")
    truncated: int = Field(description="Captions that the tokenizer had to cut.")
    targets: list[TargetResult]
    agreement: list[AgreementResult]
    effective: EffectiveResult
    concepts: list[ConceptResult]
    independence: list[ChangeResult]
    figures: list[FigureResult]
    tables: list[TableResult]
    notes: list[str] = Field(description="What a reader must know to read the numbers.")


def to_text(result: BenchmarkResult) -> str:
    """Canonical text: sorted keys, no NaN, newline at the end."""
    data = result.model_dump(mode="json")
    return json.dumps(data, sort_keys=True, indent=1, allow_nan=False, ensure_ascii=False) + "\n"


def write(result: BenchmarkResult, folder: Path) -> Path:
    """Write benchmark.json into a folder, whole or not at all.

    Raises:
        AuditError: the folder cannot be written.
    """
    path = folder / NAME
    write_whole(path, to_text(result).encode("utf-8"))
    return path


def read(folder: Path) -> BenchmarkResult:
    """Read benchmark.json back.

    Raises:
        AuditError: there is none, or it is of another version.
    """
    path = folder / NAME
    try:
        return BenchmarkResult.model_validate_json(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise AuditError(f"{path} cannot be read: {error.strerror}") from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(str(part) for part in first["loc"])
        raise AuditError(
            f"{path} is not a benchmark of this version: {place}: {first['msg']}"
        ) from error
