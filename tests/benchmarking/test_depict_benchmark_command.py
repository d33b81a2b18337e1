"""The command, and the script that times the loop, with an untrained generator: all parts meet."""

import argparse
import importlib.util
import json
import sys
from pathlib import Path

import pytest
from benchmark_world import SIZE, data_card, write

from auditkit.benchmarking.command import add_arguments, run
from auditkit.data.synthetic.shapes import SHAPES
from auditkit.errors import AuditError
from auditkit.models.diffusion.small import PixelTextToImage

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cards(folder, classifier_card, target_card):
    """A folder with cards of everything that a benchmark names."""
    data_card(folder, 12)
    words = ["red", "green", "blue", "circle", "rectangle"]
    parts = PixelTextToImage.untrained(words, size=SIZE, factor=4, channels=(16, 16), width=16)
    parts.save(folder / "tiny")
    card = {"generator": "tiny", "task": "shapes", "folder": "tiny", "steps": 2, "guidance": 1}
    write(folder / "tiny.generator.yaml", card)
    return folder


def command(cards, out, *more):
    parser = argparse.ArgumentParser()
    add_arguments(parser)
    names = ["--data", "shapes", "--generator", "tiny", "--classifier", "concepts"]
    places = ["--cards", str(cards), "--out", str(out), "--store", str(cards / "store")]
    return parser.parse_args([*names, *places, *more])


def test_cards_become_a_benchmark(cards, tmp_path, capsys):
    assert run(command(cards, tmp_path, "--targets", "3", "--heatmaps", "2")) == 0
    found = json.loads((tmp_path / "benchmark.json").read_text())
    assert (found["images"], found["evaluable"], len(found["targets"])) == (12, 12, 3)
    assert found["captions"] > 12
    assert set(found["provenance"]["cards"]) == {
        "data shapes",
        "generator tiny",
        "model concepts",
    }
    assert {one["permuted"] for one in found["independence"]} == set(SHAPES)
    assert "DEPICT against standardised weights" in capsys.readouterr().out


def test_a_target_with_a_card_and_what_is_in_the_store(cards, tmp_path):
    given = command(cards, tmp_path, "--target", "bottleneck", "--heatmaps", "0")
    assert run(given) == 0
    first = (tmp_path / "benchmark.json").read_text()
    assert run(given) == 0
    assert (tmp_path / "benchmark.json").read_text() == first
    assert [one["name"] for one in json.loads(first)["targets"]] == ["bottleneck"]


@pytest.mark.parametrize(
    ("more", "message"),
    [
        (["--targets", "3", "--target", "bottleneck"], "give one of them"),
        (["--targets", "-3"], "--targets -3: .*1 random target at least"),
        (["--images", "2"], "images: 4 or more was expected"),
        (["--cards", "nowhere"], "is not a folder"),
        (["--target", "concepts"], "has no concept bottleneck"),
        (["--classifier", "bottleneck"], "is no concept classifier"),
    ],
)
def test_what_does_not_fit_is_refused(cards, tmp_path, more, message):
    with pytest.raises(AuditError, match=message):
        run(command(cards, tmp_path, *more))


def test_nothing_is_computed_for_a_place_or_a_generator_that_is_not_there(cards, tmp_path):
    (tmp_path / "file").touch()
    with pytest.raises(AuditError, match=r"--out .*file is no folder"):
        run(command(cards, tmp_path / "file"))
    card = {"generator": "gone", "task": "shapes", "folder": "nowhere"}
    write(tmp_path / "gone.generator.yaml", card)
    place = ["--generator", str(tmp_path / "gone.generator.yaml"), "--store", str(tmp_path / "s")]
    with pytest.raises(AuditError, match=r"generator 'gone' .* does not exist; put it there"):
        run(command(cards, tmp_path / "out", *place))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file", "gone.generator.yaml"]


def test_the_loop_and_ours_are_counted_and_equal_under_fixed_noise(cards, monkeypatch, capsys):
    path = ROOT / "benchmarks/depict.py"
    spec = importlib.util.spec_from_file_location("benchmark_of_depict", path)
    script = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, spec.name, script)
    spec.loader.exec_module(script)
    names = ["--data", "shapes", "--generator", "tiny", "--classifier", "concepts"]
    numbers = ["--images", "12", "--permutations", "2", "--cards", str(cards)]
    monkeypatch.setattr(sys, "argv", ["depict", *names, *numbers])
    assert script.main() == 0
    told = capsys.readouterr().out
    assert f"| loop, P = 2 | {12 * (1 + 6 * 2)} |" in told
    assert f"| ours | {12 * 7} |" in told
    assert f"| loop, P = 500, counted | {12 * 3001} |" in told
    assert "fixed noise: 0 of 144 images" in told
