"""Check `compare-methods`: heatmap methods side by side on one number per image.

Jin et al. (arXiv:2202.10553, section 4.3): Friedman's test over methods, Nemenyi's post-hoc test, and
Kendall's tau-b between the rankings of two tasks. Demsar (JMLR 2006, 7:1-30): mean ranks and the
critical-difference diagram.

Deviates: blocks are patients (means over a patient's images), where the paper pools five models times
74 patients as if they were 370 independent blocks; pairs are tested by Wilcoxon's signed ranks with
Holm's correction, since Nemenyi's verdict on two methods depends on which others are in the pool
(Benavoli et al. 2016, JMLR 17(5):1-10), so that it only draws the figure; the F of Iman and Davenport
and a permutation test stand beside chi-square, which is poor for few blocks; effects have intervals over
patients.
"""

from collections.abc import Iterator, Sequence

from auditkit.checks.compare_methods.blocks import Images
from auditkit.checks.compare_methods.comparison import Comparison
from auditkit.checks.compare_methods.tables import (
    groups_table,
    pairs_table,
    ranks_figure,
    ranks_table,
    test_table,
)
from auditkit.checks.fitness import fitness_notes
from auditkit.checks.measuring import Measuring
from auditkit.checks.performance.groups import column_texts
from auditkit.evidence import Evidence
from auditkit.findings import Findings, Measurement
from auditkit.spec.declarations.compare_methods import COMPARE_METHODS, CompareMethods

__all__ = ["compare_methods"]
TOO_FEW = "fewer than two of the methods can be asked of this model"


def compare_methods(evidence: Evidence, parameters: CompareMethods) -> Findings:
    """Ranks of the methods over patients, every pair, and how far the ranking holds elsewhere."""
    findings = Findings(notes=fitness_notes(evidence, parameters.methods))
    measuring = Measuring.of(COMPARE_METHODS, parameters, evidence.n + len(evidence.incomplete))
    values = sorted(set(column_texts(evidence, parameters.by).tolist())) if parameters.by else []
    unfit = {method.label: evidence.fitness(method).reason for method in parameters.methods}
    fit = [method for method in parameters.methods if not unfit[method.label]]
    findings.measurements += _inapplicable(measuring, parameters, unfit, values)
    if len(fit) < 2:
        return findings
    images = Images.of(evidence, fit, parameters)
    comparison = Comparison(evidence, parameters, measuring, images)
    findings.measurements += comparison.overall()
    findings.measurements += comparison.within(values)
    findings.measurements += comparison.elsewhere()
    blocks = comparison.blocks
    findings.figures.append(ranks_figure(blocks, parameters))
    findings.tables += [
        ranks_table(blocks, findings, parameters),
        test_table(blocks),
        pairs_table(blocks, findings, parameters),
    ]
    if parameters.by:
        findings.tables.append(groups_table(parameters.by, values, findings, images.labels))
    if len(fit) < len(unfit):
        findings.notes.append("Ranks are among the methods that can be asked of this model.")
    return findings


def _inapplicable(
    measuring: Measuring,
    parameters: CompareMethods,
    unfit: dict[str, str],
    values: Sequence[str],
) -> Iterator[Measurement]:
    """What rests on a method that cannot be asked of the model; everything if fewer than two can."""
    comparable = list(unfit.values()).count("") >= 2
    for name in measuring.measures:
        mine = [unfit[label] for label in _methods_of(name, parameters) if unfit[label]]
        if mine or not comparable:
            for at in _places(name, parameters, values):
                yield measuring.inapplicable(name, mine[0] if mine else TOO_FEW, at)


def _methods_of(name: str, parameters: CompareMethods) -> list[str]:
    """The methods that a measure is about."""
    for first, second in parameters.pairs:
        if name in (f"{first.label}.over.{second.label}", f"{first.label}.minus.{second.label}"):
            return [first.label, second.label]
    return [one.label for one in parameters.methods if name == f"{one.label}.mean_rank"]


def _places(
    name: str, parameters: CompareMethods, values: Sequence[str]
) -> Iterator[dict[str, str]]:
    """Where a measure is measured: over all images, in groups, against other data."""
    if name == "rank_agreement.data":
        yield from ({"against": data} for data in parameters.against)
        return
    if name != "rank_agreement.group":
        yield {}
    if parameters.by and (name == "concordance" or name.endswith((".mean_rank", ".group"))):
        yield from ({parameters.by: value} for value in values)
