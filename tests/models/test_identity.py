"""Who a model is: whatever changes its answers changes its digest, and telling runs no code."""

import shutil
import sys
from pathlib import Path

import numpy as np
import pytest

from auditkit.models.identity import decision_names, label_indices, model_digest, pinned
from auditkit.spec.model_card import ModelCard

FIXTURES = Path(__file__).parents[2] / "fixtures"
BASE = {
    "model": "m",
    "task": "t",
    "format": "timm",
    "architecture": "test_resnet",
    "input": {"size": 64},
    "output": {"kind": "logits", "classes": ["benign", "malignant"], "score": 1},
    "threshold": 0.5,
}


def card(folder, **changes):
    parsed = ModelCard.model_validate({**BASE, **changes})
    return parsed.model_copy(update={"path": folder / "m.model.yaml", "folder": folder})


def test_members_in_other_numbers_are_another_model(tmp_path):
    for name in "ab":
        (tmp_path / name).write_text(name)

    def digest(names):
        members = [{"weights": {"file": name}} for name in names]
        return model_digest(card(tmp_path, members=members))

    assert len({digest("aab"), digest("abb"), digest("ab"), digest("ba")}) == 4
    assert digest("aab") == digest("aab")


@pytest.mark.parametrize(
    "change",
    [
        {"views": "all"},
        {"threshold": 0.6},
        {"weights": {"file": "a", "strip_prefix": "x"}},
        {"weights": {"file": "a", "rename": {"x": "y"}}},
        {"arguments": {"drop_rate": 0.1}},
        {"input": {"size": 64, "equalise": "after-resize"}},
        {"vendor_input": {"size": 64, "resize": "nearest"}},
        {"table": [{"column": "age"}]},
        {"output": {**BASE["output"], "score": 0}},
    ],
)
def test_whatever_changes_answers_changes_the_digest(tmp_path, change):
    (tmp_path / "a").write_text("a")
    plain = {"weights": {"file": "a"}}
    assert model_digest(card(tmp_path, **plain)) != model_digest(card(tmp_path, **plain | change))


def test_weights_beside_an_onnx_file_belong_to_it(tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(FIXTURES / "onnx" / "tiny_float.onnx")
    where = {"all_tensors_to_one_file": True, "location": "m.data", "size_threshold": 0}
    onnx.save(model, tmp_path / "m.onnx", save_as_external_data=True, **where)
    given = card(tmp_path, format="onnx", architecture=None, weights={"file": "m.onnx"})
    before = model_digest(given)
    data = np.fromfile(tmp_path / "m.data", np.uint8)
    data[100] ^= 1
    data.tofile(tmp_path / "m.data")
    assert model_digest(given) != before
    stated = {"file": "m.onnx", "sha256": "0" * 64}
    assert not pinned(card(tmp_path, format="onnx", weights=stated))


def test_telling_who_a_python_model_is_runs_nothing_that_is_not_allowed(tmp_path, monkeypatch):
    package = tmp_path / "spy_package"
    package.mkdir()
    (package / "__init__.py").write_text("raise RuntimeError('imported')")
    (package / "inner.py").write_text("def make():\n    return None\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    source = {"factory": "spy_package.inner:make", "version": "1"}
    model_digest(card(tmp_path, format="python", architecture=None, python=source))
    assert "spy_package" not in sys.modules


def test_labels_of_many_classes_are_right_or_wrong_by_the_score(tmp_path):
    names = list("abcdefgh")
    output = {"kind": "logits", "classes": names, "score": ["b", 3]}
    given = card(tmp_path, weights={"file": "x"}, output=output)
    found = label_indices(given)
    assert [found[name] for name in names] == [0, 1, 0, 1, 0, 0, 0, 0]
    assert decision_names(given) == ["negative", "b or d"]
    output = {"kind": "logits", "classes": names, "score": list("abcd")}
    assert decision_names(card(tmp_path, weights={"file": "x"}, output=output)) == [
        "negative",
        "positive",
    ]


def test_another_file_of_the_same_content_is_the_same_model(tmp_path):
    for folder in ("one", "two"):
        (tmp_path / folder).mkdir()
        shutil.copy(FIXTURES / "onnx" / "tiny_float.onnx", tmp_path / folder / "m.onnx")
    given = {"format": "onnx", "architecture": None, "weights": {"file": "m.onnx"}}
    digests = {model_digest(card(tmp_path / name, **given)) for name in ("one", "two")}
    assert len(digests) == 1
