import argparse

import pytest

from auditkit.training import command
from auditkit.training.interrupt import Interrupted


@pytest.fixture
def run():
    parser = argparse.ArgumentParser()
    command.add_arguments(parser)

    def given(*words):
        arguments = parser.parse_args(words)
        return arguments.run(arguments)

    return given


def test_what_is_typed_reaches_the_trainer_and_the_card_is_printed(
    run, monkeypatch, capsys, tmp_path
):
    from auditkit.training import diffusion

    asked = []

    def trained(*given):
        asked.append(given)
        return tmp_path / "a.generator.yaml"

    monkeypatch.setattr(diffusion, "train_concepts", trained)
    assert run("concepts", "r.yaml", "--out", "o", "--cards", "c", "--device", "cpu") == 0
    (recipe, out, cards, device) = asked[0]
    assert (str(recipe), str(out), [str(card) for card in cards], device) == (
        "r.yaml", "o", ["c"], "cpu",
    )  # fmt: skip
    assert capsys.readouterr().out == f"{tmp_path / 'a.generator.yaml'}\n"


def test_an_interrupt_exits_130_and_says_how_to_go_on(run, monkeypatch, capsys):
    from auditkit.training import diffusion

    def stopped(*_):
        raise Interrupted("Run the same command again")

    monkeypatch.setattr(diffusion, "train_concepts", stopped)
    assert run("concepts", "r.yaml", "--out", "o") == 130
    assert "Run the same command again" in capsys.readouterr().err
