"""Check `performance`: discrimination at the card's threshold and calibration, overall and by group.

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Fig. 1, compare devices by ROC-AUC per data set and
skin type. Their published error bars cover the central 5 % instead of 95 %; ours are intervals over
patients.
"""

import numpy as np

from auditkit.checks.measuring import Measuring
from auditkit.checks.performance import figures, gaps, tables
from auditkit.checks.performance.groups import partition
from auditkit.checks.performance.measures import Answers, estimates, samples
from auditkit.checks.sampling import Sampling
from auditkit.evidence import Evidence
from auditkit.findings import Findings
from auditkit.spec.declarations.performance import PERFORMANCE, Performance


def performance(evidence: Evidence, parameters: Performance) -> Findings:
    """Measure everything over all images and per group, then compare the groups."""
    findings = Findings()
    answers = Answers.of(evidence)
    parts = partition(evidence, parameters)
    lost = answers.incomplete
    measuring = Measuring.of(PERFORMANCE, parameters, evidence.n + len(lost))
    sampling = Sampling.of(evidence)
    for part in parts:
        kept = samples(answers, part, sampling)
        for name, estimate in estimates(answers, part, parameters).items():
            planned = int(part.rows.sum()) + len(lost)
            findings.measurements.append(
                measuring(name, estimate, part.at, lost, planned, kept.get(name))
            )
    findings.tables += tables.by_group(answers, parts, findings)
    if parameters.groupings:
        gaps.add(findings, answers, parts, parameters, measuring)
    if evidence.two_class:
        _warn_if_constant(findings, answers)
        findings.figures += figures.curves(answers, parts)
        findings.figures.append(figures.reliability(answers, parameters.bins))
        findings.tables += tables.probabilities(answers, parameters.bins)
    else:
        findings.tables.append(tables.decisions(evidence, answers))
    return findings


def _warn_if_constant(findings: Findings, answers: Answers) -> None:
    if len(np.unique(answers.score)) == 1:
        findings.notes.append(
            f"The model answers {answers.score[0]:.3g} for every image: a constant tells nothing "
            "apart."
        )
