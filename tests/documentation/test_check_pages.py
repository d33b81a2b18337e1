"""A check's page has what a reader needs, and its worked example is recomputed."""

import doctest

import pytest
from documents import DOCS, READ_BY_PEOPLE, ROOT, blocks

from auditkit.spec.declarations import SHIPPED

EXAMPLES = [(page, line, text) for page in READ_BY_PEOPLE for line, text in blocks(page, "pycon")]


@pytest.mark.parametrize(
    ("page", "line", "text"),
    EXAMPLES,
    ids=[f"{p.relative_to(ROOT)}:{line}" for p, line, _ in EXAMPLES],
)
def test_the_numbers_of_an_example_are_recomputed(page, line, text):
    example = doctest.DocTestParser().get_doctest(text, {}, page.name, str(page), line)
    written = []
    found = doctest.DocTestRunner(verbose=False).run(example, out=written.append)
    assert found.attempted > 0
    assert not found.failed, "".join(written)


@pytest.mark.parametrize("name", sorted(SHIPPED))
def test_a_page_has_question_example_limits_and_reference(name):
    page = DOCS / "checks" / f"{name}.md"
    text = page.read_text(encoding="utf-8")
    for part in (
        "**Question.**",
        "\n## Worked example\n",
        "\nShapes: ",
        "isleads",
        "\n## Reference\n",
    ):
        assert part in text, part
    assert any(here == page for here, _, _ in EXAMPLES)
