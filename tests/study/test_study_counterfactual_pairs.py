"""Pairs from generators: each model's own, on the images that pass for all."""

import counterfactual_world as counterfactuals
import numpy as np
import pytest
import study_pairs_world as world

from auditkit.errors import AuditError, Unavailable
from auditkit.evidence import Store
from auditkit.evidence.counterfactuals.answers import counterfactuals as answers
from auditkit.evidence.counterfactuals.pictures import pairs
from auditkit.evidence.engine import Engine
from auditkit.models.identity import model_digest
from auditkit.session import Session
from auditkit.spec.beside import Beside
from auditkit.spec.catalogue import (
    COUNTERFACTUAL_SUFFIX,
    DATA_SUFFIX,
    MODEL_SUFFIX,
    Catalogue,
    catalogue,
)
from auditkit.study.building.building import build
from auditkit.study.building.pictures import fitted
from auditkit.study.folder import read_key

N = 9
ASKED = {"trained_on": "training"}


def cards(folder, names, **changes):
    """Models that read redness, with thresholds of their own, and their generators."""
    models, generators = {}, {}
    for place, name in enumerate(names):
        folder.mkdir(exist_ok=True)
        card = counterfactuals.redness_card(folder, (16, 24)[place % 2])
        card = card.model_copy(update={"model": name, **changes.get(name, {})})
        made = counterfactuals.generator_card(folder, card).model_copy(
            update={"model": name, "model_sha256": model_digest(card), "counterfactual": name}
        )
        models[name], generators[name] = card, made
    data = {"lesions": counterfactuals.lesions(N)}
    seen = {MODEL_SUFFIX: models, DATA_SUFFIX: data, COUNTERFACTUAL_SUFFIX: generators}
    return Catalogue((folder,), seen)


def plan(folder, models, asked=ASKED, **changes):
    given = {"kind": None, "pairs": None, "data": "lesions", "counterfactuals": asked, **changes}
    return world.plan(folder, models, **given)


@pytest.fixture
def session(tmp_path):
    return Session(Engine(Store(tmp_path / "store")))


# No score of a counterfactual lies above the threshold of "strict" for some images.
STRICT = {"strict": {"threshold": 0.948}}


def scores_of(session, known, name):
    card, made = known.model(name), known.counterfactuals()[name]
    named = Beside(counterfactuals={name: made})
    evidence = session.workroom.evidence(card, known.data("lesions"), None, named)
    return answers(evidence, made).score, pairs(evidence, made), evidence


def test_every_image_that_passes_for_all_models_is_there_with_each_models_own_pair(
    tmp_path, session
):
    known = cards(tmp_path / "cards", ("redness", "strict"), **STRICT)
    built = build(plan(tmp_path, ["redness", "strict"]), known, tmp_path / "study", session=session)
    key = read_key(built.folder)
    made = {name: scores_of(session, known, name) for name in ("redness", "strict")}
    expected = {
        record.id
        for place, record in enumerate(made["redness"][2].records)
        if all(
            low < known.model(name).threshold <= high
            for name in made
            for low, high in [made[name][0][place, [0, -1]]]
        )
    }
    assert 0 < len(expected) < N, "some pass and some do not"
    assert {one.image for one in key.items} == expected
    assert len(key.items) == 2 * len(expected)
    assert built.left_out == {"strict: not consistent": N - len(expected)}
    assert key.models == {name: model_digest(known.model(name)) for name in made}
    pictures = {item.item: item.pictures for item in built.study.items}
    for one in key.items:
        scores, both, evidence = made[one.model]
        place = [record.id for record in evidence.records].index(one.image)
        assert one.patient == evidence.records[place].patient
        ends = (0, -1) if one.malignant == 1 else (-1, 0)
        assert one.scores == tuple(scores[place, list(ends)])
        for name, end in zip(pictures[one.item], ends, strict=True):
            shown = world.pixels(built.folder, name)
            assert np.array_equal(shown, fitted(both[place, end], (24, 24)))


def test_artifacts_and_a_limit_of_images_are_asked_as_the_plan_says(tmp_path, session):
    known = cards(tmp_path / "cards", ("redness",))
    asked = {**ASKED, "images": 4, "largest_artifact": 1e-6}
    with pytest.raises(AuditError, match=r"no image .*\(4: redness: artifact score above 1e-06\)"):
        build(plan(tmp_path, ["redness"], asked), known, tmp_path / "study", session=session)
    asked = {**ASKED, "images": 4, "largest_artifact": 1e6}
    built = build(plan(tmp_path, ["redness"], asked), known, tmp_path / "study", session=session)
    assert len(built.study.items) == 4


def test_a_model_without_a_generator_is_told_with_the_command_that_trains_one(tmp_path, session):
    known = cards(tmp_path / "cards", ("redness", "other"))
    del known._seen[COUNTERFACTUAL_SUFFIX]["other"]
    with pytest.raises(Unavailable, match="auditkit train counterfactual --model other"):
        build(plan(tmp_path, ["redness", "other"]), known, tmp_path / "study", session=session)
    assert not (tmp_path / "study").exists()


def test_plans_are_held_to_the_cards_they_name(tmp_path, session):
    known = cards(tmp_path / "cards", ("redness",))
    for changes, message in (
        ({"models": ["rednes"]}, "unknown model 'rednes'.*redness"),
        ({"models": ["redness"], "data": "lesion"}, "unknown data set 'lesion'"),
        (
            {"models": ["redness"], "task": "acne"},
            "data set 'lesions' is about melanoma, the study",
        ),
    ):
        with pytest.raises(AuditError, match=message):
            build(plan(tmp_path, **changes), known, tmp_path / "study", session=session)


def test_a_model_that_has_no_counterfactuals_is_refused(tmp_path, session):
    known = cards(tmp_path / "cards", ("redness", "photos"))
    output = known.model("photos").output.model_copy(update={"score": None})
    models = known._seen[MODEL_SUFFIX]
    models["photos"] = models["photos"].model_copy(update={"output": output, "threshold": None})
    with pytest.raises(AuditError, match="'photos' decides between classes"):
        build(plan(tmp_path, ["redness", "photos"]), known, tmp_path / "study", session=session)


def test_the_stand_ins_make_a_study(tmp_path, session):
    asked = {"trained_on": "dermoscopy-training", "images": 4}
    given = plan(tmp_path, ["scanoma", "scanoma-next"], asked, data="dermoscopy", practice=1)
    built = build(given, catalogue([world.Path("fixtures")]), tmp_path / "study", session=session)
    assert (built.study.width, built.study.height) == (128, 128)
    assert built.study.stand_in
    for one in read_key(built.folder).items:
        assert one.scores[one.malignant] >= 0.5 > one.scores[1 - one.malignant]
