"""How wide intervals will be with so many images: said before anything is measured."""

import math
from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

from auditkit.comparison.runs import FinishedRun
from auditkit.findings import Findings, Measurement
from auditkit.results.found import MeasurementResult
from auditkit.spec.audit import Expectation
from auditkit.spec.load import Audit, resolve_at
from auditkit.spec.model_card import ModelCard

_EXACT = "Clopper-Pearson"  # the intervals of shares
_LEVEL = 0.95

WILSON = "Wilson at the limit, patients as units"
EARLIER = "earlier run"
CALIBRATION = "calibration, rough"
UNKNOWN = "not known before it is measured"


@dataclass(frozen=True)
class Width:
    """Half the width of an interval with the planned images, and with all.

    Attributes:
        expectation: by its key.
        planned: with the planned images; NaN if it is not known.
        whole: with all images.
        basis: where that comes from.
    """

    expectation: str
    planned: float
    whole: float
    basis: str


def width(
    expectation: Expectation,
    audit: Audit,
    card: ModelCard,
    images: tuple[int, int],
    found: Findings | None,
    earlier: FinishedRun | None,
) -> Width:
    """What is known of an expectation's interval.

    An earlier run's interval is scaled by sqrt(n) (of images asked for); else a share's is Wilson's at the
    expectation's limit, where it matters, with patients as independent units; else that of the calibrated
    images is scaled, which repeats a few images and is rough.

    Args:
        expectation: of the audit.
        audit: as it is planned.
        card: of the model.
        images: planned and all.
        found: what the check made of calibrated evidence for all images.
        earlier: a run of the same audit, if one was given.
    """
    measure = audit.check.measures(audit.parameters)[expectation.measure]
    at = resolve_at(expectation, measure)
    planned, whole = images
    known = _earlier(earlier, audit, card, expectation.measure, at)
    if known is not None:
        half, n = known
        return Width(
            expectation.key, half * math.sqrt(n / planned), half * math.sqrt(n / whole), EARLIER
        )
    measurement = found.find(expectation.measure, at) if found is not None else None
    return _calibrated(expectation, measurement, planned / whole)


def _earlier(
    run: FinishedRun | None,
    audit: Audit,
    card: ModelCard,
    measure: str,
    at: Mapping[str, float | str],
) -> tuple[float, int] | None:
    """Half the width in an earlier run, and of how many images."""
    other = run.counterpart(card.model, card.task) if run is not None else None
    results = run.audit(audit.id, other.model) if run is not None and other is not None else None
    if results is None:
        return None
    asked = {"name": measure, "at": dict(at)}
    named = (one for one in results.measurements if {"name": one.name, "at": dict(one.at)} == asked)
    return next((pair for one in named if (pair := _half(one)) is not None), None)


def _half(one: MeasurementResult) -> tuple[float, int] | None:
    if one.low is None or one.high is None or one.planned < 1:
        return None
    return (one.high - one.low) / 2, one.planned


def _calibrated(expectation: Expectation, found: Measurement | None, share: float) -> Width:
    key = expectation.key
    if found is None or found.estimate is None:
        return Width(key, math.nan, math.nan, UNKNOWN)
    estimate = found.estimate
    if estimate.method.startswith(_EXACT):
        limit = limit_of(expectation)
        units = estimate.clusters
        return Width(key, wilson(limit, units * share), wilson(limit, units), WILSON)
    half = (estimate.high - estimate.low) / 2
    if not (math.isfinite(half) and half > 0):
        return Width(key, math.nan, math.nan, UNKNOWN)
    return Width(key, half / math.sqrt(share), half, CALIBRATION)


def limit_of(expectation: Expectation) -> float:
    """The share at which a verdict turns; a half where there is none."""
    low, high = expectation.limits
    inner = [value for value in (low, high) if 0 < value < 1]
    return sum(inner) / len(inner) if inner else 0.5


def wilson(share: float, units: float) -> float:
    """Half the width of Wilson's 95 % interval of a share seen in so many independent units.

    Example:
        >>> round(wilson(0.5, 100), 3)
        0.096
    """
    z = NormalDist().inv_cdf((1 + _LEVEL) / 2)
    n = max(units, 1.0)
    return z / (1 + z * z / n) * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
