"""samples/SHA.json: what averages and AUROCs of one audit are of, image by image, without anybody's name.

Images stand there by the digest of their content, patients as numbers in the order in which they first come.
"""

import hashlib
import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from pydantic import Field, ValidationError

from auditkit.errors import AuditError
from auditkit.findings import At, Measurement
from auditkit.results.folder import SAMPLES
from auditkit.results.found import AuditResult
from auditkit.results.part import Part
from auditkit.spec.declaration import Measure
from auditkit.stats import Sample
from auditkit.verdict import Better

Place = tuple[str, tuple[tuple[str, str], ...]]
"""A measure and the value of each of its dimensions, as text."""

_SHA256: Final = re.compile(r"[0-9a-f]{64}")


class StoredSample(Part):
    """One number per image of one measure."""

    measure: str = Field(description="Name of the measure.")
    at: dict[str, float | str] = Field(description="Value of each of its dimensions.")
    better: Better | None = Field(
        description="Direction in which the measure gets better; null: neither is."
    )
    statistic: Literal["mean", "auroc"] = Field(description="What is made of the values.")
    rows: list[int] = Field(description="Which image each value is of: place in `images`, from 0.")
    values: list[float] = Field(description="The numbers.")
    labels: list[int] | None = Field(
        description="0 or 1 each, of an AUROC; of an average what each value was held against; null: nothing."
    )


class StoredSamples(Part):
    """All samples of one audit of one model."""

    samples_version: Literal["1.0"] = Field(default="1.0", description="Of this file.")
    audit: str = Field(description="Id of the audit.")
    model: str = Field(description="Name of the model.")
    data: str = Field(description="Name of the data set.")
    images: list[str] = Field(description="Digest of each image's content.")
    patients: list[int] = Field(description="Patient of each image, as a number.")
    samples: list[StoredSample] = Field(description="The measures.")


@dataclass(frozen=True)
class KeptSample:
    """A sample, and in which direction its measure gets better."""

    sample: Sample
    better: Better | None


def place(measure: str, at: At) -> Place:
    """The key of a measure at a place: 5 and 5.0 are the same."""
    values = {k: v if isinstance(v, str) else format(float(v), "g") for k, v in at.items()}
    return measure, tuple(sorted(values.items()))


def samples_file(
    audit: str,
    model: str,
    data: str,
    measurements: Sequence[Measurement],
    measures: Mapping[str, Measure],
) -> bytes | None:
    """The content of the file: equal samples give equal bytes, and numbers are kept exactly.

    Args:
        audit: id of the audit.
        model: name of the model.
        data: name of the data set.
        measurements: everything that was found; those without a sample are left out.
        measures: what the check declares of them.

    Returns:
        Canonical JSON; ``None`` if no measurement has a sample.
    """
    parts = list(samples_text(audit, model, data, measurements, measures))
    return "".join(parts).encode() if parts else None


def samples_text(
    audit: str,
    model: str,
    data: str,
    measurements: Sequence[Measurement],
    measures: Mapping[str, Measure],
) -> Iterator[str]:
    """The text of the file in parts, one per sample: there may be a hundred samples of 10^5 images.

    Args:
        audit: as in `samples_file`, as are the others.
        model: see there.
        data: see there.
        measurements: see there.
        measures: see there.
    """
    found = [(one, one.sample) for one in measurements if one.sample is not None]
    if not found:
        return
    places = _Places()
    rows = [places.rows(sample) for _, sample in found]
    numbers: dict[str, int] = {}
    patients = [numbers.setdefault(patient, len(numbers)) for _, patient, _ in places.entries]
    images = [image for image, _, _ in places.entries]
    nothing = StoredSamples(
        audit=audit, model=model, data=data, images=images, patients=patients, samples=[]
    )
    # Inside a text, quotes would stand behind a backslash: this is the list itself.
    head, opening, tail = _canonical(nothing).partition('"samples":[')
    yield head + opening
    for number, ((one, sample), its) in enumerate(zip(found, rows, strict=True)):
        comma = "," if number else ""
        yield comma + _canonical(_stored(one, sample, measures[one.name].better, its))
    yield f"{tail}\n"


def samples_name(content: bytes) -> tuple[str, str]:
    """Where the file lies in the run's folder, and its sha256."""
    digest = hashlib.sha256(content).hexdigest()
    return f"{SAMPLES}/{digest}.json", digest


def read_samples(folder: Path, audit: AuditResult) -> Mapping[Place, KeptSample]:
    """The samples of one audit of a run; none if the run kept none of it.

    Args:
        folder: the run's folder.
        audit: as it stands in the run's results.json.

    Raises:
        AuditError: the file is missing, was changed, or is not a file of samples.
    """
    if audit.samples is None:
        return {}
    file, digest = audit.samples.file, audit.samples.sha256
    # The name is what results.json says, which may come from anywhere.
    if not _SHA256.fullmatch(digest) or file != f"{SAMPLES}/{digest}.json":
        raise AuditError(f"{folder}: '{file}' is not the name of a file of samples")
    path = folder / file
    try:
        content = path.read_bytes()
    except OSError as error:
        raise AuditError(
            f"{path} cannot be read: {error.strerror}; copy the whole folder"
        ) from error
    if hashlib.sha256(content).hexdigest() != digest:
        raise AuditError(f"{path} was changed after the run: its sha256 is not the one in its name")
    try:
        stored = StoredSamples.model_validate_json(content)
        return {place(s.measure, s.at): _kept(stored, s) for s in stored.samples}
    except (ValidationError, IndexError, AuditError) as error:
        first = str(error).partition("\n")[0]
        raise AuditError(f"{path} is not a file of samples of this version: {first}") from error


class _Places:
    """Places of images in the file's own list: in the order in which they first come."""

    def __init__(self) -> None:
        self.entries: dict[tuple[str, str, int], int] = {}
        self._known: list[tuple[Sequence[str], Sequence[str], list[int]]] = []

    def rows(self, sample: Sample) -> list[int]:
        """The place of each of a sample's images; equal ones of one patient have places of their own."""
        for images, patients, rows in self._known:
            if images is sample.images and patients is sample.patients:
                return rows
        found = self._found(sample)
        self._known.append((sample.images, sample.patients, found))
        return found

    def _found(self, sample: Sample) -> list[int]:
        seen: Counter[tuple[str, str]] = Counter()
        rows = []
        for image, patient in zip(sample.images, sample.patients, strict=True):
            key = (str(image), str(patient))
            rows.append(self.entries.setdefault((*key, seen[key]), len(self.entries)))
            seen[key] += 1
        return rows


def _stored(
    measurement: Measurement, sample: Sample, better: Better | None, rows: list[int]
) -> StoredSample:
    return StoredSample(
        measure=measurement.name,
        at=dict(measurement.at),
        better=better,
        statistic=sample.statistic,
        rows=rows,
        values=[float(value) for value in sample.values],
        labels=None if sample.labels is None else [int(label) for label in sample.labels],
    )


def _canonical(part: Part) -> str:
    return json.dumps(
        part.model_dump(mode="json"), sort_keys=True, allow_nan=False, separators=(",", ":")
    )


def _kept(stored: StoredSamples, sample: StoredSample) -> KeptSample:
    if sample.rows and min(sample.rows) < 0:
        raise IndexError("a row before the first")
    found = Sample(
        sample.statistic,
        [stored.images[row] for row in sample.rows],
        [str(stored.patients[row]) for row in sample.rows],
        np.array(sample.values, dtype=np.float64),
        None if sample.labels is None else np.array(sample.labels, dtype=np.int64),
    )
    return KeptSample(found, sample.better)
