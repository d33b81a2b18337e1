"""Strict YAML: every surprise is an error with its line."""

from pathlib import Path

import pytest

from auditkit.spec.problems import SpecError
from auditkit.spec.strict_yaml import parse_yaml, read_yaml

PATH = Path("x.audit.yaml")


def data(text):
    return parse_yaml(text, PATH).data


@pytest.mark.parametrize(
    ("text", "line", "message"),
    [
        ("", 1, "is empty"),
        ("# only a comment\n", 1, "is empty"),
        ("a: 1\nb: 2\na: 3\n", 3, "key 'a' is given twice (first on line 1)"),
        ("a:\n\tb: 1\n", 2, "tab character"),
        ("a: &x 1\nb: *x\n", 1, "anchors and aliases"),
        ("a: [*x, *x]\n", 1, "anchors and aliases"),
        ("a: !!python/object/apply:os.system ['true']\n", 1, "tags"),
        ("a: 1\n---\nb: 2\n", 2, "more than one document"),
        ("- 1\n- 2\n", 1, "must be a mapping"),
        ("a: [1, 2\nb: 3\n", 2, "not valid YAML"),
        ("? [a, b]\n: 1\n", 1, "a key that is not plain text"),
    ],
)
def test_surprises_are_refused_with_their_line(text, line, message):
    with pytest.raises(SpecError) as caught:
        parse_yaml(text, PATH)
    (problem,) = caught.value.problems
    assert problem.line == line
    assert message in problem.message
    assert str(problem).startswith(f"x.audit.yaml:{line}: ")


def test_yaml_1_1_surprises_are_plain_text():
    assert data("a: no\nb: on\nc: 1:30\nd: 2024-01-01\ne: 0o7\nf: 1_000") == {
        "a": "no",
        "b": "on",
        "c": "1:30",
        "d": "2024-01-01",
        "e": "0o7",
        "f": "1_000",
    }


def test_core_scalars():
    found = data("a: true\nb: ~\nc: -3\nd: 1e-3\ne: .5\nf: 'yes'\ng: 010\nh: 0x1f\ni:\n")
    assert found == {
        "a": True,
        "b": None,
        "c": -3,
        "d": 0.001,
        "e": 0.5,
        "f": "yes",
        "g": 10,
        "h": 31,
        "i": None,
    }


@pytest.mark.parametrize(
    "text", ['a: "\\uD800"', 'a: "\\x1b[31m"', '"\\0": 1', 'a: "\\UFFFFFFFF"', "a: " + "9" * 500]
)
def test_what_no_file_could_hold_is_refused(text):
    with pytest.raises(SpecError):
        data(text)


def test_a_billion_laughs_is_refused_at_its_first_anchor():
    bomb = "a: &a [x, x]\n" + "".join(
        f"{chr(98 + i)}: &{chr(98 + i)} [*{chr(97 + i)}, *{chr(97 + i)}]\n" for i in range(9)
    )
    with pytest.raises(SpecError, match="anchors and aliases"):
        data(bomb)


def test_deep_nesting_is_refused_not_a_crash():
    with pytest.raises(SpecError, match="nested deeper"):
        data("a: " + "[" * 5000 + "]" * 5000)
    with pytest.raises(SpecError, match="nested deeper"):
        data("a: " + "[" * 40 + "]" * 40)


def test_huge_files_are_not_parsed(tmp_path):
    path = tmp_path / "big.audit.yaml"
    path.write_text("a: 1\n" * 300_000)
    with pytest.raises(SpecError, match="at most"):
        read_yaml(path)


def test_missing_and_binary_files_are_named(tmp_path):
    with pytest.raises(SpecError, match="cannot be read: No such file"):
        read_yaml(tmp_path / "none.audit.yaml")
    path = tmp_path / "latin.audit.yaml"
    path.write_bytes(b"a: 1\nb: caf\xe9\n")
    with pytest.raises(SpecError, match=r"latin.audit.yaml:2: is not UTF-8"):
        read_yaml(path)


def test_lines_of_nested_parts():
    document = parse_yaml("a: 1\nexpect:\n  - measure: x\n    at: {r: 1}\n  - measure: y\n", PATH)
    assert document.line(("expect", 0, "at", "r")) == 4
    assert document.line(("expect", 1, "measure")) == 5
    assert document.line(("expect", 1, "missing")) == 5
