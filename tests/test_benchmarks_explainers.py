"""The comparison with captum: its exact values, its reading of time, and that all of it runs."""

import importlib
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.linear_model import LinearRegression

pytest.importorskip("captum")
pytest.importorskip("matplotlib")
BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(scope="module", autouse=True)
def found_modules():
    """Scripts beside each other, as Python finds them when one of them is run."""
    sys.path.insert(0, str(BENCHMARKS))
    yield
    sys.path.remove(str(BENCHMARKS))


def module(name):
    return importlib.import_module(name)


def game(players, seed=0):
    return torch.randn(2**players, generator=torch.Generator().manual_seed(seed))


def test_shapley_values_of_the_airport_game():
    games = module("explainer_games")
    needs = torch.tensor([1.0, 3.0, 4.0])
    values = (games.members(3) * needs).amax(dim=1)
    # The first third of a runway is shared by three, the next two by two, the last is one's own.
    expected = torch.tensor([1 / 3, 1 / 3 + 1, 1 / 3 + 1 + 1]).double()
    torch.testing.assert_close(games.exact_shapley(values), expected)


def test_lime_is_the_weighted_regression_on_all_coalitions():
    games = module("explainer_games")
    values = game(5)
    who = games.members(5).numpy().astype(float)
    distance = 1 - np.sqrt(who.sum(axis=1) / 5)
    weight = np.exp(-(distance**2) / (2 * 0.25**2))
    fitted = LinearRegression().fit(who, values.numpy(), weight)
    np.testing.assert_allclose(games.exact_lime(values).numpy(), fitted.coef_, rtol=1e-5)


def test_all_answers_of_a_network_are_those_of_its_table():
    games = module("explainer_games")
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(48, 3))
    given = games.setting("n", network, torch.rand(2, 3, 4, 4), 2)
    values = games.all_values(given, 1, rows=5)
    table = games.Table(values)
    seen = given.images[1] * torch.tensor([[1.0, 0.0], [0.0, 1.0]]).repeat_interleave(
        2, 0
    ).repeat_interleave(2, 1)
    expected = network(seen[None])[0, given.target[1]]
    assert table(torch.tensor([[[1.0, 0.0, 0.0, 1.0]]]))[0, 0] == pytest.approx(
        expected.item(), abs=1e-6
    )


def test_renumbered_players_have_the_same_values_in_another_order():
    games, explainers = module("explainer_games"), module("explainers")
    values = game(5)
    renumbered, order = explainers.renumber(values, seed=3)
    assert order.tolist() != list(range(5))
    expected = games.exact_shapley(values)[order]
    torch.testing.assert_close(games.exact_shapley(renumbered), expected)


@pytest.mark.parametrize("name", ["kernel-shap", "shapley-sampling", "lime"])
def test_both_sides_estimate_the_same_quantity(name):
    games, sides = module("explainer_games"), module("explainer_sides")
    contest = next(contest for contest in sides.CONTESTS if contest.name == name)
    values = game(4, seed=1)
    exact = games.exact_lime(values) if name == "lime" else games.exact_shapley(values)
    table = games.table_setting(values)
    torch.testing.assert_close(contest.ours(table, 16, 64)[0], exact, atol=1e-5, rtol=1e-5)
    torch.manual_seed(0)
    theirs = contest.captum(table, 4000, 256)[0]
    assert (theirs - exact).norm() < 0.15 * exact.norm()


@pytest.mark.parametrize("name", ["feature-ablation", "occlusion"])
def test_both_sides_find_the_same_drops(name):
    games, sides = module("explainer_games"), module("explainer_sides")
    contest = next(contest for contest in sides.CONTESTS if contest.name == name)
    network = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(192, 3))
    given = games.setting("n", network, torch.rand(2, 3, 8, 8), 4)
    torch.testing.assert_close(
        contest.captum(given, 0, 8), contest.ours(given, 0, 8), atol=1e-5, rtol=1e-5
    )


def test_times_lie_on_lines_between_those_measured():
    timing = module("explainers").Timing(1, [10, 20, 40], [1.0, 3.0, 5.0])
    assert [timing.at(budget) for budget in (5, 10, 15, 30, 80)] == [1.0, 1.0, 2.0, 4.0, 9.0]
    assert module("explainers").Timing(1, [10], [2.0]).at(30) == 6.0


def test_least_time_is_where_our_error_is_no_larger():
    explainers = module("explainers")
    result = explainers.Result(None, {"ours": {10: 1.0, 1000: 0.01, 2000: 0.0}})
    result.times[1] = {"ours": explainers.Timing(1, [10, 2000], [10.0, 2000.0])}
    assert explainers.least_time(result, 1, 2.0) == 10.0
    assert explainers.least_time(result, 1, 0.1) == pytest.approx(100.0, abs=1)
    assert explainers.least_time(result, 1, 0.001) == 2000.0


def test_a_quick_run_writes_page_and_figure(tmp_path, monkeypatch, capsys):
    explainers = module("explainers")
    threads = torch.get_num_threads()
    target = tmp_path / "explainers.md"
    arguments = ["explainers.py", "--quick", "--threads", str(threads), "--write", str(target)]
    monkeypatch.setattr(sys, "argv", arguments)
    explainers.main()
    text = target.read_text(encoding="utf-8")
    for contest in module("explainer_sides").CONTESTS:
        assert text.count(f"| {contest.name} | 2 |") >= 2
    assert "nan" not in text
    assert (tmp_path / "explainers.svg").read_text(encoding="utf-8").startswith("<?xml")
    assert "Time to equal error" in capsys.readouterr().out
