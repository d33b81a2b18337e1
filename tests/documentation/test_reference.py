"""The reference is what the declarations say."""

import importlib.util
import sys

import pytest
from documents import DOCS

from auditkit.spec.catalogue import checks

FOLDER = DOCS / "reference"


@pytest.fixture(scope="module")
def pages():
    sys.path.insert(0, str(FOLDER))
    try:
        found = importlib.util.spec_from_file_location("reference_build", FOLDER / "build.py")
        module = importlib.util.module_from_spec(found)
        found.loader.exec_module(module)
        return module.pages()
    finally:
        sys.path.remove(str(FOLDER))


def test_the_published_reference_is_up_to_date(pages):
    assert {path.stem for path in FOLDER.glob("*.md")} == set(pages)
    for name, text in pages.items():
        published = (FOLDER / f"{name}.md").read_text(encoding="utf-8")
        assert published == text, f"{name}.md: run: python docs/reference/build.py"


def test_every_parameter_of_every_check_is_explained(pages):
    for name, check in checks().items():
        section = pages["checks"].partition(f"\n## {name}\n")[2].partition("\n## ")[0]
        for key in check.parameters.model_json_schema(by_alias=True)["properties"]:
            assert f"| `{key}` |" in section, f"{name}: {key}"


def test_a_bound_a_default_and_an_example_are_shown(pages):
    row = next(
        line for line in pages["checks"].splitlines() if line.startswith("| `repeats` | integer")
    )
    assert "≥ 1" in row
    assert "| `pink.mean_change` |" in pages["audit"]


def test_every_key_has_a_meaning(pages):
    silent = []
    for name in pages.keys() - {"commands", "results"}:
        for part in pages[name].split("| key | type | default | meaning | example |\n")[1:]:
            rows = [line.split("|") for line in part.partition("\n\n")[0].splitlines()[1:]]
            silent += [f"{name}: {row[1].strip()}" for row in rows if not row[4].strip()]
    assert {key.split()[1] for key in silent} <= {"`method`", "`rule`"}, silent
