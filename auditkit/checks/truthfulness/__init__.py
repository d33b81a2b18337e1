"""Check `truthfulness`: does removing what a heatmap highlights hurt more than removing at random?

Jin et al. (arXiv:2202.10553), section 4.3.1: features are removed from the most to the least important, the
performance is drawn over the removed fraction (perturbation curve), AUPC(H) is the area under it, and
delta-AUPC = AUPC(H_b) - AUPC(H) with H_b a random permutation of H, 15 times.

Deviates, each for a measured reason: everything is ranked once with seeded ties, and the x axis is the
fraction really removed; the random baseline permutes the map's own cells, or superpixels, over the same
support, so that both curves end with everything gone (in the same input, but for the fill noise, which each
order draws for itself); intervals are over patients (paired), not over repeats; maps without an order (all
zero, constant, not finite) are counted, never dropped. `compat` undoes all of this but the intervals and the
counting.
"""

from collections.abc import Iterator
from dataclasses import replace
from itertools import product

from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring
from auditkit.checks.truthfulness.curves import Curve
from auditkit.checks.truthfulness.performance import unseen
from auditkit.checks.truthfulness.tables import FOLLOWED, sign_changes, table
from auditkit.evidence import Evidence
from auditkit.findings import Findings, Measurement
from auditkit.spec.declarations.truthfulness import TRUTHFULNESS, Truthfulness

__all__ = ["truthfulness"]


def truthfulness(evidence: Evidence, parameters: Truthfulness) -> Findings:
    """Removal curves of every method, control and fill, and their distance from random removal."""
    findings = Findings()
    planned = evidence.n + len(evidence.incomplete)
    measuring = Measuring.of(TRUTHFULNESS, parameters, planned)
    for fill in parameters.fills:
        curves = {
            method.label: Curve(evidence, method, fill, parameters)
            for method in parameters.compared
            if not evidence.fitness(method).reason
        }
        findings.measurements += _measured(evidence, parameters, measuring, curves)
        findings.figures += [curve.figure() for curve in curves.values()]
    findings.measurements += _inapplicable(evidence, parameters, measuring)
    findings.tables.append(table(findings, parameters))
    findings.notes += [FOLLOWED] if parameters.compat else []
    findings.notes += fitness_notes(evidence, parameters.compared)
    findings.notes += sign_changes(findings, parameters)
    return findings


def _measured(
    evidence: Evidence, parameters: Truthfulness, measuring: Measuring, curves: dict[str, Curve]
) -> Iterator[Measurement]:
    missing = evidence.incomplete
    for name, curve in curves.items():
        at = {"fill": curve.fill}
        touched = unseen(evidence, parameters.performance, curve.by_heat.evaluable)
        for part, estimate in (("delta_aupc", curve.delta), ("aupc", curve.area)):
            found = measuring(f"{name}.{part}", estimate, at, [*missing, *curve.skipped])
            yield replace(found, affected=touched)
    applicable = [method for method in parameters.methods if method.label in curves]
    for method, control in product(applicable, parameters.controls):
        pair = curves[method.label].against(curves[control.label])
        at = {"fill": pair.fill}
        skipped = [*missing, *pair.skipped]
        name = f"{method.label}.over[{control.label}]"
        touched = unseen(evidence, parameters.performance, pair.kept)
        found = measuring(name, pair.difference, at, skipped)
        yield replace(found, bounds=pair.bounds, affected=touched)


def _inapplicable(
    evidence: Evidence, parameters: Truthfulness, measuring: Measuring
) -> Iterator[Measurement]:
    over = [f"over[{control.label}]" for control in parameters.controls]
    for method in parameters.methods:
        reason = evidence.fitness(method).reason
        for fill, part in product(
            parameters.fills if reason else (), ("delta_aupc", "aupc", *over)
        ):
            yield measuring.inapplicable(f"{method.label}.{part}", reason, {"fill": fill})
