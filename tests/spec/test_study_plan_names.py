"""Names in a study's plan: what is accepted can be noted, and what could not is refused."""

import unicodedata

import pytest
from pydantic import ValidationError

from auditkit.spec.study import PAPER_QUESTION, Preset, StudyPlan

COMPOSED = "l\u00e9sion"
DECOMPOSED = unicodedata.normalize("NFD", COMPOSED)
BAD_NAMES = [" lesion", "lesion ", "", "x" * 101, "a\tb", "a\u202eb", "a\nb"]


def plan(**changes):
    return StudyPlan.model_validate(
        {
            "study": "s",
            "title": "t",
            "task": "t",
            "kind": "pairs",
            "data": "d",
            "models": ["m"],
            "pairs": {"file": "pairs.csv"},
            "experts": [{"expert": "ann"}],
            **changes,
        }
    )


def test_names_are_composed_as_forms_send_them():
    assert DECOMPOSED != COMPOSED
    presets = [{"attribute": f"{DECOMPOSED}/{DECOMPOSED}", "literature": "benign", "source": "b"}]
    found = plan(categories=[DECOMPOSED, "x" * 100], presets=presets)
    assert found.categories == [COMPOSED, "x" * 100]
    assert found.presets == [
        Preset(attribute=f"{COMPOSED}/{COMPOSED}", literature="benign", source="b")
    ]


def test_names_that_differ_in_composition_alone_are_the_same():
    with pytest.raises(ValidationError, match=r"categories: .* is named twice"):
        plan(categories=[DECOMPOSED, COMPOSED])


@pytest.mark.parametrize("name", [*BAD_NAMES, "a/b"])
def test_categories_that_no_form_can_send_are_refused(name):
    with pytest.raises(ValidationError, match="categories"):
        plan(categories=["lesion", name])


@pytest.mark.parametrize("name", BAD_NAMES)
def test_presets_that_no_form_can_send_are_refused(name):
    with pytest.raises(ValidationError, match="presets"):
        plan(presets=[{"attribute": f"lesion/{name}"}])


def test_a_preset_may_have_a_slash_in_its_name():
    found = plan(presets=[{"attribute": "lesion/pinker/redder"}])
    assert found.presets[0].attribute == "lesion/pinker/redder"


def test_categories_are_at_most_twenty():
    names = [f"part {number}" for number in range(21)]
    assert plan(categories=names[:20]).categories == names[:20]
    with pytest.raises(ValidationError, match="21 are named; at most 20"):
        plan(categories=names)


def test_an_experts_background_is_one_line_that_can_be_printed():
    with pytest.raises(ValidationError, match=r"U\+0007, which cannot be printed"):
        plan(experts=[{"expert": "ann", "background": "rings\a"}])


def test_a_heatmap_plan_asks_a_question_of_its_own():
    given = {"kind": "heatmaps", "pairs": None, "heatmaps": {"methods": ["gradient"]}}
    for question in ({}, {"question": PAPER_QUESTION}):
        with pytest.raises(ValidationError, match="question: expected, because"):
            plan(**given, **question)
    assert plan(**given, question="Which grade?").question == "Which grade?"
