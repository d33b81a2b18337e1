"""Check `counterfactual`: is the generator of counterfactuals fit to be looked at?

DeGrave et al. (doi:10.1038/s41551-023-01160-9): counterfactuals for the lowest and the highest score of each
image (Methods), held to both sides of the decision threshold (expert evaluation), and their kernel inception
distance from all images, each contributing either counterfactual at random (Supp. Table 2).

Deviates: every number has an interval over patients; the threshold is the model card's; generated pictures
are judged as they are saved, in 8 bits; the kernel distance is over pairs of different patients, in
features of a network that the audit names, and held against that of a visible colour shift; whether a
counterfactual depends on the images generated beside it is tested.
"""

from auditkit.checks.counterfactual.gallery import failure_gallery
from auditkit.checks.counterfactual.measured import Measured
from auditkit.checks.counterfactual.shown import calibration, examples, notes, quality
from auditkit.checks.counterfactual.trained import training_gap
from auditkit.checks.measuring import Measuring
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.findings import Findings
from auditkit.spec.declarations.counterfactual import COUNTERFACTUAL, Counterfactual

__all__ = ["counterfactual"]


def counterfactual(evidence: Evidence, parameters: Counterfactual) -> Findings:
    """All measures of one generator, its calibration curve, pairs and failure cases."""
    card = card_of(evidence, parameters.wanted)
    found = counterfactuals(evidence, card)
    measuring = Measuring.of(COUNTERFACTUAL, parameters, evidence.n)
    measured = Measured(evidence, card, found, parameters, measuring)
    findings = Findings(list(measured.all()))
    if parameters.training_images:
        findings.measurements.append(training_gap(measured))
    figure = calibration(measured)
    findings.figures += [figure] if figure else []
    findings.tables.append(quality(findings, measured))
    findings.examples += examples(measured)
    findings.notes += notes(measured)
    if parameters.gallery:
        findings.counterfactuals.append(failure_gallery(evidence, card, found, parameters))
    return findings
