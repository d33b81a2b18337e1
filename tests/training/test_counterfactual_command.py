"""What can be typed after `auditkit train`."""

import argparse

import pytest
from counterfactual_runs import data_card, project

from auditkit.cli import main
from auditkit.errors import AuditError
from auditkit.training import command
from auditkit.training.counterfactual.asked import asked_recipe


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    here = project(tmp_path_factory.mktemp("project"))
    data_card(here, "photographs", task="shapes")
    data_card(here, "lesions-too", seed=6)
    return here


@pytest.fixture
def asked(monkeypatch, tmp_path):
    """What reaches the trainer."""
    from auditkit.training.counterfactual import run

    found = []
    monkeypatch.setattr(
        run, "train_counterfactual", lambda *given: found.append(given) or tmp_path / "a.yaml"
    )
    return found


def parsed(*words):
    parser = argparse.ArgumentParser(prog="auditkit train")
    command.add_arguments(parser)
    given = parser.parse_args(words)
    return given.run(given)


def test_options_become_a_recipe(asked, folder, tmp_path, capsys):
    words = ["--model", "redness", "--data", "lesions", "--seed", "3", "--images", "30"]
    words += ["--discriminator", "class-conditional", "--device", "cpu", "--cards", str(folder)]
    assert parsed("counterfactual", *words, "--out", "o") == 0
    recipe, out, cards, device = asked[0]
    assert (recipe.recipe, recipe.model, recipe.data) == ("fast", "redness", "lesions")
    assert (recipe.seed, recipe.images, recipe.discriminator) == (3, 30, "class-conditional")
    assert (str(out), cards, device) == ("o", (folder,), "cpu")
    assert capsys.readouterr().out == f"{tmp_path / 'a.yaml'}\n"


def test_the_papers_recipe_goes_by_its_name(asked, folder):
    words = ["--model", "redness", "--data", "lesions", "--cards", str(folder)]
    parsed("counterfactual", "degrave-2023", *words)
    recipe, out, *_ = asked[0]
    assert (recipe.network.kind, recipe.epochs, recipe.batch, out) == ("cyclegan", 500, 32, None)


def written(folder, text):
    path = folder / "mine.training.yaml"
    path.write_text(text)
    return path


RECIPE = "train: counterfactual\nmodel: redness\ndata: lesions\nseed: 1\nsteps: 7\n"


def test_what_is_typed_replaces_what_a_file_says(asked, folder, tmp_path):
    path = written(tmp_path, RECIPE)
    parsed("counterfactual", str(path), "--seed", "2", "--data", "lesions-too")
    parsed("counterfactual", str(path))
    (changed, *_), (plain, *_) = asked
    assert (changed.steps, changed.seed, changed.data) == (7, 2, "lesions-too")
    assert changed.path == plain.path == path
    assert (plain.steps, plain.seed, plain.data) == (7, 1, "lesions")


def test_typed_paths_are_relative_to_where_one_is(folder, tmp_path, monkeypatch):
    monkeypatch.chdir(folder)
    path = written(tmp_path, RECIPE)
    recipe = asked_recipe(str(path), {"data": "./lesions-too.data.yaml"}, [folder])
    assert recipe.card_name(recipe.data) == str(folder / "lesions-too.data.yaml")


def test_a_missing_model_is_asked_for(folder):
    with pytest.raises(
        AuditError, match=r"needs --model MODEL.* --data DATA, images of the model's task"
    ):
        asked_recipe("fast", {"data": "lesions"}, [folder])


def test_missing_data_are_asked_for_with_those_of_the_models_task(folder):
    with pytest.raises(
        AuditError, match=r"needs --data DATA.*of melanoma there are: lesions, lesions-too$"
    ):
        asked_recipe("fast", {"model": "redness", "seed": None}, [folder])


@pytest.mark.parametrize(
    ("recipe", "given", "said"),
    [
        (
            "fats",
            {"model": "redness", "data": "lesions"},
            "unknown recipe 'fats'; did you mean 'fast'?",
        ),
        (
            "fast",
            {"model": "redness", "data": "lesions", "seed": -1},
            "seed: .*greater than or equal to 0",
        ),
        ("fast", {"model": "redness", "data": "lesions", "images": 5}, "images: "),
        ("no.training.yaml", {}, "no.training.yaml"),
    ],
)
def test_what_cannot_be_is_refused(folder, recipe, given, said):
    with pytest.raises(AuditError, match=said):
        asked_recipe(recipe, given, [folder])


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["concepts"], "the following arguments are required: RECIPE, --out"),
        (["target", "r.yaml"], "the following arguments are required: --out"),
        (["concepts", "r.yaml", "--out", "o", "--model", "m"], "unrecognized arguments: --model m"),
        (
            ["concept-classifier", "r.yaml", "--out", "o", "--seed", "1"],
            "unrecognized arguments: --seed",
        ),
        (["counterfactual", "--discriminator", "none"], "invalid choice: 'none'"),
        (["counterfactuals"], "invalid choice: 'counterfactuals'"),
        ([], "WHAT"),
    ],
)
def test_what_a_kind_does_not_know_is_an_error_of_usage(words, said, capsys):
    with pytest.raises(SystemExit) as ended:
        parsed(*words)
    assert ended.value.code == 2
    assert said in capsys.readouterr().err


def test_an_error_is_one_line_and_status_2(folder, capsys):
    assert main(["train", "counterfactual", "--model", "redness", "--cards", str(folder)]) == 2
    said = capsys.readouterr().err
    assert said.startswith("auditkit: auditkit train counterfactual needs --data DATA")
    assert said.count("\n") == 1
