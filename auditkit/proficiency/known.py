"""What is known of an expectation's power: a study of the same check at the same settings."""

import json
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

from auditkit.proficiency.result import (
    AtTruth,
    AuditResult,
    ExpectationResult,
    Proficiency,
    Rate,
    read,
)
from auditkit.results.judged import DetectedValue, KnownProficiency, ObservedRate
from auditkit.spec.audit import Expectation

# Without it a study's settings are still these: the first images of the data, all of them or so many.
_SAMPLE = "images"


@cache
def shipped() -> Proficiency:
    """The study of the shipped audits."""
    text = files("auditkit.proficiency").joinpath("shipped.json").read_text(encoding="utf-8")
    return Proficiency.model_validate_json(text)


@cache
def studies(path: Path | None) -> list[Proficiency]:
    """A user's study, which goes before the shipped one.

    Raises:
        AuditError: the file is none.
    """
    return [*([read(path)] if path is not None else []), shipped()]


def known(
    found: Sequence[Proficiency],
    check: str,
    parameters: dict[str, Any],
    expectation: Expectation,
    images: int,
) -> KnownProficiency | None:
    """What the first study says of this expectation at these settings; None if there is none.

    The same check with the same parameters, the same measure and limits, and at least as many images as the
    study's samples had.

    Args:
        found: studies.
        check: name of the check.
        parameters: of the audit, as JSON.
        expectation: what is expected.
        images: that were evaluated.
    """
    for study in found:
        for audit in study.audits:
            if (
                audit.check != check
                or images < audit.images
                or not _same(audit.parameters, parameters)
            ):
                continue
            for one in audit.expectations:
                if _about(one, expectation):
                    return _told(study, audit, one)
    return None


def _same(one: dict[str, Any], other: dict[str, Any]) -> bool:
    first, second = ({k: v for k, v in each.items() if k != _SAMPLE} for each in (one, other))
    return json.dumps(first, sort_keys=True) == json.dumps(second, sort_keys=True)


def _about(one: ExpectationResult, expectation: Expectation) -> bool:
    where = {name: str(value) for name, value in expectation.at.items()}
    return (
        one.measure == expectation.measure
        and {name: str(value) for name, value in one.at.items()} == where
        and one.expected == expectation.wording
    )


def _told(study: Proficiency, audit: AuditResult, one: ExpectationResult) -> KnownProficiency:
    return KnownProficiency(
        model=study.model,
        data=audit.data,
        images=audit.images,
        patients=round(audit.patients),
        detects=[_detected(point) for point in one.detects],
        false_alarms=_observed(one.false_alarms),
    )


def _detected(point: AtTruth) -> DetectedValue:
    nearest = min(point.low, point.high, key=abs)
    return DetectedValue(value=nearest, rate=_observed(point.detected))


def _observed(rate: Rate) -> ObservedRate:
    return ObservedRate(count=rate.count, n=rate.n, low=rate.low, high=rate.high)
