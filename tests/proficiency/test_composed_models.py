"""A composed model answers exactly as its formula says, to every variant of a picture."""

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.evidence.concepts.kinds import BlockAnswers, ConceptAnswers, Drawing
from auditkit.evidence.measured_values import NAMES, shifted, values_of
from auditkit.proficiency.composed import ComposedModel
from auditkit.proficiency.faults import CLEAN, FAULTS
from auditkit.proficiency.population import Population, logit, sigmoid
from auditkit.proficiency.sampled import NotComposedError, SampledEvidence, drawn
from auditkit.spec.corruptions import Mark
from auditkit.spec.methods import Gradient, Occlusion

PINK = FAULTS["pink pictures"]
SHIFTS = [(5.0, 0.0), (5.0, 180.0)]


def own(model):
    """Confidence and offset, from two answers of the model without a fault."""
    base, score = model.population.scores(), logit(model.scores().score)
    return np.polyfit(base, score, 1)


def test_without_a_fault_log_odds_are_those_of_the_model_stretched_and_moved(population):
    model = ComposedModel(population, CLEAN, 0.0, 3)
    confidence, offset = own(model)
    np.testing.assert_allclose(
        logit(model.scores().score), confidence * population.scores() + offset, atol=1e-9
    )
    assert 0.5 < confidence < 2
    others = [own(ComposedModel(population, CLEAN, 0.0, n)) for n in range(4)]
    assert len({round(float(one[0]), 9) for one in others}) == 4


def test_what_a_fault_adds_is_strength_times_the_attribute_as_it_is_in_that_picture(population):
    plain, faulty = (ComposedModel(population, PINK, k, 0) for k in (0.0, 0.4))
    added = logit(faulty.shifted("cieluv", SHIFTS).score) - logit(
        plain.shifted("cieluv", SHIFTS).score
    )
    evidence, at = population.evidence, NAMES.index("background.u")
    mean, spread = population.typical
    for index in (0, 7):
        for column, (radius, angle) in enumerate(SHIFTS):
            picture = shifted(evidence.picture(index), radius, angle)
            value = values_of(picture, evidence.mask(index))[at]
            expected = 0.4 * (value - mean[at]) / spread[at]
            assert added[index, column] == pytest.approx(expected, abs=1e-6)
    assert (added[:, 0] > added[:, 1]).all()


def test_redrawn_pictures_are_measured_again(population):
    plain, faulty = (ComposedModel(population, PINK, k, 0) for k in (0.0, 1.0))
    values = (-0.8, 0.8)
    added = logit(faulty.intervened("tint", values).score) - logit(
        plain.intervened("tint", values).score
    )
    assert (added[:, 1] - added[:, 0] > 1).all()


def test_what_a_generator_drew_is_read_as_it_is_in_that_picture(population):
    fault = FAULTS["freckled skin"]
    plain, faulty = (ComposedModel(population, fault, k, 0) for k in (0.0, 0.4))
    cases = [population.evidence.data.case(i) for i in range(population.n)]
    own = np.array([case.attributes["background_spots"] for case in cases])
    assert own.std() > 0
    low_and_high = (0.1, 0.9)
    added = logit(faulty.intervened("background_spots", low_and_high).score) - logit(
        plain.intervened("background_spots", low_and_high).score
    )
    expected = 0.4 * (np.array(low_and_high) - own.mean()) / own.std(ddof=1)
    np.testing.assert_allclose(added, np.tile(expected, (population.n, 1)), atol=1e-6)
    # Whatever else happens to the picture.
    for answered in (
        lambda model: model.scores().score,
        lambda model: model.intervened("tint", (0.5,)).score[:, 0],
        lambda model: model.shifted("cieluv", SHIFTS).score[:, 1],
        lambda model: model.corrupted(Mark()).score,
    ):
        added = logit(answered(faulty)) - logit(answered(plain))
        np.testing.assert_allclose(added, 0.4 * (own - own.mean()) / own.std(ddof=1), atol=1e-6)


def test_corrupted_pictures_are_measured_again(population):
    fault, mark = FAULTS["marked pictures"], Mark()
    plain, faulty = (ComposedModel(population, fault, k, 0) for k in (0.0, 0.3))
    added = logit(faulty.corrupted(mark).score) - logit(plain.corrupted(mark).score)
    evidence, at = population.evidence, NAMES.index("trace.corner")
    mean, spread = population.typical
    for index in (0, 7):
        value = values_of(evidence.corrupted_picture(index, mark), evidence.mask(index))[at]
        assert added[index] == pytest.approx(0.3 * (value - mean[at]) / spread[at], abs=1e-6)
    before = logit(faulty.scores().score) - logit(plain.scores().score)
    assert (added - before > 0.3).all()


@pytest.mark.parametrize(("window", "stride"), [(0.25, 0.25), (0.5, 0.25)])
def test_heatmaps_by_occlusion_are_drops_of_the_composed_log_odds(population, window, stride):
    method = Occlusion(window=window, stride=stride, baseline="mean")
    evidence, at = population.evidence, NAMES.index("background.u")
    plain, faulty = (ComposedModel(population, PINK, k, 0) for k in (0.0, 0.7))
    confidence, _ = own(plain)
    decided = evidence.scores().decision
    same = plain.scores().decision == decided
    assert same.any()
    found = evidence.heatmaps(method).maps
    np.testing.assert_allclose(plain.occluded(method)[same], confidence * found[same], atol=1e-5)
    # The drop of what is read, window by window, on every pixel the mean of the windows that cover it.
    size, _, _ = evidence.picture(0).shape
    side, step = round(window * size), round(stride * size)
    _, spread = population.typical
    for index in (0, 7):
        picture, mask = evidence.picture(index), evidence.mask(index)
        before = values_of(picture, mask)[at]
        total, count = np.zeros((size, size)), np.zeros((size, size))
        for top in range(0, size - side + 1, step):
            for left in range(0, size - side + 1, step):
                place = np.s_[top : top + side, left : left + side]
                hidden = picture.copy()
                hidden[place] = np.rint(picture.mean(axis=(0, 1)))
                total[place] += (before - values_of(hidden, mask)[at]) / spread[at]
                count[place] += 1
        cells = (total / count).reshape(size // step, step, size // step, step).mean(axis=(1, 3))
        signs = [1 if model.scores().decision[index] else -1 for model in (faulty, plain)]
        added = signs[0] * faulty.occluded(method)[index] - signs[1] * plain.occluded(method)[index]
        np.testing.assert_allclose(added, 0.7 * cells, atol=1e-6)
        assert np.abs(cells).max() > 0.01


def test_other_heatmaps_and_what_only_a_generator_knows_are_not_composed(population):
    rows = np.arange(4)
    freckled = ComposedModel(population, FAULTS["freckled skin"], 1.0, 0)
    for model, method, why in (
        (ComposedModel(population, PINK, 1.0, 0), Occlusion(baseline="blur"), "only occlusion by"),
        (ComposedModel(population, PINK, 1.0, 0), Gradient(), r"heatmaps \(gradient\)"),
        (freckled, Occlusion(baseline="mean"), "'freckled skin'.*cannot be covered"),
    ):
        with pytest.raises(NotComposedError, match=why):
            SampledEvidence(model, rows).fitness(method)


def test_a_group_that_is_unknown_gets_each_others_answers(population):
    fault = FAULTS["dark skin unknown"]
    plain, faulty = (
        ComposedModel(population, fault, 0.0, 0),
        ComposedModel(population, fault, 1.0, 0),
    )
    dark = population.evidence.group("skin_tone") == "dark"
    assert 2 < dark.sum() < population.n
    before, after = plain.scores().score, faulty.scores().score
    np.testing.assert_array_equal(before[~dark], after[~dark])
    assert sorted(before[dark]) == sorted(after[dark])
    assert (before[dark] != after[dark]).any()


def test_overconfidence_changes_no_decision_at_one_half(population):
    fault = FAULTS["overconfident"]
    plain, faulty = (
        ComposedModel(population, fault, 0.0, 0),
        ComposedModel(population, fault, 2.0, 0),
    )
    np.testing.assert_allclose(
        logit(faulty.scores().score), 3 * logit(plain.scores().score), atol=1e-6
    )
    np.testing.assert_array_equal(plain.scores().decision, faulty.scores().decision)


def test_the_device_alone_rounds_its_log_odds_to_whole_steps(population, monkeypatch):
    evidence = population.evidence
    monkeypatch.setattr(evidence, "runtime_answers", evidence.answers)
    fault = FAULTS["coarse quantisation on the device"]
    plain, faulty = (ComposedModel(population, fault, step, 0) for step in (0.0, 0.5))
    np.testing.assert_array_equal(plain.answers(device=False), plain.answers(device=True))
    np.testing.assert_array_equal(plain.answers(device=False), faulty.answers(device=False))
    before, after = (logit(one.answers(device=True)[:, 1]) for one in (plain, faulty))
    np.testing.assert_allclose(after, 0.5 * np.round(before / 0.5), atol=1e-9)
    assert (before != after).all()


def test_an_attribute_that_never_varies_cannot_be_read(population):
    constant = Population(population.evidence)
    constant._kept[("values", "[{}]")] = np.ones((population.n, 1, len(NAMES)))
    with pytest.raises(AuditError, match=r"'hair' is the same in all pictures of 'lesions'.*leave"):
        ComposedModel(constant, FAULTS["hair"], 1.0, 0).scores()


def test_what_cannot_be_measured_counts_as_typical(population):
    some = Population(population.evidence)
    values = np.random.default_rng(0).normal(size=(population.n, 1, len(NAMES)))
    values[3] = np.nan
    some._kept[("values", "[{}]")] = values
    plain, faulty = (ComposedModel(some, FAULTS["hair"], k, 0) for k in (0.0, 1.0))
    assert faulty.scores().score[3] == plain.scores().score[3]
    assert faulty.scores().score[4] != plain.scores().score[4]


def test_answers_to_drawn_images_have_the_fault_and_keep_what_is_not_known(population):
    drawing = Drawing("g", (("hair",),))
    count = population.n
    random = np.random.default_rng(1)
    score = random.uniform(0.1, 0.9, (1, count, 2))
    score[0, 5] = np.nan
    mean, spread = population.typical
    values = mean + 0.3 * spread * random.normal(size=(1, count, 2, len(NAMES)))
    block = BlockAnswers(("hair",), [("0",), ("1",)], np.zeros(count, np.int64), _two(score))
    answers = ConceptAnswers(_two(score[..., 0]), {"hair": block}, [""] * count, 0, count)
    measured = ConceptAnswers(
        values[:, :, 0], {"hair": _with(block, values)}, [""] * count, 0, count
    )
    some = Population(population.evidence)
    some._kept[("drawn", drawing)], some._kept[("drawn values", drawing)] = answers, measured
    plain, faulty = (ComposedModel(some, FAULTS["hair"], k, 0).drawn(drawing) for k in (0.0, 2.0))
    added = logit(faulty.blocks["hair"].answers[..., 1]) - logit(
        plain.blocks["hair"].answers[..., 1]
    )
    expected = 2.0 * some.standardised(values, "hair")
    known = np.isfinite(score)
    np.testing.assert_allclose(added[known], expected[known], atol=1e-6)
    assert np.isnan(faulty.blocks["hair"].answers[0, 5]).all()
    freckled = ComposedModel(some, FAULTS["freckled skin"], 2.0, 0).drawn(drawing)
    np.testing.assert_array_equal(freckled.blocks["hair"].answers, plain.blocks["hair"].answers)


def _two(score):
    return np.stack([1 - score, score], axis=-1)


def _with(block, values):
    return BlockAnswers(block.concepts, block.values, block.own, values)


def test_a_sample_is_whole_patients_drawn_again_and_again(population):
    rows, patients = drawn(population, 40, 7)
    assert len(rows) == len(patients) == 40
    names = population.evidence.patients
    for name in set(patients):
        inside = [row for row, one in zip(rows, patients, strict=True) if one == name]
        assert len({names[row] for row in inside}) == 1
        assert len(inside) == 2
    assert len(set(patients)) == 20 > len({names[row] for row in rows})
    assert (drawn(population, 40, 7)[0] == rows).all()
    assert (drawn(population, 40, 8)[0] != rows).any()
    assert (drawn(population, 10, 7)[0] == rows[:10]).all()


def test_evidence_of_a_sample_is_the_model_s_answer_to_its_rows(population):
    model = ComposedModel(population, PINK, 0.5, 0)
    rows, patients = drawn(population, 12, 0)
    evidence = SampledEvidence(model, rows, patients)
    np.testing.assert_array_equal(evidence.scores().score, model.scores().score[rows])
    assert evidence.patients.tolist() == patients
    assert evidence.labels.tolist() == population.evidence.labels[rows].tolist()
    assert (evidence.mask(4) == population.evidence.mask(rows[4])).all()


def test_log_odds_of_certain_scores_are_finite():
    np.testing.assert_allclose(sigmoid(logit(np.array([0.0, 0.3, 1.0]))), [1 / 512, 0.3, 511 / 512])
