"""Declaration of the check `counterfactual-screening`: which pairs may be shown to experts?"""

from collections.abc import Mapping

from auditkit.spec.declaration import CheckDeclaration, Measure
from auditkit.spec.declarations.counterfactuals import PAPER, Screened, counterfactual_needs


def _measures(parameters: Screened) -> Mapping[str, Measure]:
    share = ("proportion", (0.0, 1.0))
    found = {
        "retained": Measure(*share, "Share of images whose pairs pass for every model named."),
        "consistent": Measure(*share, "Share of pairs on both sides of the threshold, this model."),
        "artifact_score": Measure(
            "ratio",
            (0.0, 256.0),
            "Mean over pairs of the larger artifact score, this model; 1 is like the image.",
        ),
    }
    if parameters.screen.vetoes:
        found["vetoed"] = Measure(*share, "Share of rated pairs that an expert rejected.")
    return found


COUNTERFACTUAL_SCREENING = CheckDeclaration(
    name="counterfactual-screening",
    title="Prescreening of counterfactuals",
    summary="Which pairs are consistent, free of artifacts and not vetoed, for every model compared?",
    paper=f"{PAPER} (Methods, expert evaluation of counterfactuals)",
    parameters=Screened,
    measures=_measures,
    compute="auditkit.checks.counterfactual_screening:counterfactual_screening",
    needs=counterfactual_needs,
)
