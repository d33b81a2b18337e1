"""Importances: planted reliance is found and ranked, and what cannot be evaluated is counted."""

import numpy as np
import pytest
from pydantic import ValidationError

from auditkit import stats
from auditkit.checks.concepts.depict import depict
from auditkit.spec.audit import Expectation
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.depict import Depict
from auditkit.verdict import Verdict, judge

from .drawn_evidence import Drawing, Painter, model_card
from .planted_models import LABELS, VALUES, N, planted, scoring

PARAMETERS = Depict(generator="g", concepts=["blue", "red", "green"], permutations=15)


@pytest.fixture(scope="module")
def found():
    return depict(planted(), PARAMETERS)


def test_planted_reliance_is_found_and_ranked(found):
    estimates = [found[f"importance[{name}]"].estimate for name in ("red", "green", "blue")]
    values = [one.value for one in estimates]
    assert values == sorted(values, reverse=True)
    assert estimates[0].low > 0.15
    assert found["top_concept"].choice.candidates == ("red",)
    assert found["top_probability[red]"].estimate.value == 1.0


def test_an_ignored_concept_has_its_interval_within_two_hundredths(found):
    blue = found["importance[blue]"].estimate
    assert -0.02 < blue.low <= blue.value <= blue.high < 0.02
    effect = found["effect[blue]"].estimate
    assert -0.02 < effect.low <= effect.high < 0.02


def test_every_declared_measure_is_measured(found):
    declared = SHIPPED["depict"].measures(PARAMETERS)
    assert {m.name for m in found.measurements} == set(declared)
    assert found["generated_auroc"].estimate.value == pytest.approx(
        stats.auroc_point(LABELS, planted().concept_answers(_drawing()).plain[0, :, 1])
    )


def _drawing(*blocks, repeats=1):
    from auditkit.evidence.concepts.kinds import Drawing as Asked

    return Asked("g", tuple(blocks), repeats)


def test_importance_is_what_permuted_captions_that_are_drawn_again_lose(found):
    """The naive loop: permute the captions, draw all images, ask the model."""
    rng, answer = np.random.default_rng(1), scoring()
    plain = stats.auroc_point(LABELS, answer(VALUES, 0)[:, 1])
    drops = []
    for _ in range(400):
        captions = VALUES.copy()
        captions[:, 0] = rng.permutation(captions[:, 0])
        drops.append(plain - stats.auroc_point(LABELS, answer(captions, 0)[:, 1]))
    error = np.std(drops) / np.sqrt(len(drops))
    importance = found["importance[red]"].estimate.value
    assert abs(np.mean(drops) - importance) < 4 * error < 0.01


def test_a_block_is_permuted_together():
    found = depict(planted(), Depict(generator="g", concepts=[["red", "green"], "blue"]))
    both = found["importance[red + green]"].estimate.value
    alone = depict(planted(), PARAMETERS)["importance[red]"].estimate.value
    assert both > alone


def test_the_effect_goes_from_the_first_declared_value_to_the_last():
    counts = VALUES.copy()
    counts[:, 0] = np.arange(N) % 3
    declared = {"red": ["0", "2", "10"]}
    world = Painter(["red", "green", "blue", "hair"], counts, LABELS, declared=declared)
    found = depict(Drawing(world, scoring()), Depict(generator="g", concepts=["red", "green"]))
    # As text 10 comes before 2; the score rises with the place.
    assert found["effect[red]"].estimate.value > found["effect[green]"].estimate.value > 0
    effects = next(table for table in found.tables if table.name == "effects")
    assert ["red", "0", "10"] in [row[:3] for row in effects.rows]


def test_an_effect_that_does_not_pay_is_said():
    labels = np.arange(N) % 2
    world = Painter(["red", "green", "blue", "hair"], VALUES, labels)
    # The score rests on the label itself, and a little on red, which the label does not know.
    base = np.where(labels == 1, 0.8, 0.2) + 0.05 * np.cos(np.arange(N))

    def answer(content, _repeat):
        score = base + 0.1 * (content[..., 0] - 0.5)
        return np.stack([1 - score, score], axis=-1)

    found = depict(Drawing(world, answer), Depict(generator="g", concepts=["red", "green"]))
    assert found["importance[red]"].estimate.value == pytest.approx(0, abs=1e-9)
    assert found["effect[red]"].estimate.value == pytest.approx(0.1)
    assert any("red moves the score by +0.10" in note for note in found.notes)
    assert not any("green moves" in note for note in found.notes)


def test_images_that_cannot_be_evaluated_are_counted_by_reason():
    found = depict(planted(broken=[3, 4], unknown=[(7, "red"), (9, "hair")]), PARAMETERS)
    reasons = {"not finite": 2, "the value of 'red' is unknown": 1}
    for name in ("importance[red]", "effect[green]", "generated_auroc", "top_concept"):
        assert found[name].not_evaluable == reasons, name
    assert found["importance[red]"].estimate.n == N - 3
    assert 0 < found["importance[red]"].affected < 0.1
    assert found["top_probability[red]"].affected == 1.0


def test_a_concept_of_one_value_has_a_reason_and_the_others_are_ranked():
    world = planted()
    world.painter.values = VALUES.copy()
    world.painter.values[:, 2] = 0
    found = depict(world, PARAMETERS)
    assert found["importance[blue]"].estimate is None
    assert "nothing to permute" in found["importance[blue]"].reason
    assert found["top_concept"].choice.value == "red"
    assert any(note.startswith("blue: all images have one value") for note in found.notes)
    assert found.figures[0].labels[-1] == "blue"


def test_what_cannot_be_permuted_is_not_excluded_from_being_the_most_important():
    world = planted()
    world.painter.values = VALUES.copy()
    world.painter.values[:, 1:3] = 0
    found = depict(world, PARAMETERS)
    choice, share = found["top_concept"].choice, found["top_probability[red]"].estimate
    assert choice.candidates == ("red", "blue", "green")
    assert (share.low, share.high) == (0.0, 1.0)
    red = Expectation.model_validate({"measure": "top_concept", "in": ["red"]})
    assert judge(red, found["top_concept"]).verdict is Verdict.INCONCLUSIVE
    likely = Expectation(measure="top_probability[red]", above=0.9)
    assert judge(likely, found["top_probability[red]"]).verdict is Verdict.INCONCLUSIVE
    others = Expectation.model_validate({"measure": "top_concept", "in": ["blue", "green"]})
    assert judge(others, found["top_concept"]).p_value == 1.0


def test_nothing_evaluable_is_no_error():
    found = depict(planted(broken=list(range(N))), PARAMETERS)
    assert all(m.estimate is None and m.choice is None for m in found.measurements)
    assert found["importance[red]"].reason == "no image could be evaluated"
    assert found["importance[red]"].not_evaluable == {"not finite": N}
    assert found.figures[0].series == []


def test_figures_are_in_the_order_of_importance(found):
    forest, boxes, curves = found.figures
    assert list(forest.labels) == list(boxes.labels) == ["red", "green", "blue"]
    assert [line.name for line in curves.series] == ["red", "green", "blue"]
    low, first, median, third, high, beyond = boxes.series
    for five in zip(low.y, first.y, median.y, third.y, high.y, strict=True):
        assert list(five) == sorted(five)
    assert beyond.name == "outliers"
    assert median.y[0] == pytest.approx(forest.series[0].y[0], abs=0.05)
    plain, permuted = curves.series[0].y[0], curves.series[0].y[-1]
    assert plain == pytest.approx(found["generated_auroc"].estimate.value)
    assert plain - permuted == pytest.approx(found["importance[red]"].estimate.value)


def test_the_table_holds_performance_as_it_is_and_permuted(found):
    table = found.tables[0]
    assert [row[0] for row in table.rows] == ["none", "red", "green", "blue"]
    plain, red = (float(row[1].split()[0]) for row in table.rows[:2])
    assert plain - red == pytest.approx(found["importance[red]"].estimate.value, abs=2e-3)
    assert table.rows[1][3] == "100.0 %"


def test_examples_show_the_same_noise_without_and_with_a_concept():
    evidence = planted()
    found = depict(evidence, PARAMETERS)
    captions = [caption for caption, _ in found.examples[0].panels]
    assert captions[0].startswith("without red: ")
    assert captions[1].startswith("with red: ")
    (_, index, first, _), (_, again, last, _) = evidence.pictures[:2]
    assert index == again
    assert (first, last) == ({"red": "0"}, {"red": "1"})
    assert len(found.examples) == 9


def test_repeats_enter_the_importance():
    once = depict(planted(), PARAMETERS)["importance[red]"].estimate
    twice = depict(planted(), PARAMETERS.model_copy(update={"repeats": 2}))[
        "importance[red]"
    ].estimate
    assert once.value != twice.value
    assert once.value == pytest.approx(twice.value, abs=0.03)


def test_a_model_without_a_score_is_judged_by_accuracy():
    labels = np.where(LABELS == 1, 2, VALUES[:, 2])
    world = Painter(["red", "green", "blue", "hair"], VALUES, labels)
    target = scoring()

    def answer(content, repeat):
        score = target(content, repeat)[..., 1]
        other = (1 - score) * np.where(content[..., 2] == 1, 0.1, 0.9)
        return np.stack([other, 1 - score - other, score], axis=-1)

    evidence = Drawing(world, answer, model_card(["a", "b", "c"], score=None))
    found = depict(evidence, PARAMETERS)
    assert found["importance[red]"].unit == "accuracy"
    assert not found["generated_auroc"].applicable
    assert found["importance[blue]"].estimate.low > 0
    assert any("no score" in note for note in found.notes)
    decided = answer(VALUES, 0).argmax(axis=-1) == labels
    plain = float(found.tables[0].rows[0][1].split()[0])
    assert plain == pytest.approx(decided.mean(), abs=1e-3)


def test_accuracy_may_be_asked_of_a_model_with_a_score():
    found = depict(planted(), PARAMETERS.model_copy(update={"metric": "accuracy"}))
    scores = planted().concept_answers(_drawing()).plain[0, :, 1]
    right = ((scores >= 0.5) == LABELS).mean()
    assert found["generated_accuracy"].estimate.value == pytest.approx(right)


def test_one_concept_alone_has_no_ranking():
    declared = SHIPPED["depict"].measures(Depict(generator="g", concepts=["red"]))
    assert set(declared) == {"importance[red]", "effect[red]", "generated_auroc"}


def test_depict_rests_on_its_three_assumptions():
    names = {"permutable-concepts", "effective-generation", "independent-permutation"}
    assert set(SHIPPED["depict"].rests_on) == names <= set(SHIPPED)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"concepts": ["red", "red"]}, "named twice"),
        ({"concepts": ["red", ["green", "red"]]}, "named twice"),
        ({"concepts": []}, "at least 1 item"),
        ({"concepts": ["red"], "permutations": 0}, "greater than or equal to 1"),
    ],
)
def test_wrong_parameters_are_refused(given, message):
    with pytest.raises(ValidationError, match=message):
        Depict(generator="g", **given)
