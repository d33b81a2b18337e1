"""Parts of results.json with everything filled in, for tests to change what they are about."""

import hashlib
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import Image

from auditkit.results import (
    AuditResult,
    FigureResult,
    MeasurementResult,
    Panel,
    SeriesResult,
    VerdictResult,
)
from auditkit.verdict import Verdict

HOSTILE = "<script>alert('x')</script> | \"quoted\" & `code` $x_1$ é 黒子 \u202e*b*"
SHA = "".join(f"{i % 16:x}" for i in range(64))


def picture(folder: Path, seed: int, tint: tuple[float, float, float] = (1, 1, 1)) -> Panel:
    """A brown blot on skin, written into the run's folder."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[-1:1:128j, -1:1:128j]
    angle = np.arctan2(y, x)
    edge = 0.45 + 0.08 * np.sin(3 * angle + rng.uniform(0, 6)) + 0.04 * np.cos(7 * angle)
    blot = 1 / (1 + np.exp(30 * (np.hypot(x, y) - edge)))[..., None]
    skin, lesion = np.array([224.0, 180, 160]), np.array([110.0, 66, 50])
    pixels = skin * (1 - blot) + lesion * blot + rng.normal(0, 5, (128, 128, 1))
    pixels = np.clip(pixels * np.array(tint), 0, 255).astype(np.uint8)
    buffer = BytesIO()
    Image.fromarray(pixels).save(buffer, "PNG")
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    (folder / "images").mkdir(parents=True, exist_ok=True)
    (folder / "images" / f"{digest}.png").write_bytes(buffer.getvalue())
    return Panel(caption="as it is: 0.31", file=f"images/{digest}.png", sha256=digest)


def measurement(
    name: str, value: float | None, half: float = 0.02, **changes: object
) -> MeasurementResult:
    """A measurement with an interval of that half width."""
    fields: dict[str, object] = {
        "name": name,
        "at": {},
        "value": value,
        "low": None if value is None else value - half,
        "high": None if value is None else value + half,
        "level": None if value is None else 0.95,
        "n": 0 if value is None else 400,
        "clusters": 0 if value is None else 200,
        "method": "mean over patients, t interval" if value is not None else "",
        "unit": "change of the score",
        "planned": 400,
        "not_evaluable": {},
        "reason": "" if value is not None else "one class only",
    }
    return MeasurementResult.model_validate(fields | changes)


def verdict(
    audit: str,
    measure: str,
    word: Verdict,
    found: tuple[float, float, float] | None = None,
    **changes: object,
) -> VerdictResult:
    """A judged expectation."""
    value, low, high = found or (None, None, None)
    fields: dict[str, object] = {
        "node": f"audits/dermoscopy/{audit}.audit.yaml::{measure}[dermanet]",
        "audit": audit,
        "model": "dermanet",
        "measure": measure,
        "at": {},
        "expected": "above 0",
        "severity": "blocking",
        "verdict": word,
        "reason": "made up",
        "value": value,
        "low": low,
        "high": high,
        "n": 0 if value is None else 400,
        "p_value": None,
        "p_adjusted": None,
        "fault": False,
        "file": f"audits/dermoscopy/{audit}.audit.yaml",
        "line": 12,
        "why": "",
    }
    return VerdictResult.model_validate(fields | changes)


def series(
    name: str, x: list[float], y: list[float | None], half: float = 0, **changes: object
) -> SeriesResult:
    """A line, with a band if a half width is given."""
    low = [None if v is None else v - half for v in y] if half else None
    high = [None if v is None else v + half for v in y] if half else None
    fields: dict[str, object] = {
        "name": name,
        "x": x,
        "y": y,
        "low": low,
        "high": high,
        "dashed": False,
    }
    return SeriesResult.model_validate(fields | changes)


def figure(name: str, title: str, lines: list[SeriesResult], **changes: object) -> FigureResult:
    """A figure."""
    fields: dict[str, object] = {
        "name": name,
        "title": title,
        "kind": "lines",
        "x_label": "fraction of the image removed",
        "y_label": "accuracy",
        "series": lines,
        "caption": "Bands are 95 % intervals over patients.",
        "diagonal": False,
        "zero": False,
    }
    return FigureResult.model_validate(fields | changes)


def audit(name: str, check: str, title: str, why: str, **changes: object) -> AuditResult:
    """An audit's findings."""
    fields: dict[str, object] = {
        "audit": name,
        "model": "dermanet",
        "check": check,
        "title": title,
        "why": why,
        "paper": "DeGrave et al. (doi:10.1038/s41551-023-01160-9), Fig. 3c",
        "data": "dermoscopy",
        "parameters": {"images": 400},
        "assumes": [],
        "file": f"audits/dermoscopy/{name}.audit.yaml",
        "sha256": SHA,
        "measurements": [],
        "figures": [],
        "tables": [],
        "examples": [],
        "notes": [],
    }
    return AuditResult.model_validate(fields | changes)
