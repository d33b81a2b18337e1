"""Guidance for planning: held to what simulated studies give."""

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.metrics import attribute_estimates, cohen_kappa_estimate
from auditkit.stats.expected import expected_half_width
from auditkit.study.guidance import design_effect, guidance


def cells(table):
    """The rows by their first cell, as numbers."""
    return {row[0]: [float(cell) for cell in row[1:]] for row in table.rows}


def correlated(generator, references, score, correlation):
    """Two experts' notes: the second repeats the first with this probability."""
    first, own = generator.random((2, references)) < score
    return np.stack([first, np.where(generator.random(references) < correlation, first, own)])


@pytest.mark.parametrize("correlation", [0.0, 0.5, 1.0])
def test_half_widths_of_scores_are_those_of_simulated_studies(correlation):
    column = [0.0, 0.5, 1.0].index(correlation)
    planned = cells(guidance(60, 2, 1)[0])
    for score in (0.1, 0.3):
        widths = []
        for run in range(40):
            s = np.zeros((2, 60, 1, 5), dtype=bool)
            s[:, :, 0, 0] = correlated(np.random.default_rng(run), 60, score, correlation)
            found = attribute_estimates(s, np.ones((2, 60), dtype=bool))[0].benign
            widths.append((found.high - found.low) / 2)
        assert planned[f"{score:g}"][column] == pytest.approx(np.mean(widths), rel=0.12)


def test_half_widths_of_kappa_are_those_of_simulated_studies():
    planned = cells(guidance(60, 2, 5)[2])
    for kappa in (0.2, 0.6):
        found = [answered(run, 60, kappa) for run in range(40)]
        widths = [(one.high - one.low) / 2 for one in found]
        assert planned[f"{kappa:g}"][0] == pytest.approx(np.mean(widths), rel=0.12)


def test_repeats_of_one_model_are_what_tells_of_agreement_with_oneself():
    # The check takes the kappa of each model: of 100 references with a tenth of all pairs again, of ten.
    ten = cells(guidance(100, 2, 5, repeats=0.1)[2])
    for kappa in (0.2, 0.4, 0.6):
        found = [answered(run, 10, kappa) for run in range(40)]
        simulated = np.mean([(one.high - one.low) / 2 for one in found])
        assert 0.8 * simulated < ten[f"{kappa:g}"][1] < simulated
    for models in (1, 5, 20):
        assert cells(guidance(100, 2, models, repeats=0.1)[2]) == ten


def test_repeats_are_seldom_of_one_patient_together():
    # Of 50 patients with two images, the other image of a repeated one is repeated in a tenth of cases.
    paired = cells(guidance(100, 2, 1, repeats=0.1, per_patient=2)[2])
    effect = design_effect(1, 0.0, 1.1)
    for kappa in (0.2, 0.6):
        width = 2 * expected_half_width((1 + kappa) / 2, 10, design_effect=effect)
        assert paired[f"{kappa:g}"][1] == pytest.approx(width, abs=5e-4)


def test_without_repeats_nothing_is_said_of_agreement_with_oneself():
    assert list(guidance(100, 2, 5, repeats=0)[2].header) == ["kappa", "with one model"]


def test_as_many_references_as_are_needed_show_a_kappa_of_four_tenths():
    needed = int(guidance(60, 2, 5)[3].rows[0][1])
    shown = [answered(run, needed, 0.4).low > 0 for run in range(120)]
    assert np.mean(shown) >= 0.84  # nine in ten, but for what 120 studies can tell
    fewer = [answered(run, needed // 2, 0.4).low > 0 for run in range(120)]
    assert np.mean(fewer) < 0.8


def answered(run, pairs, kappa):
    """An expert who agrees with the model in (1 + kappa) / 2 of the pairs."""
    generator = np.random.default_rng([run, pairs])
    model = generator.random(pairs) < 0.5
    return cohen_kappa_estimate(model ^ (generator.random(pairs) > (1 + kappa) / 2), model)


def test_correlated_answers_are_worth_less():
    scores, smallest, kappas, needed, _ = guidance(100, 2, 5, per_patient=2)
    alone = guidance(100, 2, 5)
    for row in cells(scores).values():
        assert row == sorted(row)
        assert row[0] < row[2]
    for table, other in ((scores, alone[0]), (smallest, alone[1]), (kappas, alone[2])):
        for key, row in cells(table).items():
            assert row[0] > cells(other)[key][0]
    images = [int(cell) for cell in needed.rows[0][1:]]
    assert images == sorted(images)
    assert images[0] < images[2]


def test_the_design_effect_is_the_variance_of_a_mean_of_correlated_answers():
    # One patient with three images and two experts: six answers, r = .4 on one image, q = .3 across images.
    r, q = 0.4, 0.3
    image = np.arange(6) // 2
    covariance = np.where(image[:, None] == image, r, q)
    np.fill_diagonal(covariance, 1.0)
    assert design_effect(2, r, 3) == pytest.approx(covariance.sum() / 6)


def test_the_smallest_score_above_zero_is_one_that_somebody_notes():
    smallest = cells(guidance(100, 2, 5)[1])
    assert smallest["0"][0] == pytest.approx(1 - 0.1 ** (1 / 200), abs=5e-4)
    assert smallest["0"][2] == pytest.approx(1 - 0.1 ** (1 / 100), abs=5e-4)
    assert all(value > 0.1 for value in smallest["0.1"])


def test_tables_are_aligned_lines_for_people():
    tables = guidance(100, 2, 5, repeats=0.1)
    assert tables[4].rows == [["500", "550", "28", "13.8"]]
    lines = tables[2].lines()
    assert lines[0] == "Half width of the 95 % interval of kappa, of one expert"
    assert "with oneself, of one model (10 repeats)" in lines[1]
    starts = [line.rindex("0.") for line in lines[2:]]
    assert len(set(starts)) == 1


def test_one_expert_has_one_column_and_a_tiny_study_says_what_it_cannot():
    tables = guidance(3, 1, 1, repeats=0)
    assert list(tables[0].header) == ["score", "one expert"]
    assert cells(tables[2])["0.2"][0] > 0.5
    assert guidance(1, 1, 1)[1].rows[1] == ["0.1", "none"]


@pytest.mark.parametrize(
    ("numbers", "more"),
    [
        ((0, 2, 5), {}),
        ((10, 0, 5), {}),
        ((10, 2, 0), {}),
        ((10, 2, 5), {"per_patient": 0.5}),
        ((10, 2, 5), {"per_patient": 11}),
        ((10, 2, 5), {"repeats": -0.1}),
    ],
)
def test_a_study_that_cannot_be_is_refused(numbers, more):
    with pytest.raises(AuditError, match="expected"):
        guidance(*numbers, **more)
