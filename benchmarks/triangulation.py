"""How often triangulation says "established" of an attribute that a clean model does not read.

    python benchmarks/triangulation.py --write docs/checks/triangulation.md

Clean models: every row's true effect is nothing, or, as the hardest case, lies exactly at its margin. Each
row is estimated from values of patients of its own, or of the same patients whose values go along with one
another (rows that err together are what could agree by chance), and read and concluded by the check's own
code. Rows of one attribute err in the same direction of the score.
"""

import argparse
from pathlib import Path

import numpy as np
from figures_in_page import put

from auditkit import stats
from auditkit.checks.triangulation import triangulation
from auditkit.findings import Measurement
from auditkit.spec.audit import Expectation
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import load_audit

RUNS, PATIENTS, EACH = 1000, 60, 2
# Standard deviation between images in margins, and the share that images of one patient have in common.
SPREAD, SHARED = 3.0, 0.3
# Of rows whose audit expects nothing of them; any number does, as effects are counted in margins.
MARGIN = 0.05


class Simulated:
    """What audits would find: each row's mean over patients, around its true effect."""

    def __init__(self, seed, effects, rows, common):
        self.random, self.effects = np.random.default_rng(seed), effects
        self.margins = {(row.audit, row.measure): row.margin or MARGIN for row in rows}
        self.down = {(row.audit, row.measure) for row in rows if row.towards == "down"}
        self.common = common
        self.shared = self.noise()

    def noise(self):
        """Of standard deviation 1, in part that of the patient."""
        patient = self.random.standard_normal(PATIENTS).repeat(EACH) * np.sqrt(SHARED)
        return patient + self.random.standard_normal(PATIENTS * EACH) * np.sqrt(1 - SHARED)

    def found(self, name, measure, at):
        """An estimate around the true effect."""
        margin = self.margins[name, measure]
        noise = np.sqrt(self.common) * self.shared + np.sqrt(1 - self.common) * self.noise()
        sign = -1 if (name, measure) in self.down else 1
        values = sign * margin * (self.effects(name, measure) + SPREAD * noise)
        groups = np.arange(PATIENTS).repeat(EACH)
        estimate = stats.mean(values, groups)
        return Measurement(measure, at, estimate, "", (-1e9, 1e9), len(values)), ""

    def expected(self, name, measure, _at):
        """That it stays within its margin."""
        margin = self.margins[name, measure]
        return [Expectation(measure=measure, between=[-margin, margin])]


def conclusions(parameters, effects, common, seed):
    rows = [row for some in parameters.attributes.values() for row in some]
    found = triangulation(Simulated(seed, effects, rows, common), parameters)
    return {one.name: one.choice.value for one in found.measurements}


def worded(hits):
    estimate = stats.proportion(hits)
    low, high = 100 * estimate.low, 100 * estimate.high
    return f"{100 * estimate.value:.1f} % [{low:.1f}, {high:.1f}]"


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    spec = load_audit(
        Path("audits/dermoscopy/what-it-reads.audit.yaml"), catalogue([Path("fixtures")])
    )

    def pink(size):
        rows = {(row.audit, row.measure) for row in spec.parameters.attributes["pink tint"]}
        return lambda name, measure: size * ((name, measure) in rows)

    cases = {
        "no effect in any row": (lambda _name, _measure: 0.0, 0.0),
        "every true effect half its margin": (lambda _name, _measure: 0.5, 0.0),
        "every true effect at its margin": (lambda _name, _measure: 1.0, 0.0),
        "the same, rows correlated 0.5": (lambda _name, _measure: 1.0, 0.5),
        "the same, rows correlated 0.9": (lambda _name, _measure: 1.0, 0.9),
        "the same, rows correlated 1": (lambda _name, _measure: 1.0, 1.0),
        "pink tint 2 margins, else nothing": (pink(2.0), 0.0),
        "pink tint 3 margins, else nothing": (pink(3.0), 0.0),
    }
    lines = [
        "| true effects | anything established | pink tint established | pink tint first |",
        "|---|---|---|---|",
    ]
    for title, (effects, common) in cases.items():
        runs = [conclusions(spec.parameters, effects, common, seed) for seed in range(RUNS)]
        anything = [any(value == "established" for value in run.values()) for run in runs]
        planted = [run["conclusion[pink tint]"] == "established" for run in runs]
        first = [run["first"] == "pink tint" for run in runs]
        lines.append(f"| {title} | {worded(anything)} | {worded(planted)} | {worded(first)} |")
    lines.append(
        f"\n{RUNS} runs each: the rows of `what-it-reads`, {PATIENTS * EACH} images of {PATIENTS} patients "
        f"per row, a standard deviation between images of {SPREAD:g} margins (`benchmarks/triangulation.py`)."
    )
    text = "\n".join(lines)
    print(text)
    if given.write:
        put(given.write, "triangulation", text)


if __name__ == "__main__":
    main()
