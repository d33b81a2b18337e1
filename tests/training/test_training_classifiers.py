"""Concept classifiers and target models from recipes: what is written is what was trained."""

import csv
import hashlib
import json
from pathlib import Path

import numpy as np
import pytest
import timm
import torch
from PIL import Image
from safetensors.torch import load_file, save_file

import auditkit
from auditkit.data.dataset import Record
from auditkit.data.resample import one_to_one
from auditkit.errors import AuditError
from auditkit.models.concept_cnn import ConceptCnn
from auditkit.spec.catalogue import read_model_card
from auditkit.spec.training_classifier import read_classifier_training, read_target_training
from auditkit.training.bottlenecks import write_weighted
from auditkit.training.classifier import train_classifier
from auditkit.training.examples import presence
from auditkit.training.progress import Progress
from auditkit.training.starting import planned, started
from auditkit.training.target import train_target

SHAPES = """\
data: {name}
task: shapes
format: synthetic-shapes
concepts: [{{name: red circle}}, {{name: blue circle}}, {{name: red rectangle}}]
with: {{n: {n}, seed: {seed}, size: 32}}
"""
CLASSIFIER = """\
train: concept-classifier
name: shapes-concepts
title: "Shapes: which are there"
data: shapes
validation: held
network: {arguments: {widths: [4, 4, 4, 4, 4]}}
input: {size: 24, mean: [0.1], std: [0.3]}
augment: {flip_vertical: 0.5, rotate: 10}
optimiser: adamw
learning_rate: 0.01
epochs: 2
batch: 32
"""
PLACES = [
    f"{row} {column}"
    for row in ("top", "middle", "bottom")
    for column in ("left", "centre", "right")
]
PLACE = f"{{name: place, column: place of red circle, values: {PLACES}}}, "
TARGET = """\
train: target
name: target
data: shapes
validation: held
epochs: 3
"""


@pytest.fixture(scope="module")
def cards(tmp_path_factory):
    folder = tmp_path_factory.mktemp("cards")
    for name, n, seed in (("shapes", 96, 1), ("held", 64, 2)):
        text = SHAPES.format(name=name, n=n, seed=seed)
        (folder / f"{name}.data.yaml").write_text(text)
    return folder


def recipe(folder, text, name="r"):
    path = folder / f"{name}.training.yaml"
    path.write_text(text)
    return path


@pytest.fixture(scope="module")
def classifier(cards):
    """The folder with the cards and a trained concept classifier."""
    train_classifier(recipe(cards, CLASSIFIER, "classifier"), cards / "classifier", [cards], "cpu")
    return cards


@pytest.fixture(scope="module")
def trained(classifier):
    return read_model_card(classifier / "classifier" / "shapes-concepts.model.yaml")


def shapes(folder, name="held"):
    return auditkit.load_data(folder / f"{name}.data.yaml")


def answers(card, data):
    model = auditkit.load_model(card, device="cpu")
    inputs = model.prepare([data.image(i) for i in range(len(data.records))])
    with torch.no_grad():
        return model.probabilities(inputs), inputs


def test_the_card_of_a_concept_classifier_answers_as_the_trained_network(classifier, trained):
    assert trained.output.independent
    assert trained.output.classes == ["red circle", "blue circle", "red rectangle"]
    assert (trained.title, trained.task) == ("Shapes: which are there", "shapes")
    found, inputs = answers(trained, shapes(classifier))
    network = ConceptCnn(concepts=3, size=24, widths=[4] * 5).eval()
    network.load_state_dict(load_file(classifier / "classifier" / "shapes-concepts.safetensors"))
    with torch.no_grad():
        expected = network((inputs - 0.1) / 0.3).sigmoid()
    assert torch.allclose(found, expected, atol=1e-6)


def test_the_weights_are_those_of_the_card_and_of_the_best_epoch(classifier, trained):
    folder = classifier / "classifier"
    digest = hashlib.sha256((folder / trained.weights.file).read_bytes()).hexdigest()
    assert trained.weights.sha256 == digest
    about = json.loads((folder / "training.json").read_text())
    found, _ = answers(trained, shapes(classifier))
    targets = presence(shapes(classifier).records, trained.output.classes)
    loss = torch.nn.functional.binary_cross_entropy(found, targets).item()
    assert loss == pytest.approx(min(about["loss"]["validation"]), abs=1e-5)


def test_training_json_has_an_auroc_with_interval_per_concept(classifier, trained):
    about = json.loads((classifier / "classifier" / "training.json").read_text())
    found, _ = answers(trained, shapes(classifier))
    labels = presence(shapes(classifier).records, trained.output.classes)
    for k, name in enumerate(trained.output.classes):
        said = about["concepts"][name]
        assert said["auroc"] == pytest.approx(auditkit.stats.auroc_point(labels[:, k], found[:, k]))
        assert said["low"] < said["auroc"] < said["high"]
        assert about["validation"]["present"][name] == said["positives"]
    assert about["training"]["images"] == 96
    assert about["training"]["unknown"] == dict.fromkeys(trained.output.classes, 0)


def test_curves_have_a_row_per_epoch(classifier):
    folder = classifier / "classifier"
    with (folder / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    about = json.loads((folder / "training.json").read_text())
    assert [int(row["step"]) for row in rows] == [3, 6]
    assert [float(row["validation_loss"]) for row in rows] == about["loss"]["validation"]
    assert "<svg" in (folder / "curves.svg").read_text()


def test_an_interrupted_training_writes_the_same_file(classifier, trained, tmp_path, monkeypatch):
    tell, seen = Progress.tell, []

    def stop(self, step, loss):
        seen.append(step)
        if step == 5:
            raise KeyboardInterrupt
        tell(self, step, loss)

    monkeypatch.setattr(Progress, "tell", stop)
    path = classifier / "classifier.training.yaml"
    with pytest.raises(KeyboardInterrupt):
        train_classifier(path, tmp_path, [classifier], "cpu")
    monkeypatch.setattr(Progress, "tell", lambda _, step, __: seen.append(step))
    card = train_classifier(path, tmp_path, [classifier], "cpu")
    assert seen == [1, 2, 3, 4, 5, 4, 5, 6]
    assert read_model_card(card).weights.sha256 == trained.weights.sha256
    # A finished run is not trained again.
    train_classifier(path, tmp_path, [classifier], "cpu")
    assert len(seen) == 8


def test_another_recipe_does_not_continue_the_run(classifier):
    other = recipe(classifier, CLASSIFIER + "seed: 9\n", "other")
    with pytest.raises(AuditError, match=r"seed \(0 there, 9 now\)"):
        train_classifier(other, classifier / "classifier", [classifier], "cpu")


def test_concepts_are_present_absent_or_unknown():
    records = [
        Record("a", "", 0, "a", concepts={"person": "3", "couch": ""}),
        Record("b", "", 0, "b", concepts={"person": "0", "couch": "1"}),
    ]
    found = presence(records, ["couch", "person"])
    assert found[:, 1].tolist() == [1.0, 0.0]
    assert found[:, 0].isnan().tolist() == [True, False]
    with pytest.raises(AuditError, match="has no concept 'couhc'; did you mean 'couch'"):
        presence(records, ["couhc"])


@pytest.mark.parametrize(
    ("old", "new", "more", "message"),
    [
        ("data: shapes\n", "data: none\n", "", "unknown data set 'none'"),
        (
            "validation: held",
            "validation: shapes",
            "",
            "every picture of the validation data is in",
        ),
        ("epochs: 2", "epochs: 2\nconcepts: [red square]", "", "has no concept 'red square'"),
        ("", "", PLACE, r"'place' has the values .* leave it out with"),
        ("", "", "{name: always, column: red circle, above: -1}, ", "is present in 96 of the 96"),
        ("validation: held", "validation: other", "", "they must have the same task"),
        ("widths: [4, 4, 4, 4, 4]", "widths: [4]", "", "5 were expected"),
    ],
)
def test_data_that_cannot_be_learnt_from_is_refused(tmp_path, old, new, more, message):
    text = SHAPES.format(name="other", n=8, seed=3).replace("task: shapes", "task: else")
    (tmp_path / "other.data.yaml").write_text(text)
    for name, n, seed in (("shapes", 96, 1), ("held", 64, 2)):
        text = SHAPES.format(name=name, n=n, seed=seed).replace("circle}, ", f"circle}}, {more}", 1)
        (tmp_path / f"{name}.data.yaml").write_text(text)
    with pytest.raises(AuditError, match=message):
        train_classifier(
            recipe(tmp_path, CLASSIFIER.replace(old, new)), tmp_path / "out", [tmp_path]
        )


def target(folder, kind, more, name="target"):
    text = f"{TARGET}kind: {kind}\n{more}".replace("name: target", f"name: {kind}-{name}")
    path = recipe(folder, text, f"{kind}-{name}")
    card = read_model_card(train_target(path, folder / f"{kind}-{name}", [folder], "cpu"))
    return card, json.loads((card.folder / "training.json").read_text())


def head_of(card):
    state = load_file(card.folder / card.weights.file)
    return state["head.weight"][0].double(), state["head.bias"].item(), state


@pytest.mark.parametrize("augment", ["", "augment: {rotate: 5}\n"])
def test_a_primary_model_is_a_head_on_the_classifier_from_images_that_agree(
    classifier, trained, augment
):
    more = f"concept: red circle\nclassifier: shapes-concepts\n{augment}"
    card, about = target(classifier, "primary", more, "augmented" if augment else "plain")
    weights, bias, state = head_of(card)
    for name, value in load_file(trained.folder / trained.weights.file).items():
        assert torch.equal(state[f"backbone.{name}"], value), name
    seen, _ = answers(trained, shapes(classifier))
    found, _ = answers(card, shapes(classifier))
    assert torch.allclose(
        found[:, 1].double(), (seen.double() @ weights + bias).sigmoid(), atol=1e-6
    )
    agreeing = [
        record.label
        for record in shapes(classifier, "shapes").records
        if str(record.label) == record.concepts["red circle"]
    ]
    assert about["training"]["images"] == 2 * min(agreeing.count(0), agreeing.count(1)) < 96
    assert about["head"]["weights"] == pytest.approx(weights.tolist())


def test_the_head_alone_is_trained_on_what_the_classifier_says(classifier, trained):
    card, about = target(
        classifier, "mixed", "classifier: shapes-concepts\nbatch: 96\nmomentum: 0.0\n"
    )
    assert about["training"]["images"] == 96
    seen, _ = answers(trained, shapes(classifier, "shapes"))
    y = torch.tensor([r.label for r in shapes(classifier, "shapes").records]).double()
    weights, bias = torch.zeros(3, dtype=torch.float64), 0.0
    states = []
    for _ in range(3):  # gradient descent by hand
        error = (seen.double() @ weights + bias).sigmoid() - y
        gradient = seen.double().T @ error / len(y) + 1e-4 * weights
        slope = error.mean() + 1e-4 * bias
        weights, bias = weights - 0.1 * gradient, bias - 0.1 * slope
        states.append((weights, bias))
    expected, offset = states[about["best_epoch"] - 1]
    found, own, _ = head_of(card)
    assert found.tolist() == pytest.approx(expected.tolist(), abs=1e-6)
    assert own == pytest.approx(float(offset), abs=1e-6)


def test_an_end_to_end_model_is_trained_on_the_label(classifier):
    more = (
        "concept: red circle\ninput: {size: 24}\nnetwork: {arguments: {widths: [4, 4, 4, 4, 4]}}\n"
        "batch: 16\noptimiser: adamw\nlearning_rate: 0.01\n"
    )
    card, about = target(classifier, "end-to-end", more)
    assert (card.format, card.arguments["concepts"]) == ("concept-cnn", 1)
    data = shapes(classifier)
    kept = one_to_one(data.records, "red circle", seed=0)
    scores = answers(card, data)[0][kept, 1].double().numpy()
    labels = np.array([data.records[i].label for i in kept])
    assert all(str(data.records[i].label) == data.records[i].concepts["red circle"] for i in kept)
    assert about["performance"]["auroc"] == pytest.approx(
        auditkit.stats.auroc_point(labels, scores)
    )
    assert about["validation"]["images"] == len(kept) < 64

    def youden(threshold):
        said = scores >= threshold
        return said[labels == 1].mean() - said[labels == 0].mean()

    assert youden(card.threshold) == pytest.approx(max(map(youden, scores)))


def test_given_weights_are_the_models_mechanism(classifier, trained, tmp_path):
    path = write_weighted(trained, [0.2, 0.5, 0.9], -0.8, "weighted", tmp_path / "new")
    seen, _ = answers(trained, shapes(classifier))
    found, _ = answers(read_model_card(path), shapes(classifier))
    expected = (seen.double() @ torch.tensor([0.2, 0.5, 0.9]).double() - 0.8).sigmoid()
    assert torch.allclose(found[:, 1].double(), expected, atol=1e-6)
    with pytest.raises(AuditError, match="2 weights were given for the 3 concepts"):
        write_weighted(trained, [0.2, 0.5], 0.0, "weighted", tmp_path)


def test_only_a_concept_classifier_can_be_a_bottleneck(classifier, trained, tmp_path):
    scored = read_model_card(write_weighted(trained, [1.0] * 3, 0.0, "weighted", tmp_path))
    with pytest.raises(AuditError, match=r"cannot be a concept bottleneck: its output is not"):
        write_weighted(scored, [1.0], 0.0, "again", tmp_path)
    other = trained.model_copy(update={"views": "all"})
    with pytest.raises(AuditError, match="several members or views"):
        write_weighted(other, [1.0] * 3, 0.0, "again", tmp_path)


def test_there_is_one_model_for_each_class_that_is_named(tmp_path):
    draws = np.random.default_rng(0)
    for place in ("Home or hotel", "sports", "work"):
        (tmp_path / "scenes" / place).mkdir(parents=True)
        for i in range(8):
            picture = draws.integers(0, 256, (20, 24, 3), dtype=np.uint8)
            Image.fromarray(picture).save(tmp_path / "scenes" / place / f"{i}.png")
    (tmp_path / "scenes.data.yaml").write_text(
        "data: scenes\ntask: scenes\nformat: folder\nfolder: scenes\n"
    )
    text = TARGET.replace("data: shapes", "data: scenes").replace("held", "0.4")
    text += "kind: end-to-end\ninput: {size: 16}\nnetwork: {arguments: {widths: [2, 2, 2, 2, 2]}}\n"
    out = train_target(
        recipe(tmp_path, text + "classes: [Home or hotel, work]\n"),
        tmp_path / "out",
        [tmp_path],
        "cpu",
    )
    found = sorted(path.relative_to(out).as_posix() for path in out.rglob("*.model.yaml"))
    assert found == ["home-or-hotel/target-home-or-hotel.model.yaml", "work/target-work.model.yaml"]
    about = json.loads((out / "work" / "training.json").read_text())
    assert about["training"]["images"] + about["validation"]["images"] == 24
    with pytest.raises(AuditError, match=r"has the labels \[0, 1, 2\]; 0 and 1 were expected"):
        train_target(recipe(tmp_path, text), tmp_path / "none", [tmp_path], "cpu")


@pytest.mark.parametrize("labels", ["[A b, a-b]", "[work, 家]"])
def test_classes_whose_models_would_share_a_name_are_refused(tmp_path, labels):
    text = f"{TARGET}kind: end-to-end\ninput: {{size: 16}}\nclasses: {labels}\n"
    with pytest.raises(AuditError, match="each needs a name of its own"):
        train_target(recipe(tmp_path, text), tmp_path / "out", [tmp_path], "cpu")


def test_the_classifier_must_be_of_the_task(classifier, tmp_path):
    for name in ("shapes", "held"):
        text = (classifier / f"{name}.data.yaml").read_text()
        (tmp_path / f"{name}.data.yaml").write_text(text.replace("task: shapes", "task: else"))
    text = f"{TARGET}kind: mixed\nclassifier: {classifier}/classifier/shapes-concepts.model.yaml\n"
    with pytest.raises(AuditError, match="is about shapes, the data about else"):
        train_target(recipe(tmp_path, text), tmp_path / "out", [tmp_path], "cpu")


@pytest.fixture
def pretrained(tmp_path):
    torch.manual_seed(8)
    network = timm.create_model("test_resnet", num_classes=10)
    save_file(network.state_dict(), tmp_path / "start.safetensors")
    return network.state_dict()


def from_file(folder, more=""):
    text = CLASSIFIER.replace(
        "network: {arguments: {widths: [4, 4, 4, 4, 4]}}",
        f"network: {{format: timm, architecture: test_resnet, pretrained: start.safetensors{more}}}",
    )
    return recipe(folder, text)


def test_pretrained_weights_are_all_taken_but_those_of_the_last_layer(tmp_path, pretrained):
    said = read_classifier_training(from_file(tmp_path))
    plan = {
        "task": "t",
        **planned(said, 3),
        "output": {"kind": "logits", "classes": ["a", "b", "c"], "exclusive": False},
    }
    network, _ = started(said, plan, torch.device("cpu"))
    own = network.state_dict()
    assert own["fc.weight"].shape[0] == 3
    for name, value in pretrained.items():
        assert name.startswith("fc.") or torch.equal(own[name], value), name


def test_pretrained_weights_are_checked_and_never_fetched(cards, tmp_path, pretrained):
    wrong = from_file(tmp_path, f", sha256: {'a' * 64}")
    with pytest.raises(AuditError, match="the recipe says aaaa"):
        train_classifier(wrong, tmp_path / "out", [cards], "cpu")
    (tmp_path / "start.safetensors").unlink()
    with pytest.raises(AuditError, match="nothing is downloaded"):
        train_classifier(from_file(tmp_path), tmp_path / "out", [cards], "cpu")


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("momentum: 0.5", "adamw does not use it"),
        ("patience: 0", "patience"),
        ("input: {size: 8}", "given twice"),
        ("concepts: [a, a]", "each was expected once"),
        ("speed: 2", "unknown key 'speed'"),
    ],
)
def test_a_recipe_of_a_classifier_is_strict(tmp_path, more, message):
    with pytest.raises(AuditError, match=message):
        read_classifier_training(recipe(tmp_path, CLASSIFIER + more + "\n"))


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("validation: held", "validation: 1.0", "a share between 0 and 1"),
        ("widths", "num_classes", "follows from the recipe"),
        ("{arguments:", "{pretrained: x, arguments:", "only architectures of timm"),
        ("{arguments:", "{format: timm, arguments:", "'architecture' and the format timm"),
        ("{arguments:", "{sha256: " + "a" * 64 + ", arguments:", "no file to check"),
        ("input: {size: 24, ", "input: {size: 24, mean_image: x, ", "only 'mean' and 'std'"),
        ("input: {size: 24, mean: [0.1], std: [0.3]}\n", "", "the size of the images"),
        ("rotate: 10", "crop: random", None),
    ],
)
def test_keys_of_a_recipe_fit_together(tmp_path, old, new, message):
    path = recipe(tmp_path, CLASSIFIER.replace(old, new))
    if message is None:
        assert read_classifier_training(path).augment.crop == "random"
        return
    with pytest.raises(AuditError, match=message):
        read_classifier_training(path)


@pytest.mark.parametrize(
    ("more", "message"),
    [
        ("kind: primary\nclassifier: c", "concept: expected, because kind is primary"),
        ("kind: mixed", "classifier: expected"),
        (
            "kind: mixed\nclassifier: c\nconcept: x",
            "concept: a model of kind mixed does not use it",
        ),
        ("kind: end-to-end", "input: expected"),
        ("kind: end-to-end\ninput: {size: 8}\nclassifier: c", "classifier: a model of kind"),
        ("kind: mixed\nclassifier: c\nnetwork: {}", "network: a model of kind mixed"),
    ],
)
def test_a_recipe_of_a_target_has_what_its_kind_needs(tmp_path, more, message):
    with pytest.raises(AuditError, match=message):
        read_target_training(recipe(tmp_path, f"{TARGET}{more}\n"))


def test_cards_are_found_by_name_or_beside_the_recipe(tmp_path):
    said = read_classifier_training(recipe(tmp_path, CLASSIFIER))
    assert said.card_name("shapes") == "shapes"
    assert Path(said.card_name("sub/x.data.yaml")) == tmp_path.resolve() / "sub" / "x.data.yaml"
