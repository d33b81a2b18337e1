"""Check `informative-plausibility`: does an implausible heatmap tell that a decision is wrong?

Jin et al. (arXiv:2202.10553), section 4.4.2: plausibility (MSFI) of right decisions against that of wrong
ones (upper-tailed Mann-Whitney test), its Spearman correlation with the predicted probability, and both
within each class, since classes differ in plausibility as well as in how often they are decided right.

Deviates: units are patients and one training (there, five trainings of 74 patients are pooled as if they
were 370 independent cases); effects with intervals stand before p-values, and these are Holm-adjusted over
methods (there, 16 tests are not); the probability is that of the decided class, as it is and calibrated on
other patients; biased patterns can be given as columns of the data.
"""

from auditkit.checks.fitness import fitness_notes
from auditkit.checks.informative_plausibility.cases import Cases
from auditkit.checks.informative_plausibility.measured import Measurer
from auditkit.checks.informative_plausibility.shown import classes_table, decisions_table, violins
from auditkit.checks.measuring import Measuring
from auditkit.checks.plausible import importance_of, plausible
from auditkit.evidence import Evidence
from auditkit.findings import Findings
from auditkit.spec.declarations.informative_plausibility import (
    INFORMATIVE_PLAUSIBILITY,
    InformativePlausibility,
)

__all__ = ["informative_plausibility"]


def informative_plausibility(evidence: Evidence, parameters: InformativePlausibility) -> Findings:
    """Plausibility of right against wrong decisions, and with the model's own confidence."""
    cases = Cases.of(evidence, parameters)
    importance = importance_of(evidence, parameters, parameters.score)
    shown = list(plausible(evidence, parameters.methods, parameters, importance))
    planned = evidence.n + len(evidence.incomplete)
    measuring = Measuring.of(INFORMATIVE_PLAUSIBILITY, parameters, planned)
    measurer = Measurer(measuring, cases, parameters)
    findings = Findings(notes=fitness_notes(evidence, parameters.methods))
    fit = {one.label: one for one in shown}
    for method in parameters.methods:
        if method.label in fit:
            findings.measurements += measurer(fit[method.label])
        else:
            reason = evidence.fitness(method).reason
            findings.measurements += measurer.inapplicable(method.label, reason)
    findings.figures.append(violins(shown, cases, parameters))
    findings.tables += [
        decisions_table(findings, shown, cases, parameters),
        classes_table(findings, shown, cases, parameters),
    ]
    if parameters.score == "msfi":
        findings.tables.append(importance.table(parameters))
    return findings
