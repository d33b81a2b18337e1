"""Integrated and Expected Gradients and Gradient SHAP: captum, closed forms, completeness."""

import pytest
import torch
from captum.attr import GradientShap
from captum.attr import IntegratedGradients as Captum
from hypothesis import given as hypothesis_given
from hypothesis import settings
from hypothesis import strategies as st
from torch import nn

from auditkit.evidence.heatmaps.explainer import Batch
from auditkit.evidence.heatmaps.gradients.paths import gauss_legendre, stratified


def integrated(steps=20, **changes):
    return {"method": "integrated-gradients", "steps": steps, **changes}


def expected(samples, **changes):
    return {"method": "expected-gradients", "samples": samples, **changes}


@pytest.mark.parametrize("space", [2, 3])
def test_integrated_gradients_are_captums(small, space):
    net, given = small.network(space), small.batch(space=space)
    found = small.explained(integrated(), small.subject(net, space), given, 7)
    wanted, gap = Captum(net).attribute(
        given.inputs,
        baselines=0.0,
        target=given.target,
        n_steps=20,
        method="gausslegendre",
        return_convergence_delta=True,
    )
    torch.testing.assert_close(found.maps, wanted.float(), rtol=1e-3, atol=1e-6)
    with torch.no_grad():
        change = net(given.inputs) - net(torch.zeros_like(given.inputs))
    change = change.gather(1, given.target[:, None])[:, 0]
    torch.testing.assert_close(found.residual, (gap / change).abs().float(), rtol=1e-2, atol=1e-5)
    assert found.evaluations.tolist() == [20 + 1 + 1] * 4


def test_with_the_data_set_as_baseline_it_is_the_mean_over_its_images(small):
    subject, given = small.subject(small.network()), small.batch()
    background = small.batch(3, seed=9).inputs
    method = integrated(baseline="data")
    each = [small.explained(method, subject, given, 8, one[None]).maps for one in background]
    found = small.explained(method, subject, given, 8, background)
    torch.testing.assert_close(found.maps, torch.stack(each).mean(dim=0), rtol=1e-4, atol=1e-6)


class Product(nn.Module):
    """The product of the four values of an image: x0 x1 x2 x3."""

    def forward(self, x):
        return x.flatten(1).prod(dim=1, keepdim=True)


def test_a_product_from_black_is_shared_equally(small):
    given = small.batch(1, channels=1, side=2)
    found = small.explained(integrated(4), small.subject(Product(), channels=1, side=2), given)
    share = given.inputs.prod() / 4
    torch.testing.assert_close(found.maps, share.expand(1, 1, 2, 2), rtol=1e-5, atol=1e-7)
    assert float(found.residual[0]) < 1e-5


def test_an_image_equal_to_its_baseline_has_an_empty_map_and_no_residual(small):
    given = Batch(torch.zeros(1, 3, 8, 8), torch.zeros(1, dtype=torch.int64), [1])
    found = small.explained(integrated(4), small.subject(small.network()), given)
    assert not found.maps.any()
    assert found.residual.tolist() == [0.0]


@settings(max_examples=25, deadline=None)
@hypothesis_given(st.integers(1, 6), st.integers(1, 40), st.integers(0, 2**62))
def test_designs_have_one_alpha_per_stratum_and_equal_shares_of_baselines(starts, samples, seed):
    design = stratified([seed], starts, samples)
    strata = (design.alpha[0].double() * samples).floor().clamp(max=samples - 1)
    assert sorted(strata.tolist()) == list(range(samples))
    used = torch.bincount(design.start[0], minlength=starts)
    assert int(used.max() - used.min()) <= 1
    shares = torch.zeros(starts).index_add(0, design.start[0], design.weight[0])
    wanted = (used > 0) / min(samples, starts)
    torch.testing.assert_close(shares, wanted.float(), rtol=1e-5, atol=1e-6)
    assert float(gauss_legendre(1, starts, samples + 1).weight.sum()) == pytest.approx(1, abs=1e-5)


def test_a_straight_line_of_strata_does_not_meet_baselines_in_order():
    design = stratified([4], 2, 400)
    first = design.alpha[0][design.start[0] == 0]
    assert 0.4 < float(first.mean()) < 0.6


@pytest.mark.parametrize("samples", [5, 8, 13])
def test_expected_gradients_of_a_linear_model_are_exact_at_any_number_of_samples(small, samples):
    net = nn.Sequential(nn.Flatten(), nn.Linear(12, 3))
    given, background = small.batch(2, side=2), small.batch(5, side=2, seed=9).inputs
    found = small.explained(expected(samples), small.subject(net, side=2), given, 4, background)
    weights = net[1].weight.detach()[given.target].reshape(2, 3, 2, 2)
    wanted = weights * (given.inputs - background.mean(dim=0))
    torch.testing.assert_close(found.maps, wanted, rtol=1e-4, atol=1e-6)
    assert float(found.residual.max()) < 1e-4
    assert found.evaluations.tolist() == [samples + 1 + 5] * 2


def test_expected_gradients_from_one_image_become_integrated_gradients(small):
    subject, given = small.subject(small.network()), small.batch(2)
    black = torch.zeros(1, 3, 8, 8)
    fine = small.explained(integrated(200), subject, given).maps
    found = small.explained(expected(1000), subject, given, 256, black).maps
    assert (found - fine).norm() < 0.01 * fine.norm()


def test_strata_are_closer_than_independent_points(small):
    subject, given = small.subject(small.network()), small.batch(4)
    net, black = small.network(), torch.zeros(1, 3, 8, 8)
    fine = small.explained(integrated(200), subject, given).maps
    ours = small.explained(expected(50), subject, given, 256, black).maps
    torch.manual_seed(0)
    captum = GradientShap(net).attribute(
        given.inputs, baselines=black, n_samples=50, stdevs=0.0, target=given.target
    )
    assert (ours - fine).norm() < 0.5 * (captum - fine).norm()


def test_gradient_shap_without_noise_is_expected_gradients(small):
    subject, given = small.subject(small.network()), small.batch(2)
    background = small.batch(4, seed=9).inputs
    method = {"method": "gradient-shap", "samples": 12, "noise": 0.0}
    found = small.explained(method, subject, given, 5, background)
    wanted = small.explained(expected(12), subject, given, 5, background)
    assert torch.equal(found.maps, wanted.maps)


def test_gradient_shap_agrees_with_captums_in_the_mean(small):
    net = small.network()
    given, background = small.batch(1), small.batch(4, seed=9).inputs
    spread = float(given.inputs.max() - given.inputs.min())
    method = {"method": "gradient-shap", "samples": 4000, "noise": 0.1}
    found = small.explained(method, small.subject(net), given, 500, background).maps
    torch.manual_seed(0)
    wanted = GradientShap(net).attribute(
        given.inputs, background, n_samples=4000, stdevs=0.1 * spread, target=given.target
    )
    assert (found - wanted).norm() < 0.1 * wanted.norm()


def test_noise_and_points_differ_between_images_and_stay_with_their_seed(small):
    subject, background = small.subject(small.network()), small.batch(4, seed=9).inputs
    same = small.batch(1).inputs.expand(3, -1, -1, -1)
    given = Batch(same, torch.zeros(3, dtype=torch.int64), [1, 2, 1])
    for method in (expected(8), {"method": "smoothgrad", "samples": 4}):
        maps = small.explained(method, subject, given, 3, background).maps
        assert torch.equal(maps[0], maps[2])
        assert not torch.equal(maps[0], maps[1])


def test_rounds_go_on_until_the_residual_is_small_enough(small):
    subject, background = small.subject(small.network()), small.batch(4, seed=9).inputs
    method = expected(5000, error=0.01)
    found = small.explained(method, subject, small.batch(4), 256, background)
    assert float(found.residual.max()) <= 0.01
    assert len(set(found.evaluations.tolist())) > 1
    assert int(found.evaluations.max()) < 5000


def test_rounds_end_with_the_samples_and_report_the_residual_they_reached(small):
    subject, background = small.subject(small.network()), small.batch(4, seed=9).inputs
    method = expected(40, error=1e-9)
    found = small.explained(method, subject, small.batch(2), 256, background)
    assert found.evaluations.tolist() == [40 + 1 + 4] * 2
    assert float(found.residual.min()) > 1e-9
