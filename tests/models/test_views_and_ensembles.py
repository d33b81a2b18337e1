"""Ensembles and test-time views: averages by hand, eight distinct views, heatmaps turned back."""

import numpy as np
import pytest
import torch
from torch import nn

from auditkit.evidence.heatmaps import Batch, explainer, subject_of
from auditkit.models import load_model
from auditkit.models.model import Model
from auditkit.models.views import see, undo
from auditkit.spec.methods import parse_method
from auditkit.spec.model_card import ModelCard
from auditkit.spec.views import VIEWS


def card(networks, **changes):
    folder = networks["random"].parent
    parsed = ModelCard.model_validate(
        {
            "model": "several",
            "task": "melanoma",
            "format": "timm",
            "architecture": "test_resnet",
            "members": [
                {"weights": {"file": "random.safetensors"}},
                {"weights": {"file": "other.safetensors"}},
            ],
            "views": "all",
            "input": {"size": 64},
            "output": {"kind": "logits", "classes": ["benign", "malignant"], "score": 1},
            "threshold": 0.5,
            **changes,
        }
    )
    return parsed.model_copy(update={"path": folder / "m.model.yaml", "folder": folder})


@pytest.fixture(scope="module")
def members(networks):
    """A second network beside the first."""
    import timm
    from safetensors.torch import save_file

    torch.manual_seed(7)
    other = timm.create_model("test_resnet", num_classes=2)
    save_file(other.state_dict(), networks["random"].parent / "other.safetensors")
    return networks


def inputs(n=3):
    return torch.rand(n, 3, 64, 64, generator=torch.Generator().manual_seed(1))


def test_the_eight_views_are_distinct_and_each_is_undone():
    x = torch.arange(25.0).view(1, 1, 5, 5)
    seen = {tuple(see(x, view).flatten().tolist()) for view in VIEWS}
    assert len(seen) == 8
    for view in VIEWS:
        assert torch.equal(undo(see(x, view), view), x), view


def test_views_are_what_their_names_say():
    x = np.arange(9).reshape(3, 3)
    expected = {
        "rotate-90": np.rot90(x),
        "rotate-180": np.rot90(x, 2),
        "rotate-270": np.rot90(x, 3),
        "flip-horizontal": np.fliplr(x),
        "flip-vertical": np.flipud(x),
        "transpose": x.T,
        "anti-transpose": np.rot90(x, 2).T,
        "identity": x,
    }
    for view, wanted in expected.items():
        assert np.array_equal(see(torch.from_numpy(x), view).numpy(), wanted), view


def test_an_ensemble_averages_probabilities_over_members_and_views(members):
    model = load_model(card(members))
    alone = [
        load_model(card(members, members=None, weights={"file": name}, views=["identity"]))
        for name in ("random.safetensors", "other.safetensors")
    ]
    x = inputs()
    with torch.no_grad():
        expected = sum(one.probabilities(see(x, view)) for one in alone for view in VIEWS) / 16
        found = model.probabilities(x)
        odds = model.log_odds(x, torch.ones(3, dtype=torch.long))
    assert torch.allclose(found, expected, atol=1e-6)
    assert torch.allclose(odds, torch.logit(expected[:, 1]), atol=1e-4)


def test_an_ensemble_of_all_views_answers_alike_to_a_turned_picture(members):
    model = load_model(card(members))
    x = inputs()
    with torch.no_grad():
        for view in VIEWS:
            assert torch.allclose(
                model.probabilities(x), model.probabilities(see(x, view)), atol=1e-5
            )


@pytest.mark.parametrize("method", ["gradient", "gradcam"])
def test_heatmaps_of_all_views_turn_with_the_picture(members, method):
    """What a view sees is turned back before it is added: the map of a turned picture is turned."""
    model = load_model(card(members))
    explain = explainer(parse_method(method), subject_of(model))
    target, seeds = torch.ones(3, dtype=torch.long), [1, 2, 3]
    x = inputs()
    plain = explain.explain(Batch(x, target, seeds), 3).maps
    assert plain.abs().max() > 0
    for view in ("rotate-90", "transpose"):
        turned = explain.explain(Batch(see(x, view).contiguous(), target, seeds), 3).maps
        assert torch.allclose(turned, see(plain, view), atol=1e-4 * float(plain.abs().max()))


def test_copies_share_parameters_but_not_modules(members):
    model = load_model(card(members))
    other = model.copy()
    pairs = zip(model.network.parameters(), other.network.parameters(), strict=True)
    assert all(a is b for a, b in pairs)
    assert model.members[0] is not other.members[0]
    with torch.no_grad():
        assert torch.equal(model.probabilities(inputs()), other.probabilities(inputs()))


class Fixed(nn.Module):
    """Answers the same for every picture."""

    def __init__(self, answer):
        super().__init__()
        self.answer = torch.tensor(answer)

    def forward(self, x):
        return self.answer.expand(len(x), -1) + 0 * x.mean(dim=(1, 2, 3))[:, None]


def fixed(answer, **output):
    names = output.pop("classes", ["a", "b", "c", "d"])
    parsed = ModelCard.model_validate(
        {
            "model": "fixed",
            "task": "t",
            "format": "torchscript",
            "weights": {"file": "x"},
            "input": {"size": 8},
            "output": {"classes": names, **output},
            "threshold": 0.5,
        }
    )
    return Model(parsed, [Fixed(answer)], torch.device("cpu"))


X = torch.zeros(1, 3, 8, 8)


@pytest.mark.parametrize("score", ["b", 1, ["b", "d"], [3, "b"]])
@pytest.mark.parametrize("kind", ["probabilities", "logits"])
def test_the_score_of_many_classes_is_one_or_the_sum_of_several(score, kind):
    p = torch.tensor([0.1, 0.2, 0.3, 0.4])
    answer = p if kind == "probabilities" else p.log() + 3.0
    model = fixed(answer.tolist(), kind=kind, score=score)
    expected = 0.6 if isinstance(score, list) else 0.2
    found = model.probabilities(X)
    assert found[0, 1].item() == pytest.approx(expected, abs=1e-6)
    assert model.decide(found).item() == int(expected >= 0.5)
    odds = model.log_odds(X, torch.tensor([1])).item()
    assert odds == pytest.approx(np.log(expected / (1 - expected)), abs=1e-4)
    assert model.log_odds(X, torch.tensor([0])).item() == pytest.approx(-odds, abs=1e-5)


def test_classes_that_do_not_exclude_each_other_are_one_yes_or_no_each():
    model = fixed([3.0, -1.0, 0.5, 2.0], kind="logits", score="c", exclusive=False)
    assert model.probabilities(X)[0, 1].item() == pytest.approx(1 / (1 + np.exp(-0.5)), abs=1e-6)
    assert model.log_odds(X, torch.tensor([1])).item() == pytest.approx(0.5, abs=1e-5)


def test_a_sum_of_classes_that_do_not_exclude_each_other_is_refused():
    with pytest.raises(ValueError, match="one class is expected where classes are not exclusive"):
        fixed([0.0] * 4, kind="logits", score=["a", "b"], exclusive=False)


def test_numpy_reads_outputs_as_torch_does():
    from auditkit.models.reading import decision_probabilities

    raw = np.random.default_rng(0).normal(size=(5, 4))
    for output in (
        {"kind": "logits", "score": ["a", "c"]},
        {"kind": "logits", "score": "d", "exclusive": False},
    ):
        model = fixed([0.0] * 4, **output)
        with torch.no_grad():
            ours = model.outputs.probabilities(torch.from_numpy(raw)).numpy()
        assert np.allclose(decision_probabilities(model.card, raw), ours, atol=1e-9)


class Overwriting(nn.Module):
    """Doubles what it is given, in place, before it answers."""

    def forward(self, x):
        x.mul_(2)
        mean = x.mean(dim=(1, 2, 3))[:, None]
        return torch.cat([1 - mean / 4, mean / 4], dim=1)


def test_a_network_that_overwrites_its_input_leaves_the_others_theirs(members):
    model = load_model(card(members))
    both = type(model)(model.card, [Overwriting(), Overwriting()], model.device)
    x = inputs()
    expected = both.normalise(x).mean(dim=(1, 2, 3)) / 2
    with torch.no_grad():
        if model.card.output.kind == "probabilities":
            assert torch.allclose(both.probabilities(x)[:, 1], expected, atol=1e-6)
        else:
            logits = torch.stack([1 - expected, expected], dim=1)
            assert torch.allclose(both.probabilities(x), logits.softmax(dim=1), atol=1e-6)
