"""Declaration of the check `clinical-assessment`."""

from collections.abc import Mapping, Sequence

from pydantic import Field

from auditkit.spec.declaration import CheckDeclaration, Measure, Need, Parameters


class ClinicalAssessment(Parameters):
    """A recorded assessment by people who would use the explanation."""

    assessment: str = Field(description="Name of the record (*.assessment.yaml), or its path.")

    @property
    def assessments(self) -> Sequence[str]:
        """The record."""
        return [self.assessment]


def _measures(_parameters: ClinicalAssessment) -> Mapping[str, Measure]:
    unit, bounds = "proportion of assessors", (0.0, 1.0)
    return {
        "understandable": Measure(
            unit,
            bounds,
            "Share of assessors who find the explanation understandable (G1).",
            guidelines=("G1",),
        ),
        "relevant": Measure(
            unit,
            bounds,
            "Share of assessors who find the explanation clinically relevant (G2).",
            guidelines=("G2",),
        ),
        "assessors": Measure("people", (0.0, 10_000.0), "Number of assessors on record."),
    }


def _needs(_parameters: ClinicalAssessment) -> frozenset[Need]:
    return frozenset()


CLINICAL_ASSESSMENT = CheckDeclaration(
    name="clinical-assessment",
    title="Understandability and clinical relevance",
    summary="Have clinicians assessed whether the explanation is understandable and relevant?",
    paper="Jin et al., Med. Image Anal. 2023, arXiv:2202.10553 (sections 2.1, 8.1)",
    parameters=ClinicalAssessment,
    measures=_measures,
    compute="auditkit.checks.clinical_assessment:clinical_assessment",
    needs=_needs,
    guidelines=("G1", "G2"),
)
