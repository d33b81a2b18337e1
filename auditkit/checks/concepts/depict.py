"""Check `depict`: which concepts does the model rely on?

Jabbour et al., ECCV 2024, arXiv:2407.14509 (DEPICT), section 3.2: a concept is permuted among the captions
of all images, the captions are drawn, and the performance that the model loses is the concept's importance.

Deviates: the importance is the expectation over all permutations, in closed form, from one image per value of
a concept whose noise is held fixed (the paper draws 25 to 500 permutations anew); intervals are over
patients, with the permutation averaged inside every resample, where the paper shows the spread over
permutations, which says nothing about other images; boxplots show that spread from the same answers.
"""

from auditkit.checks.concepts.depict_examples import examples
from auditkit.checks.concepts.depict_figures import boxplots, drop_curves, forest
from auditkit.checks.concepts.depict_tables import effects_table, notes, permuted_table
from auditkit.checks.concepts.importance import Ranked, measured
from auditkit.checks.concepts.target import Target
from auditkit.checks.measuring import Measuring
from auditkit.evidence import Evidence
from auditkit.findings import Findings
from auditkit.spec.declarations.depict import DEPICT, Depict


def depict(evidence: Evidence, parameters: Depict) -> Findings:
    """Importance of every concept with its rank, and what shows where it comes from."""
    target = Target.of(evidence, parameters, parameters.metric)
    ranked = Ranked.of(target, parameters)
    findings = Findings(measured(ranked, Measuring.of(DEPICT, parameters, evidence.n), parameters))
    findings.figures += [forest(ranked), boxplots(ranked, parameters), drop_curves(ranked)]
    findings.tables += [permuted_table(ranked), effects_table(ranked)]
    findings.examples += examples(ranked, parameters)
    findings.notes += notes(ranked)
    return findings
