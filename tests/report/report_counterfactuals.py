"""Cases with counterfactuals for the tests, and a run that has them: lesions redder from bin to bin."""

from functools import cache
from pathlib import Path

import numpy as np
import report_samples
from report_galleries import png

from auditkit.colour import shift_luv
from auditkit.data.synthetic.dermoscopy import render as lesion
from auditkit.data.synthetic.dermoscopy import sample_case
from auditkit.findings import CounterfactualCase, CounterfactualCases, CounterfactualFrame
from auditkit.plugin.pictures import cases_result
from auditkit.results import Results

BINS = 10
NAMES = ("benign", "melanoma")
KINDS = ("false positive", "false negative", "right, among the most certain")


@cache
def recoloured(i: int, side: int) -> list[np.ndarray]:
    """A lesion as it is, then from greener to pinker."""
    picture, _ = lesion(sample_case(7, i), side)
    planes = np.moveaxis(picture, -1, 0) / 255.0
    shifts = [0.0, *np.linspace(-14, 14, BINS)]
    shifted = [shift_luv(planes, float(shift), 0.0) for shift in shifts]
    return [np.rint(255 * np.moveaxis(each, 0, -1)).astype(np.uint8) for each in shifted]


def case(i: int, side: int = 16, **changes: object) -> CounterfactualCase:
    """One case; the kinds take turns."""
    kind = KINDS[i % 3]
    own = 0.31 if kind == "false negative" else 0.93
    picture, *frames = recoloured(i, side)
    asked = [(k + 0.5) / BINS for k in range(BINS)]
    got = [float(np.clip(a + 0.04 * np.sin(5 * a + i), 0, 1)) for a in asked]
    fields = {
        "image_id": f"ISIC_{i:04}",
        "picture": png(picture),
        "score": own,
        "facets": {
            "label": NAMES[kind != "false positive"],
            "decision": NAMES[own >= 0.5],
            "case": kind,
        },
        "frames": [
            CounterfactualFrame(
                a,
                g,
                NAMES[g >= 0.5],
                png(frame),
                png(np.clip(128 + 4 * (frame.astype(int) - picture), 0, 255)),
            )
            for a, g, frame in zip(asked, got, frames, strict=True)
        ],
    }
    return CounterfactualCase(**(fields | changes))


def cases(found: list[CounterfactualCase], **changes: object) -> CounterfactualCases:
    """Findings of these cases."""
    fields = {
        "name": "failure-cases",
        "title": "Failure cases, and what would have changed the model's mind",
        "caption": "Wrong decisions at the threshold 0.5: 57 of 400 images (40 false positives, "
        "17 false negatives). The first 12 are shown: either kind in turn, the most wrong score first.",
        "legend": "Difference: counterfactual minus image, 4 times, on mid-grey: what is lighter, darker "
        "or pinker than mid-grey became so, mid-grey did not change. The scale is the same for all cases.",
    }
    return CounterfactualCases(cases=found, **(fields | changes))


def run_with_cases(found: list[CounterfactualCases], folder: Path) -> Results:
    """A small run whose only audit has these cases; their pictures are in the folder."""
    results = report_samples.passing()
    kept = [cases_result(each, folder) for each in found]
    update = {"counterfactuals": kept, "figures": [], "tables": []}
    audit = results.audits[0].model_copy(update=update)
    return results.model_copy(update={"audits": [audit]})
