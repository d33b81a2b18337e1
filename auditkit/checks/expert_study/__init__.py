"""Check `expert-study`: which attributes did experts see differ between the model's counterfactuals?

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Fig. 2 and Methods, "Expert evaluation of counterfactuals":
scores per attribute and direction over pairs and experts, the direction that predominates by a factor of 2,
the global top ten by rank sum, and Cohen's kappa of each expert with the model.

Beyond it: intervals over patients, directions that are not excluded, agreement between and within experts.
"""

from collections.abc import Iterator

from auditkit.checks.expert_study.examples import examples
from auditkit.checks.expert_study.figures import agreement, own_list, squares
from auditkit.checks.expert_study.held import check_about, check_named, check_same, comparison
from auditkit.checks.expert_study.notes import notes, warnings
from auditkit.checks.expert_study.studied import StudiedModel, Study
from auditkit.checks.expert_study.tables import (
    agreement_table,
    attributes_table,
    counts_table,
    directions_table,
    ranking_table,
)
from auditkit.data.answers import read_answers
from auditkit.evidence import Evidence
from auditkit.findings import Findings, Measurement
from auditkit.spec.declarations.expert_study import EXPERT_STUDY, ExpertStudy


def expert_study(evidence: Evidence, parameters: ExpertStudy) -> Findings:
    """What experts noted in the pairs of the audited model, beside the other models of the study.

    Raises:
        Unavailable: there are no answers, or they are about other data, another model, or about model,
            images or generator as they were before they changed.
        AuditError: the tables are not what their card says, or the spec names an attribute that the experts
            do not know.
    """
    card = evidence.expert_answers(parameters.answers)
    check_about(evidence, card)
    answers = read_answers(card)
    check_same(evidence, answers, parameters)
    check_named(answers, parameters)
    study = Study.of(answers)
    own, name = study.model(evidence.card.model), evidence.card.model
    return Findings(
        measurements=list(_asked(own, parameters)),
        figures=[
            squares(study, parameters.top, name),
            agreement(study, name),
            own_list(study, own, parameters.top),
        ],
        tables=[
            attributes_table(study, own),
            directions_table(study, own),
            agreement_table(study, own),
            ranking_table(study, parameters.top),
            counts_table(study),
        ],
        examples=list(examples(study, own, parameters.top)),
        notes=[*warnings(card), *notes(study, [own]), comparison(card, name, parameters)],
    )


def _asked(own: StudiedModel, parameters: ExpertStudy) -> Iterator[Measurement]:
    """What the spec can name."""
    asked = EXPERT_STUDY.measures(parameters)
    yield from (one for one in own.findings.measurements if one.name in asked)
