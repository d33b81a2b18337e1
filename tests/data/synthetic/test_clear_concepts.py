"""Clear concepts of synthetic dermoscopy: absent or clearly there, and told by captions."""

import hashlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import ValidationError

from auditkit.data import load_data
from auditkit.data.captions import caption
from auditkit.data.mentions import mentions
from auditkit.data.synthetic.dermoscopy import ATTRIBUTES, render, sample_case, with_attribute
from auditkit.data.synthetic.telling import described
from auditkit.errors import AuditError
from auditkit.spec.catalogue import read_data_card
from auditkit.spec.data_card import DataCard

CARD = Path(__file__).parents[3] / "fixtures" / "data" / "dermoscopy-concepts.data.yaml"
CLEAR = {
    "tint": (0.5, 0.8),
    "hair": (0.7, 1.0),
    "ruler": (0.8, 1.0),
    "dark_corner": (0.5, 1.0),
    "blue_white_veil": (0.6, 1.0),
}


@pytest.fixture(scope="module")
def population():
    return [sample_case(11, i, clear_concepts=True, tint_follows_label=0.6) for i in range(2000)]


@pytest.fixture(scope="module")
def concepts():
    return load_data(sized(read_data_card(CARD), 64))


def sized(card, size):
    return card.model_copy(update={"with_": card.with_.model_copy(update={"size": size})})


def there(cases, name):
    return np.array([case.attributes[name] > 0.25 for case in cases])


@pytest.mark.parametrize("name", CLEAR)
def test_each_concept_is_absent_or_clearly_there(population, name):
    values = np.array([case.attributes[name] for case in population])
    low, high = CLEAR[name]
    present = there(population, name)
    assert ((values[present] >= low) & (values[present] <= high)).all()
    assert np.ptp(values[present]) > 0.9 * (high - low)
    assert np.abs(values[~present]).max() <= (0.04 if name == "tint" else 0.0)


def test_each_is_there_in_half_of_the_pictures_independently(population):
    names = [name for name in CLEAR if name != "tint"]
    flags = np.array([there(population, name) for name in names])
    # Four standard errors at 2000 pictures.
    assert np.abs(flags.mean(axis=1) - 0.5).max() < 0.045
    assert np.abs(np.corrcoef(flags) - np.eye(4)).max() < 0.09


def test_the_tint_follows_the_label_at_the_stated_rate(population):
    labels, pink = np.array([case.label for case in population]), there(population, "tint")
    assert pink[labels == 1].mean() == pytest.approx(0.8, abs=0.055)
    assert pink[labels == 0].mean() == pytest.approx(0.2, abs=0.055)
    free = [sample_case(11, index, clear_concepts=True) for index in range(1000)]
    labels, pink = np.array([case.label for case in free]), there(free, "tint")
    assert abs(pink[labels == 1].mean() - pink[labels == 0].mean()) < 0.13


def test_the_veil_decides_on_the_label_and_the_others_do_not(population):
    labels = np.array([case.label for case in population])

    def difference(name):
        present = there(population, name)
        return labels[present].mean() - labels[~present].mean()

    assert difference("blue_white_veil") > 0.15
    assert max(abs(difference(name)) for name in ("hair", "ruler", "dark_corner")) < 0.09


def test_nothing_else_moves():
    for index in range(30):
        plain = sample_case(11, index, images_per_patient=2)
        clear = sample_case(11, index, images_per_patient=2, clear_concepts=True)
        same = set(ATTRIBUTES) - set(CLEAR)
        assert {n: clear.attributes[n] for n in same} == {n: plain.attributes[n] for n in same}
        assert (clear.patient, plain.clear, clear.clear) == (plain.patient, False, True)


def test_a_clear_case_differs_only_where_there_is_a_veil():
    for index in range(6):
        case = with_attribute(sample_case(11, index), "blue_white_veil", 0.0)
        np.testing.assert_array_equal(render(case, 48)[0], render(replace(case, clear=True), 48)[0])


def test_no_clear_veil_misses_the_lesion():
    for index in range(40):
        case = with_attribute(sample_case(41, index, clear_concepts=True), "blue_white_veil", 0.6)
        veiled, mask = render(case, 64)
        plain = render(with_attribute(case, "blue_white_veil", 0.0), 64)[0]
        changed = np.abs(veiled.astype(int) - plain).max(axis=-1) > 20
        assert changed[mask].mean() > 0.04


def test_cards_without_the_option_have_the_digests_of_ever():
    given = {"data": "d", "task": "t", "format": "synthetic-dermoscopy"}
    found = load_data(DataCard.model_validate({**given, "with": {"n": 3, "seed": 5, "size": 48}}))
    for index, record in enumerate(found.records):
        attributes = dict(sample_case(5, index).attributes)
        identity = repr((1, 48, 5, index, attributes)).encode()
        assert record.digest == hashlib.sha256(identity).hexdigest()
        assert (record.concepts, record.details, record.text) == ({}, {}, "")


def test_the_digest_depends_on_the_option(concepts):
    plain = concepts.card.with_.model_copy(update={"clear_concepts": False})
    other = load_data(concepts.card.model_copy(update={"with_": plain}))
    assert not {r.digest for r in other.records} & {r.digest for r in concepts.records}


def test_records_hold_the_cards_concepts(concepts):
    for index, record in enumerate(concepts.records):
        attributes = concepts.case(index).attributes
        assert record.concepts == {
            "pink tint": str(int(attributes["tint"] > 0.25)),
            "hair": str(int(attributes["hair"] > 0)),
            "ruler": str(int(attributes["ruler"] > 0)),
            "blue-white veil": str(int(attributes["blue_white_veil"] > 0)),
            "dark corner": str(int(attributes["dark_corner"] > 0)),
        }
    labels = np.array([record.label for record in concepts.records])
    assert 0.35 < labels.mean() < 0.65


def test_captions_tell_concepts_first_and_then_all_else(concepts):
    shown = next(i for i, r in enumerate(concepts.records) if "0" not in r.concepts.values())
    found = caption(concepts.card, concepts.records[shown])
    assert found.startswith("pink tint, hair, ruler, blue-white veil, dark corner, size ")
    bald = caption(concepts.card, concepts.records[shown], {"hair": "0"})
    assert bald == found.replace("hair, ", "")


def test_the_description_never_mentions_a_concept(concepts):
    names = [concept.name for concept in concepts.card.concepts]
    assert mentions(concepts.card, concepts.records, names) == []
    flooded = [
        replace(record, text="pink, hairs, rulers, a veil, dark corners")
        for record in concepts.records[:1]
    ]
    assert [one.concept for one in mentions(concepts.card, flooded, names)] == names


def test_the_description_names_levels_and_leaves_out_what_is_absent():
    middle = {name: (known.low + known.high) / 2 for name, known in ATTRIBUTES.items()}
    lowest = {name: known.low for name, known in ATTRIBUTES.items()}
    highest = {name: known.high for name, known in ATTRIBUTES.items()}
    assert described(middle)["description"] == (
        "size 2, darkness 2, colours 2, network 2, atypical network 2, regression 2, globules 2, "
        "redness 2, skin tone 2, border irregularity 2, asymmetry 2, brightness 2, "
        "colour temperature 2, gel bubble 2, background spots 2"
    )
    assert described(lowest)["description"] == (
        "size 0, darkness 0, colours 0, skin tone 0, brightness 0, colour temperature 0"
    )
    assert described(highest)["description"].count(" 4") == 15
    assert described({**middle, "size": 0.2})["description"].startswith("size 1, ")


def test_masks_are_where_the_concept_shows(concepts):
    for name, low, high in (
        ("pink tint", 0.8, 1.0),
        ("hair", 0.05, 0.35),
        ("ruler", 0.01, 0.1),
        ("blue-white veil", 0.02, 0.6),
        ("dark corner", 0.03, 0.4),
    ):
        values = [record.concepts[name] for record in concepts.records[:16]]
        for index in range(16):
            mask = concepts.concept_mask(index, name)
            assert (mask is None) == (values[index] == "0")
            assert mask is None or low < mask.mean() <= high, name
            assert mask is None or (mask.shape, mask.dtype) == ((64, 64), np.bool_)


def test_masks_of_what_is_no_concept_are_refused(concepts):
    with pytest.raises(AuditError, match="no concept 'hairs'; did you mean 'hair'"):
        concepts.concept_mask(0, "hairs")


def test_a_concept_must_be_an_attribute_with_the_declared_values():
    given = {
        "data": "d",
        "task": "t",
        "format": "synthetic-dermoscopy",
        "with": {"n": 2, "seed": 1},
    }
    with pytest.raises(AuditError, match="the generator knows no 'hairs'; did you mean 'hair'"):
        load_data(DataCard.model_validate({**given, "concepts": [{"name": "hairs"}]}))
    with pytest.raises(AuditError, match=r"'skin_tone' .* one of the declared values"):
        load_data(DataCard.model_validate({**given, "concepts": [{"name": "skin_tone"}]}))


@pytest.mark.parametrize(
    ("kind", "option", "message"),
    [
        ("dermoscopy", {"weights": [1.0] * 6}, "'synthetic-dermoscopy' does not read weights"),
        ("clinical", {"clear_concepts": True}, "does not read clear_concepts"),
        ("shapes", {"tint_follows_label": 0.5}, "does not read tint_follows_label"),
        ("shapes", {"images_per_patient": 2}, "does not read images_per_patient"),
        ("dermoscopy", {"clear_concepts": True, "rulers_in_benign": 0.5}, "both say where rulers"),
    ],
)
def test_options_that_would_do_nothing_are_refused(kind, option, message):
    given = {"data": "d", "task": "t", "format": f"synthetic-{kind}"}
    with pytest.raises(ValidationError, match=message):
        DataCard.model_validate({**given, "with": {"n": 1, "seed": 1, **option}})
