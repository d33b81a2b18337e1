"""Effective generation: what is not drawn is caught, and what does not hinder is said."""

import numpy as np
import pytest
from pydantic import ValidationError

from auditkit import stats
from auditkit.checks.concepts.effective import effective_generation
from auditkit.errors import AuditError
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.declarations.effective_generation import EffectiveGeneration

from .drawn_evidence import Drawing, Painter, model_card
from .planted_models import LABELS, NAMES, VALUES, N, planted, scoring, seeing

PARAMETERS = EffectiveGeneration(
    generator="g", concepts=["red", "green"], classifier="see", judged=["hair"]
)
LOST = np.random.default_rng(5).integers(0, 2, N)


def forgetting(name):
    """A generator that draws a concept or not, whatever the caption says."""

    def draws(values):
        drawn = values.copy()
        drawn[..., NAMES.index(name)] = LOST
        return drawn

    return draws


@pytest.fixture(scope="module")
def found():
    return effective_generation(planted(truncated=3), PARAMETERS)


def test_a_faithful_generator_has_no_gap(found):
    assert {m.name for m in found.measurements} == set(
        SHIPPED["effective-generation"].measures(PARAMETERS)
    )
    for name in ("target_gap", "largest_gap", "gap[hair]"):
        assert abs(found[name].estimate.value) < 0.04, name
    assert found["smallest_generated_auroc"].estimate.low > 0.9
    assert found.notes == []


def test_gaps_are_real_minus_generated(found):
    evidence = planted()
    answers = scoring()
    real = stats.auroc_point(LABELS, answers(VALUES, -1)[:, 1])
    drawn = stats.auroc_point(LABELS, answers(VALUES, 0)[:, 1])
    assert found["target_gap"].estimate.value == pytest.approx(real - drawn)
    red = VALUES[:, 0]
    real = stats.auroc_point(red, seeing()(VALUES, -1)[:, 0])
    drawn = stats.auroc_point(red, seeing()(VALUES, 0)[:, 0])
    assert found["gap[red]"].estimate.value == pytest.approx(real - drawn)
    assert found["generated_auroc[red]"].estimate.value == pytest.approx(drawn)
    assert evidence.n == found["gap[red]"].estimate.n


def test_truncated_captions_are_a_share_without_sampling_error(found):
    estimate = found["truncated_captions"].estimate
    assert (estimate.low, estimate.value, estimate.high) == (3 / N, 3 / N, 3 / N)
    assert "without sampling error" in estimate.method


def test_a_permuted_concept_that_is_not_drawn_is_caught():
    found = effective_generation(planted(draws=forgetting("red")), PARAMETERS)
    assert found["largest_gap"].estimate.low > 0.3
    assert found["smallest_generated_auroc"].estimate.high < 0.7
    assert found["target_gap"].estimate.low > 0.12
    assert any(note.startswith("red is permuted and not drawn well") for note in found.notes)
    assert any("Concepts that are not drawn well: red." in note for note in found.notes)


def test_a_concept_that_is_only_judged_does_not_hinder():
    found = effective_generation(planted(draws=forgetting("hair")), PARAMETERS)
    assert found["gap[hair]"].estimate.low > 0.3
    assert found["largest_gap"].estimate.high < 0.12
    (note,) = found.notes
    assert note.startswith("hair is not drawn well")
    assert "does not hinder" in note


def test_a_target_that_fails_without_a_concept_that_explains_it_is_said():
    noise = np.random.default_rng(3).random(N)
    evidence = planted()
    answer = evidence.answer

    def unlike(content, repeat):
        return answer(content, repeat) if repeat < 0 else np.stack([1 - noise, noise], axis=-1)

    evidence.answer = unlike
    found = effective_generation(evidence, PARAMETERS)
    assert any("No judged concept explains it" in note for note in found.notes)


def test_a_target_that_does_better_on_generated_images_is_said_too():
    """A caricature is no reassurance for what is not drawn."""
    found = effective_generation(
        planted(draws=forgetting("hair"), real=np.stack([1 - LOST, LOST], axis=-1)), PARAMETERS
    )
    assert found["target_gap"].estimate.high < -0.12
    assert any("by more than the 0.12" in note for note in found.notes)
    assert not any("does not hinder" in note for note in found.notes)


def test_a_target_at_chance_is_said_to_have_nothing_to_lose():
    evidence = planted(draws=forgetting("hair"))
    evidence.answer = lambda content, _repeat: np.full((*content.shape[:-1], 2), 0.5)
    found = effective_generation(evidence, PARAMETERS)
    assert any(note.startswith("On real images the model may be no better") for note in found.notes)
    assert not any("does not hinder" in note for note in found.notes)


def test_missing_images_count_by_pairs_where_nothing_is_permuted():
    found = effective_generation(planted(broken=[3]), PARAMETERS)
    alike = LABELS[3] == LABELS
    own, other = alike.sum(), (~alike).sum()
    assert found["target_gap"].affected == pytest.approx(1 - (own - 1) * other / (own * other))


def test_what_is_permuted_cannot_be_judged_only():
    with pytest.raises(ValidationError, match="what is permuted is judged anyway"):
        EffectiveGeneration(generator="g", concepts=["red"], classifier="see", judged=["red"])


def test_images_that_cannot_be_evaluated_are_counted_by_reason():
    unknown = [(7, "red"), (9, "hair"), (11, "blue")]
    found = effective_generation(planted(broken=[3], unknown=unknown), PARAMETERS)
    red, hair = "the value of 'red' is unknown", "the value of 'hair' is unknown"
    assert found["target_gap"].not_evaluable == {"not finite": 1, red: 1}
    assert found["gap[green]"].not_evaluable == {"not finite": 1, red: 1}
    assert found["gap[hair]"].not_evaluable == {"not finite": 1, red: 1, hair: 1}
    assert found["gap[hair]"].estimate.n == N - 3
    assert 0 < found["gap[green]"].affected < found["gap[hair]"].affected < 0.1
    assert sum(found["largest_gap"].not_evaluable.values()) == 2


def test_a_concept_that_all_images_have_makes_the_extremes_not_evaluable():
    evidence = planted()
    evidence.painter.values = VALUES.copy()
    evidence.painter.values[:, 1] = 1
    found = effective_generation(evidence, PARAMETERS)
    assert found["gap[green]"].estimate is None
    assert found["largest_gap"].estimate is None
    assert "gap[green] could not be estimated" in found["largest_gap"].reason


def test_the_table_names_what_is_permuted_and_what_is_judged_only(found):
    rows = [[row[0], row[1]] for row in found.tables[0].rows]
    assert rows == [
        ["planted", "model under audit"],
        ["red", "permuted"],
        ["green", "permuted"],
        ["hair", "judged only"],
    ]


def test_examples_show_real_and_generated_images_with_their_caption(found):
    assert len(found.examples) == 4
    example = found.examples[0]
    assert [caption.split(":")[0] for caption, _ in example.panels] == ["real", "generated"]
    named = [name for name, there in zip(NAMES, VALUES[0], strict=True) if there]
    assert example.title == (", ".join(named) or "no caption")


def test_repeats_are_averaged():
    twice = PARAMETERS.model_copy(update={"repeats": 2})
    found = effective_generation(planted(), twice)
    drawn = [stats.auroc_point(VALUES[:, 0], seeing()(VALUES, r)[:, 0]) for r in (0, 1)]
    assert found["generated_auroc[red]"].estimate.value == pytest.approx(np.mean(drawn))


def test_a_concept_that_is_no_class_of_the_classifier_is_an_error():
    with pytest.raises(AuditError, match="classifier 'see' has no class 'hair'"):
        effective_generation(planted(classes=NAMES[:3]), PARAMETERS)


def test_a_concept_that_the_data_do_not_have_is_an_error():
    with pytest.raises(AuditError, match="has no concept 'reed'; did you mean 'red'"):
        effective_generation(
            planted(classes=[*NAMES, "reed"]),
            EffectiveGeneration(generator="g", concepts=["reed"], classifier="see"),
        )


def test_a_model_without_a_score_is_judged_by_accuracy():
    world = Painter(NAMES, VALUES, LABELS)
    evidence = Drawing(world, scoring(), model_card(score=None), planted().peers)
    found = effective_generation(evidence, PARAMETERS)
    assert found["target_gap"].unit == "accuracy"
    right = [(scoring()(VALUES, r).argmax(axis=-1) == LABELS).mean() for r in (-1, 0)]
    assert found["target_gap"].estimate.value == pytest.approx(right[0] - right[1])
    assert "decides malignant" in str([panel[0] for e in found.examples for panel in e.panels])
    assert any("is accuracy" in note for note in found.notes)
