"""Answers count for the images and the generator that experts saw, and for no others."""

from dataclasses import replace

import counterfactual_world as counterfactuals
import pytest
import study_pairs_world as world

from auditkit.checks.expert_study import expert_study
from auditkit.data.answers import shown_digest
from auditkit.data.dataset import Record
from auditkit.errors import Unavailable
from auditkit.evidence import Store as EvidenceStore
from auditkit.evidence.engine import Engine
from auditkit.models.identity import model_digest
from auditkit.session import Session
from auditkit.spec.beside import Beside
from auditkit.spec.catalogue import (
    COUNTERFACTUAL_SUFFIX,
    DATA_SUFFIX,
    MODEL_SUFFIX,
    Catalogue,
    read_answers_card,
)
from auditkit.spec.declarations.expert_study import ExpertStudy
from auditkit.study.answers import PairAnswer
from auditkit.study.building.building import build
from auditkit.study.exporting import export
from auditkit.study.folder import read_key
from auditkit.study.kinds import Person
from auditkit.study.storing import Store


class Audited:
    """A study from plan to answers, and the audit of it."""

    def __init__(self, folder):
        (folder / "cards").mkdir()
        self.model = counterfactuals.redness_card(folder / "cards")
        self.made = counterfactuals.generator_card(folder / "cards", self.model)
        self.data = counterfactuals.lesions(6)
        seen = {
            MODEL_SUFFIX: {"redness": self.model},
            DATA_SUFFIX: {"lesions": self.data},
            COUNTERFACTUAL_SUFFIX: {"redness": self.made},
        }
        self.session = Session(Engine(EvidenceStore(folder / "evidence")))
        plan = world.plan(
            folder,
            ["redness"],
            kind=None,
            pairs=None,
            data="lesions",
            counterfactuals={"trained_on": "training"},
            prescreen=False,
            stage_one=0,
            practice=1,
        )
        known = Catalogue((folder,), seen)
        self.built = build(plan, known, folder / "study", session=self.session)
        self.card = self.answered(folder)

    def answered(self, folder):
        store = Store(f"sqlite:///{folder / 'answers.sqlite'}", self.built.study)
        for expert in ("ada", "ben"):
            for task in store.tasks(expert, "stage-2"):
                row = {"category": "lesion", "attribute": "redder", "comparator": "A > B"}
                answer = PairAnswer(choice="A", noted=[row])
                store.save(expert, task.slug, f"n-{task.slug}", answer, submitted=True)
        while store.phase != "closed":
            store.advance(Person("coordinator", "coordinator"), "test")
        path = export(self.built.folder, store, folder / "out")
        store.close()
        return read_answers_card(path)

    def audit(self, *, made=None, records=None, card=None, **parameters):
        named = Beside(
            counterfactuals={"redness": made or self.made}, answers={"tiny": card or self.card}
        )
        evidence = self.session.workroom.evidence(self.model, self.data, None, named)
        if records is not None:
            evidence.data = _Data(self.data, records(evidence.data.records))
        return expert_study(evidence, ExpertStudy(answers="tiny", **parameters))


class _Data:
    def __init__(self, card, records):
        self.card, self.records = card, records


@pytest.fixture(scope="module")
def audited(tmp_path_factory):
    return Audited(tmp_path_factory.mktemp("identity"))


def test_a_study_records_whose_pictures_it_shows(audited):
    key = read_key(audited.built.folder)
    assert key.generators == {"redness": audited.made.weights.sha256}
    (model,) = audited.card.models
    assert model.sha256 == model_digest(audited.model)
    assert model.generator_sha256 == audited.made.weights.sha256
    assert audited.card.data_sha256 == key.data_sha256
    records = audited.session.workroom.evidence(audited.model, audited.data).data.records
    assert key.data_sha256 == shown_digest(records, {one.image for one in key.items})


def test_answers_about_the_same_of_everything_count(audited):
    notes = audited.audit(trained_on="training").notes
    assert notes[-1] == (
        "Compared with what the study recorded, and the same: the model, the images, the counterfactual "
        "generator."
    )
    assert any("both sides of the decision threshold" in note for note in notes)


def test_what_is_not_compared_is_said(audited):
    assert (
        audited.audit()
        .notes[-1]
        .endswith(
            "Not compared, and so perhaps another today: the counterfactual generator (name in "
            "'trained_on' the data that the generator was trained on)."
        )
    )
    bare = audited.card.model_copy(
        update={
            "data_sha256": None,
            "models": [audited.card.models[0].model_copy(update={"generator_sha256": None})],
        }
    )
    told = audited.audit(card=bare, trained_on="training").notes[-1]
    assert "the same: the model." in told
    assert told.endswith("perhaps another today: the images, the counterfactual generator.")


def test_answers_about_images_that_have_changed_are_not_run(audited):
    key = read_key(audited.built.folder)
    shown = key.items[0].image

    def changed(records):
        return [replace(one, digest="00" * 32) if one.id == shown else one for one in records]

    def gone(records):
        return [one for one in records if one.id != shown]

    for records in (changed, gone):
        with pytest.raises(Unavailable, match=r"images of 'lesions' as they were then.*study new"):
            audited.audit(records=records)


def test_other_images_and_their_order_do_not_matter(audited):
    def grown(records):
        return [Record("new", "11" * 32, 0, "somebody"), *reversed(records)]

    assert audited.audit(records=grown).measurements


def test_answers_about_another_training_of_the_generator_are_not_run(audited):
    weights = audited.made.weights.model_copy(update={"sha256": "22" * 32})
    other = audited.made.model_copy(update={"weights": weights})
    with pytest.raises(Unavailable, match=r"another counterfactual generator of 'redness'.*seed 0"):
        audited.audit(made=other, trained_on="training")
    with pytest.raises(Unavailable, match="auditkit train counterfactual --model redness"):
        audited.audit(trained_on="elsewhere")
