"""Pairs from counterfactual generators: each model's own, on the same reference images.

DeGrave et al. (doi:10.1038/s41551-023-01160-9, Methods, "Expert evaluation of counterfactuals"): a reference
image counts if the pair of every model lies on both sides of that model's threshold. Experts look for
artifacts later; here, an artifact score can be asked for.
"""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np

from auditkit.checks.screened import screened
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.answers import counterfactuals
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.session import Session, hindrance_of
from auditkit.spec.beside import beside
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.counterfactual_card import Wanted
from auditkit.spec.data_card import DataCard
from auditkit.spec.declarations.counterfactuals import Screen, Screened, counterfactual_needs
from auditkit.spec.study import StudyPlan
from auditkit.study.building.material import Material, Pair
from auditkit.study.building.pictures import Pixels


def counterfactual_material(plan: StudyPlan, catalogue: Catalogue, session: Session) -> Material:
    """All reference images whose pairs pass for every model.

    Raises:
        AuditError: a model has no score, or a generator cannot be read.
        Unavailable: a model has no generator of the kind that the plan asks for.
    """
    parameters = _parameters(plan)
    data = catalogue.data(plan.data)
    _check_askable(plan, parameters, data, catalogue)
    named = beside(parameters, data, catalogue)
    first = session.workroom.evidence(
        catalogue.model(plan.models[0]), data, parameters.images, named
    )
    own = card_of(first, parameters.wanted)
    reasons = screened(first, own, parameters.screen).by_model
    evidence = {name: first.peer(name) for name in plan.models}
    kept, left_out = _kept(reasons, plan.models)
    made = [_pairs(one, parameters.wanted, kept) for one in evidence.values()]
    references = [list(of_image) for of_image in zip(*made, strict=True)]
    identities = {name: one.model_identity["model"] for name, one in evidence.items()}
    generators = {name: _generator(one, parameters.wanted) for name, one in evidence.items()}
    return Material(references, left_out, identities, generators, first.data.records)


def _generator(evidence: Evidence, wanted: Wanted) -> str | None:
    """Identity of a model's generator; None of one that has no weights of its own."""
    weights = card_of(evidence, wanted).weights
    return weights.sha256 if weights else None


def _parameters(plan: StudyPlan) -> Screened:
    asked = plan.counterfactuals
    assert asked is not None, "of the kind 'counterfactuals', as the plan's reader assures"
    screen = Screen(largest_artifact=asked.largest_artifact, models=plan.models)
    return Screened(
        trained_on=asked.trained_on,
        family=asked.family,
        seed=asked.seed,
        images=asked.images,
        screen=screen,
    )


def _check_askable(
    plan: StudyPlan, parameters: Screened, data: DataCard, catalogue: Catalogue
) -> None:
    for name in plan.models:
        hindered = hindrance_of(counterfactual_needs(parameters), catalogue.model(name), data)
        if hindered is not None:
            raise AuditError(
                f"{plan.path}: {hindered.reason}; name models that have counterfactuals"
            )


def _kept(
    reasons: Mapping[str, Sequence[str]], models: Sequence[str]
) -> tuple[list[int], dict[str, int]]:
    """Places of the images that pass for all, and of the others how many for which reason.

    An image that fails for several models counts for the first of them alone.
    """
    by_image = zip(*(reasons[name] for name in models), strict=True)
    first = [
        next((f"{name}: {why}" for name, why in zip(models, row, strict=True) if why), "")
        for row in by_image
    ]
    counted = Counter(why for why in first if why)
    return [place for place, why in enumerate(first) if not why], dict(sorted(counted.items()))


def _pairs(evidence: Evidence, wanted: Wanted, kept: Sequence[int]) -> Iterator[Pair]:
    card = card_of(evidence, wanted)
    scores = counterfactuals(evidence, card).score
    # A copy of what is kept, so that the pictures of all other images are not held.
    pictures = pairs(evidence, card)[list(kept)]
    for place, image in enumerate(kept):
        record = evidence.records[image]
        ends = (float(scores[image, 0]), float(scores[image, -1]))
        yield Pair(evidence.card.model, record.id, record.patient, _Both(pictures[place]), ends)


class _Both:
    """Gives a pair's pictures."""

    def __init__(self, pictures: Pixels) -> None:
        self.pictures = pictures

    def __call__(self) -> tuple[Pixels, Pixels]:
        benign, malignant = np.asarray(self.pictures)
        return benign, malignant
