"""Concepts, captions and generators in cards and specs: what cannot be meant is refused on its line."""

import pytest

from auditkit.spec.catalogue import catalogue, read_data_card, read_generator_card
from auditkit.spec.load import load_audit
from auditkit.spec.problems import SpecError

DATA = "data: d\ntask: shapes\nformat: synthetic-shapes\nwith: {n: 3, seed: 1}\n"
GENERATOR = "generator: g\ntask: shapes\nfolder: nowhere\n"
MODEL = """\
model: m
task: shapes
format: concept-cnn
weights: {file: m.safetensors}
input: {size: 32}
output: {kind: logits, exclusive: false, classes: [red circle, blue circle]}
"""
AUDIT = """\
audit: drawn
check: effective-generation
data: d
with: {generator: g, classifier: m, concepts: [red circle]}
expect: [{measure: target_gap, below: 0.1}]
"""


def refused(tmp_path, text, read=read_data_card):
    path = tmp_path / "x.yaml"
    path.write_text(text)
    with pytest.raises(SpecError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}:")
    return str(raised.value)


@pytest.mark.parametrize(
    ("concepts", "said"),
    [
        ("{name: a, values: [0, 1]}", "concepts.0.values.0: a text was expected: put it in quotes"),
        ("{name: a, values: [true, false]}", "put it in quotes, got True"),
        ("{name: 5}", "put it in quotes, got 5"),
        ("{name: a, values: ['1']}", "at least 2 items"),
        ("{name: a, values: ['1', '1']}", "each value was expected once"),
        ("{name: a, values: ['1', '']}", "means unknown"),
        (f"{{name: a, values: ['0', '{'9' * 5000}']}}", "at most 200 characters"),
        ("{name: a}, {name: a}", "different names"),
        ("{name: text}", "none of them 'text'"),
        ("{name: ' '}", "a name with a word"),
        ("{name: ' a'}", "a name with a word"),
        ('{name: "a\\nb"}', "on one line"),
        ("{name: a, mentions: ['-']}", "'-' has no word"),
        ("{name: a, above: .nan}", "finite number"),
        ("{name: a, above: 1, values: [x, y]}", "above: a concept with the values"),
        ("{name: a, phrases: {'2': x}}", "'2' is not among the values"),
        ("{name: a, phrases: {'1': '{b.__class__}'}}", "unknown field 'b.__class__'"),
        ("{name: a, phrases: {'1': '{value.__class__}'}}", "unknown field 'value.__class__'"),
        ("{name: a, phrases: {'1': '{value!r}'}}", "plain names were expected"),
    ],
)
def test_concepts_that_cannot_be_meant(tmp_path, concepts, said):
    assert said in refused(tmp_path, f"{DATA}concepts: [{concepts}]\n")


@pytest.mark.parametrize(
    ("captions", "said"),
    [
        ("template: '{a.__class__}'", "unknown field 'a.__class__'"),
        ("template: '{a[0]}'", "unknown field 'a[0]'"),
        ("template: '{a!s}'", "plain names were expected"),
        ("template: '{a:>9}'", "plain names were expected"),
        ("template: '{}'", "plain names were expected"),
        ("template: '{a'", "is no template"),
        ("template: plain", "a template with {CONCEPT} was expected"),
        ("template: '{a} {text}'", "unknown field 'text'"),
        ("details: [a]", "different names"),
    ],
)
def test_captions_that_cannot_be_meant(tmp_path, captions, said):
    assert said in refused(tmp_path, f"{DATA}concepts: [{{name: a}}]\ncaptions: {{{captions}}}\n")


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (f"sha256: {{a: {'1' * 64}}}", "put a text (a sha256) in quotes"),
        (f"sha256: {{a: {'1' * 30}e{'1' * 33}}}", "put it in quotes"),
        (f"sha256: {{../a: '{'1' * 64}'}}", "'../a' is no file within the folder"),
        (f"sha256: {{/a: '{'1' * 64}'}}", "'/a' is no file within the folder"),
        ("steps: 0", "greater than or equal to 1"),
        ("guidance: .inf", "finite number"),
        ("size: 4096", "less than or equal to 2048"),
        ("scheduler: odd", "'dpm-solver++'"),
    ],
)
def test_generators_that_cannot_be_meant(tmp_path, line, said):
    assert said in refused(tmp_path, f"{GENERATOR}{line}\n", read_generator_card)


@pytest.mark.parametrize(
    ("changed", "old", "new", "said"),
    [
        ("m", "task: shapes", "task: other", "classifier 'm' is about other"),
        ("m", "exclusive: false, ", "", "decides between its classes; a concept classifier was"),
        ("g", "task: shapes", "task: other", "generator 'g' is about other"),
        ("a", "generator: g", "generator: h", "unknown generator 'h'; did you mean"),
        ("a", "classifier: m", "classifier: x", "unknown model 'x'"),
        ("a", "[red circle]", "[red circles]", "did you mean 'red circle'?"),
        ("a", "[red circle]", "[red circle, red circle]", "'red circle' is named twice"),
        ("a", "data: d", "data: e", "unknown data set 'e'"),
    ],
)
def test_what_a_check_names_must_fit(tmp_path, changed, old, new, said):
    concepts = "concepts: [{name: red circle}, {name: blue circle}]\n"
    texts = {"d": DATA + concepts, "g": GENERATOR, "m": MODEL, "a": AUDIT}
    names = {"d": "d.data.yaml", "g": "g.generator.yaml", "m": "m.model.yaml", "a": "a.audit.yaml"}

    def load():
        for key, text in texts.items():
            (tmp_path / names[key]).write_text(text)
        return load_audit(tmp_path / "a.audit.yaml", catalogue([tmp_path]))

    assert load().beside.models["m"].output.independent
    assert old in texts[changed]
    texts[changed] = texts[changed].replace(old, new)
    with pytest.raises(SpecError) as raised:
        load()
    assert said.replace("; did you mean", "") in str(raised.value)
    assert "a.audit.yaml:" in str(raised.value)
