"""The whole benchmark, where the generator is the true renderer or is known to be wrong."""

import json

import numpy as np
import pytest
from benchmark_world import RenderedEvidence

from auditkit.benchmarking.compute import benchmark
from auditkit.benchmarking.gathering import gather
from auditkit.benchmarking.importance import BOTTLENECK, CEILING, DEPICT, GRADCAM, LIME, WEIGHTS
from auditkit.benchmarking.recipe import Recipe
from auditkit.benchmarking.result import read, to_text, write
from auditkit.data.synthetic.shapes import SHAPES
from auditkit.errors import AuditError
from auditkit.metrics.agreement import importance_correlation, standardised_weights
from auditkit.metrics.bottleneck import bottleneck_importance
from auditkit.metrics.permutation_importance import permutation_importance
from auditkit.report.benchmark import render_benchmark, write_benchmark

RECIPE = Recipe(targets=4, images=60, permutations=5, heatmaps=4)


@pytest.fixture(scope="module")
def source(make_source):
    return make_source()


@pytest.fixture(scope="module")
def found(source):
    return gather(source, RECIPE)


@pytest.fixture(scope="module")
def result(source):
    return benchmark(source, RECIPE, {"data shapes": "0"}, "cpu")


def table(result, name):
    """(M, D) importances of a method."""
    rows = [target.importance[name] for target in result.targets]
    return np.array([[row[concept] for concept in SHAPES] for row in rows], dtype=float)


def agreement(result, oracle, method):
    return next(a for a in result.agreement if (a.oracle, a.method) == (oracle, method))


def test_a_perfect_generator_reaches_the_ceiling_exactly_and_has_no_gap(result):
    np.testing.assert_allclose(table(result, DEPICT), table(result, CEILING), atol=1e-12)
    assert result.effective.mean_gap.value == 0
    assert result.effective.largest_gap.value == 0
    assert [one.gap.value for one in result.concepts] == [0.0] * 6


def test_importances_of_a_target_are_those_of_the_metrics_on_its_answers(found, result):
    for target, told in zip(found.targets, result.targets, strict=True):
        weights = np.array([told.weights[name] for name in SHAPES])
        np.testing.assert_allclose(target.real, found.real @ weights)
        scaled = standardised_weights(weights, found.real)
        lost = bottleneck_importance(target.labels, found.real, weights)
        np.testing.assert_allclose([told.importance[WEIGHTS][name] for name in SHAPES], scaled)
        np.testing.assert_allclose([told.importance[BOTTLENECK][name] for name in SHAPES], lost)
        name = SHAPES[2]
        block = found.drawn.permuted[name]
        expected = permutation_importance(
            target.labels,
            found.drawn.plain[0] @ weights,
            block.answers[0] @ weights,
            block.own,
            replicates=20,
        )
        assert told.importance[DEPICT][name] == pytest.approx(expected.value, abs=1e-12)


def test_correlations_are_over_all_targets_and_concepts(result):
    for method in (DEPICT, GRADCAM, LIME):
        found = agreement(result, BOTTLENECK, method)
        expected = importance_correlation(table(result, BOTTLENECK), table(result, method))
        assert found.pearson.value == pytest.approx(expected.value)
        assert found.points + found.not_evaluable == 24
        assert found.top_k[-1].value == 1


def test_gradcam_at_other_layers_is_on_record_and_not_in_the_comparison(result):
    layers = next(one for one in result.tables if one.name == "gradcam layers")
    assert [row[0].split("layer ")[1] for row in layers.rows] == [
        "blocks.0.0 (32 x 32)",
        "blocks.1.0 (16 x 16)",
        "blocks.2.0 (8 x 8)",
        "blocks.3.0 (4 x 4)",
        "blocks.4.0 (2 x 2)",
    ]
    assert {one.method for one in result.agreement} == {DEPICT, CEILING, GRADCAM, LIME}


def test_labels_are_the_median_of_the_true_concepts(found, result):
    for target, told in zip(found.targets, result.targets, strict=True):
        sums = found.present @ target.weights[list(found.columns)]
        np.testing.assert_array_equal(target.labels, sums > np.median(sums))
        assert told.positives == target.labels.sum()


def test_only_the_permuted_concept_is_lost_to_a_perfect_generator(result):
    changes = {(c.images, c.permuted, c.judged): c.change.value for c in result.independence}
    auroc = {one.concept: one.auroc_real.value for one in result.concepts}
    for name in SHAPES:
        # Half of what is above chance: a permuted concept is recognised as often as not.
        assert changes["generated", name, name] == pytest.approx(auroc[name] - 0.5, abs=0.1)
    assert changes["generated", *SHAPES[:2]] == changes["true renderer", *SHAPES[:2]]


class ForgetfulEvidence(RenderedEvidence):
    """A generator that never draws a red circle."""

    def picture_for(self, i, changed):
        return super().picture_for(i, {**changed, SHAPES[0]: "0"})


class LeakingEvidence(RenderedEvidence):
    """A generator that draws a blue rectangle whenever it draws a red circle, and only then."""

    def picture_for(self, i, changed):
        value = changed.get(SHAPES[0], self.records[i].concepts[SHAPES[0]])
        return super().picture_for(i, {**changed, SHAPES[5]: value})


def test_a_concept_that_the_generator_cannot_draw_shows_in_effective_generation(make_source):
    found = benchmark(make_source(kind=ForgetfulEvidence), Recipe(targets=3, heatmaps=0), {}, "cpu")
    gaps = {one.concept: one.gap for one in found.concepts}
    assert gaps[SHAPES[0]].low > 0.1
    assert found.effective.largest_gap.value > 0
    assert {one.importance[DEPICT][SHAPES[0]] for one in found.targets} == {0.0}


def test_the_largest_gap_of_many_targets_has_a_lower_limit_of_its_own(make_source):
    """Bonferroni over many targets needs more resamples than a single target does."""
    source = make_source(kind=ForgetfulEvidence)
    found = benchmark(source, Recipe(targets=60, heatmaps=0), {}, "cpu").effective.largest_gap
    assert 0 < found.low < found.value < found.high


def test_a_concept_that_changes_with_another_shows_in_independent_permutation(make_source):
    found = benchmark(make_source(kind=LeakingEvidence), Recipe(targets=3, heatmaps=0), {}, "cpu")
    changes = {(c.images, c.permuted, c.judged): c.change for c in found.independence}
    assert abs(changes["generated", SHAPES[5], SHAPES[5]].value) < 0.02
    real = {one.concept: one.auroc_real.value for one in found.concepts}
    drawn = {one.concept: one.auroc_generated.value for one in found.concepts}
    assert drawn[SHAPES[5]] < real[SHAPES[5]] - 0.2


def test_targets_with_cards_are_ranked_by_their_own_bottleneck_and_head(make_source, target_card):
    source = make_source(targets=[target_card])
    found = benchmark(source, Recipe(targets=0, images=60, heatmaps=6), {}, "cpu")
    (told,) = found.targets
    assert told.name == "bottleneck"
    assert told.weights == pytest.approx(dict(zip(SHAPES, [4, 0.5, 0, 1, 0.2, 0], strict=True)))
    for name in (DEPICT, CEILING, BOTTLENECK, WEIGHTS):
        assert max(told.importance[name], key=told.importance[name].get) == SHAPES[0]
    # The card's score is the sigmoid of w'c + b: the same ranks, hence the same AUROC.
    assert told.importance[DEPICT] == pytest.approx(told.importance[CEILING], abs=1e-9)
    assert found.agreement[0].pearson.value is None
    assert found.agreement[0].pearson.reason
    assert set(told.importance) == {WEIGHTS, BOTTLENECK, DEPICT, CEILING, GRADCAM, LIME}


def test_images_that_cannot_be_drawn_are_counted_with_their_reason(make_source):
    class Failing(RenderedEvidence):
        failing = True

    found = benchmark(make_source(kind=Failing), Recipe(targets=3, heatmaps=0), {}, "cpu")
    assert found.not_evaluable == {"latents are not finite": 1}
    assert (found.images, found.evaluable) == (60, 59)


def test_a_target_without_a_bottleneck_is_refused(make_source, classifier_card):
    source = make_source(targets=[classifier_card])
    with pytest.raises(AuditError, match="has no concept bottleneck"):
        benchmark(source, Recipe(targets=0, heatmaps=0), {}, "cpu")


def test_a_model_that_is_no_concept_classifier_is_refused(make_source, target_card):
    source = make_source(targets=[target_card])
    with pytest.raises(AuditError, match="is no concept classifier"):
        gather(type(source)(source.targets[0], [], "renderer", source.load), RECIPE)


def test_the_same_numbers_come_again_and_do_not_depend_on_how_many_targets_there_are(
    source, result
):
    fewer = benchmark(source, Recipe(targets=2, images=60, heatmaps=4), {}, "cpu")
    assert [t.importance for t in fewer.targets] == [t.importance for t in result.targets[:2]]


def test_json_is_canonical_and_comes_back_and_the_page_is_a_function_of_it(result, tmp_path):
    text = write(result, tmp_path).read_text()
    assert "NaN" not in text
    assert text == json.dumps(json.loads(text), sort_keys=True, indent=1, ensure_ascii=False) + "\n"
    assert to_text(read(tmp_path)) == text
    assert len(result.figures) == 2 + 4 + 4 * 3 + 2
    # One figure of each kind: drawing is slow.
    kinds = {figure.kind: figure for figure in result.figures}
    assert set(kinds) == {"points", "lines", "boxes", "matrix"}
    write(result.model_copy(update={"figures": list(kinds.values())}), tmp_path)
    page = write_benchmark(tmp_path).read_text()
    assert page == render_benchmark(read(tmp_path))
    assert page.count("<figure") == 4
    for word in ("http-equiv", *SHAPES, "Effective generation", "Independent permutation"):
        assert word in page
    assert "<script" not in page
    assert "src=" not in page


def test_a_file_of_another_version_is_refused(tmp_path):
    with pytest.raises(AuditError, match="cannot be read"):
        read(tmp_path)
    (tmp_path / "benchmark.json").write_text("{}")
    with pytest.raises(AuditError, match="is not a benchmark of this version"):
        read(tmp_path)
