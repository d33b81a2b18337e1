"""The empty form of a dossier: guidance as comments, a place under every key. Valid YAML as it is."""

import textwrap
from collections.abc import Iterator

from auditkit.spec.dossier import DOSSIER_SUFFIX, KINDS, DossierField, ModelDossier

_WIDTH = 100
_WORDS = {"model": "model", "data": "data set"}


def dossier_form(kind: str, name: str, file: str = "") -> str:
    """A form as YAML text; as long as nothing is written there, nothing counts as provided.

    Args:
        kind: `model` or `data`.
        name: of the model or the data set.
        file: name of the form's file; left out: the name's.
    """
    return "\n".join(_lines(kind, name, file or f"{name}{DOSSIER_SUFFIX}")) + "\n"


def _lines(kind: str, name: str, file: str) -> Iterator[str]:
    yield from _comment(
        f"Dossier of the {_WORDS[kind]} {name}: what only people know and a reviewer asks for. Nothing is "
        "computed with it. Write under each key, on lines of their own that begin with two spaces; "
        "colons, signs and quotes need no care there. Where something does not apply, say so and why: "
        "an empty field is reported as not provided, and release mode (--audit-release) refuses the "
        "required ones. Then name this file in the card, with its path as seen from there:"
    )
    yield f"#   dossier: {{file: {file}}}"
    yield f"# and run: auditkit validate {file}"
    yield f"dossier: {kind}"
    for field in KINDS[kind].fields().values():
        yield from _asked(field)
    yield from _people(required=KINDS[kind] is ModelDossier)


def _asked(field: DossierField) -> Iterator[str]:
    yield ""
    yield f"# {field.title} ({'required' if field.needed else 'optional'})"
    yield from _comment(field.guidance)
    yield from _comment(f"Asked for by: {'; '.join(field.sources)}.")
    yield f"{field.key}: >-"
    yield ""


def _people(*, required: bool) -> Iterator[str]:
    yield ""
    yield f"# Who answers for it ({'required' if required else 'optional'})"
    yield from _comment(
        "Take away the signs # of these lines, and copy them for each person. Responsibility: "
        "performed, reviewed, approved, or other words."
    )
    yield "people:"
    yield "#  - name: Erika Example"
    yield "#    role: head of clinical evaluation"
    yield "#    organisation: Example Medical GmbH"
    yield "#    responsibility: approved"


def _comment(text: str) -> Iterator[str]:
    yield from textwrap.wrap(
        text, _WIDTH, initial_indent="# ", subsequent_indent="# ", break_on_hyphens=False
    )


def dossier_table(kind: str) -> str:
    """All fields of a kind of dossier as a table in Markdown."""
    rows = ["| key | what | release mode | asked for by |", "|---|---|---|---|"]
    rows += [
        f"| `{field.key}` | **{field.title}.** {field.guidance} "
        f"| {'required' if field.needed else 'optional'} | {'; '.join(field.sources)} |"
        for field in KINDS[kind].fields().values()
    ]
    return "\n".join(rows) + "\n"
