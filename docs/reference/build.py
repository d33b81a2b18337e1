"""Write the reference from the typed specs. Run after changing a spec, a card, a check or a command."""

import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from commands import commands
from examples import Examples, collect, documents
from pydantic import ValidationError
from python import python
from tables import code, described, plain, table

from auditkit.results import results_schema
from auditkit.spec.catalogue import checks
from auditkit.spec.declarations import SHIPPED
from auditkit.spec.methods import METHODS
from auditkit.spec.schema import KINDS, schema
from auditkit.spec.training import ConceptTraining
from auditkit.spec.training_classifier import ClassifierTraining, TargetTraining
from auditkit.spec.training_counterfactual import CounterfactualTraining

HERE = Path(__file__).parent
RECIPES = (ConceptTraining, ClassifierTraining, TargetTraining, CounterfactualTraining)
TITLES = {
    "model": "Model cards",
    "data": "Data cards",
    "generator": "Generator cards",
    "assessment": "Assessments",
    "ratings": "Tables of ratings",
    "counterfactual": "Cards of counterfactual generators",
    "profile": "Profiles",
    "study": "Expert studies",
    "answers": "Answers of expert studies",
}
NOTE = "<!-- Written by docs/reference/build.py: change the declaration, not this page. -->\n\n"
DOCUMENTS = list(documents())


def _reachable(part: Any, parts: Mapping[str, Any], seen: dict[str, None]) -> dict[str, None]:
    """Names of the definitions that a schema uses, in order."""
    if isinstance(part, dict):
        name = part.get("$ref", "").rpartition("/")[2]
        if name and name not in seen:
            seen[name] = None
            _reachable(parts[name], parts, seen)
    for inner in (
        part.values() if isinstance(part, dict) else part if isinstance(part, list) else ()
    ):
        _reachable(inner, parts, seen)
    return seen


def _sections(names: Iterable[str], parts: Mapping[str, Any], link: Any, found: Examples) -> str:
    text = ""
    for name in names:
        described(parts[name], parts)
        about = plain(parts[name].get("description", ""))
        body = table(parts[name], link, found.get(name, {})) if "properties" in parts[name] else ""
        text += f"\n\n### {name}\n\n{about}\n\n{body}".rstrip()
    return text


def _page(title: str, about: str, root: Mapping[str, Any], wanted: list[Mapping[str, Any]]) -> str:
    parts, found = root.get("$defs", {}), Examples()
    for document in wanted:
        collect(document, root, "root", parts, found)
    link = _local
    described(root, parts)
    text = f"# {title}\n\n{NOTE}{about}\n\n{table(root, link, found.get('root', {}))}"
    return text + _sections(_reachable(root["properties"], parts, {}), parts, link, found) + "\n"


def _local(name: str) -> str:
    return f"[{name}](#{name.lower()})"


def cards() -> dict[str, str]:
    """One page per kind of card."""
    pages = {}
    for kind, title in TITLES.items():
        about = f"Files `*.{kind}.yaml`. {plain(KINDS[kind].__doc__ or '')}"
        wanted = [document for document in DOCUMENTS if next(iter(document)) == kind]
        pages[f"{kind}-card" if kind in {"model", "data", "generator"} else kind] = _page(
            title, about, schema(kind), wanted
        )
    return pages


def recipes() -> str:
    """One page for what `auditkit train` reads."""
    text = f"# Training recipes\n\n{NOTE}What `auditkit train` reads ([training](../training.md))."
    shared: dict[str, Any] = {}
    found = Examples()
    for kind in RECIPES:
        root = kind.model_json_schema(by_alias=True)
        shared |= root.get("$defs", {})
        for field in ("path", "digest"):  # read from the file, not in it
            root["properties"].pop(field)
        described(root, shared)
        name = root["properties"]["train"].get("const", "")
        for document in DOCUMENTS:
            if document.get("train") == name:
                collect(document, root, name, shared, found)
        text += f"\n\n## train: {name}\n\n{plain(kind.__doc__ or '')}\n\n"
        text += table(root, _local, found.get(name, {}))
    return (
        text
        + "\n\n## Shared parts" * bool(shared)
        + _sections(shared, shared, _local, found)
        + "\n"
    )


def results() -> str:
    """One page for results.json."""
    about = (
        "What a run writes, and everything else is rendered from; the same as a JSON Schema: "
        "[results.schema.json](../schema/results.schema.json)."
    )
    return _page("results.json", about, results_schema(), [])


def _say_methods(given: dict[str, Any]) -> None:
    """Name the page of heatmap methods instead of listing them at every check."""
    for key in given.keys() & {"methods", "controls"}:
        words = "a name, or a list of names and [mappings](heatmap-methods.md)"
        about = given[key].get("description") or "Heatmap methods that are judged."
        given[key] = {"words": words, "description": about, "default": given[key].get("default")}


def _general(text: str, labels: Iterable[str]) -> str:
    """A measure's name or meaning, whichever heatmap method it is of."""
    for label in sorted(labels, key=len, reverse=True):
        text = re.sub(rf"(?<![\w-]){re.escape(label)}(?![\w-])", "METHOD", text)
    return text


class Audit:
    """The pages about specs: their keys, each check's parameters and measures, heatmap methods."""

    def __init__(self) -> None:
        self.root = schema("audit")
        self.root["properties"]["check"].pop("enum")  # a page of their own
        self.parts = self.root["$defs"]
        self.found = Examples()
        self.given = {
            rule["if"]["properties"]["check"]["const"]: rule["then"]["properties"]["with"]
            for rule in self.root["allOf"]
        }
        self.specs = [document for document in DOCUMENTS if next(iter(document)) == "audit"]
        for spec in self.specs:
            collect(spec, self.root, "root", self.parts, self.found)
            collect(
                spec.get("with", {}),
                self.given[spec["check"]],
                f"with {spec['check']}",
                self.parts,
                self.found,
            )
        for given in self.given.values():
            _say_methods(given["properties"])
            described(given, self.parts)
        self.methods = {kind.__name__: name for name, kind in METHODS.items()}
        self.of_spec = _reachable(self.root["properties"], self.parts, {})
        of_methods = _reachable(
            [{"$ref": f"#/$defs/{name}"} for name in self.methods], self.parts, {}
        )
        self.home = dict.fromkeys(self.parts, "checks") | dict.fromkeys(
            of_methods, "heatmap-methods"
        )
        self.home |= dict.fromkeys(self.of_spec, "audit")

    def _links(self, page: str) -> Any:
        def link(name: str) -> str:
            home = self.home[name]
            return f"[{self.methods.get(name, name)}]({'' if home == page else home + '.md'}#{name.lower()})"

        return link

    def audit(self) -> str:
        """Keys of a spec."""
        about = (
            "Files `*.audit.yaml`: see [writing an audit](../spec.md). `with` takes the parameters of "
            "its [check](checks.md)."
        )
        body = table(self.root, self._links("audit"), self.found["root"])
        return f"# Specs\n\n{NOTE}{about}\n\n{body}" + self._shared("audit")

    def _shared(self, page: str) -> str:
        names = [name for name, home in self.home.items() if home == page]
        return _sections(names, self.parts, self._links(page), self.found) + "\n"

    def heatmap_methods(self) -> str:
        """Parameters of heatmap methods."""
        about = (
            "What `methods` and `controls` of a check take: a name, or a mapping with "
            "`method: NAME` and these keys. What each method computes: [heatmap methods](../methods.md)."
        )
        return f"# Parameters of heatmap methods\n\n{NOTE}{about}" + self._shared("heatmap-methods")

    def checks(self) -> str:
        """Parameters and measures of each shipped check."""
        text = f"# Parameters and measures of checks\n\n{NOTE}The keys of `with`, and what `expect` can name."
        for name in SHIPPED:
            examples = self.found.get(f"with {name}", {})
            body = table(self.given[name], self._links("checks"), examples)
            about = f"{plain(checks()[name].summary)} [Definition](../checks/{name}.md)."
            text += f"\n\n## {name}\n\n{about}\n\n{body}"
            text += self._measures(name)
        return text + "\n\n## Shared parts" + self._shared("checks")

    def _measures(self, name: str) -> str:
        declaration = checks()[name]
        for given in ({}, *(spec.get("with", {}) for spec in self.specs if spec["check"] == name)):
            try:
                measures = declaration.measures(declaration.parameters.model_validate(given))
            except ValidationError:
                continue
            break
        rows: dict[str, str] = {}
        for label, one in measures.items():
            span = "a name" if one.choices else "{:g} to {:g}".format(*one.bounds)
            name_, about = (_general(text, METHODS) for text in (label, one.summary))
            row = f"| {code(name_)} | {plain(one.unit)} | {span} | {', '.join(one.at)} | {plain(about)} |"
            rows.setdefault(name_, row)
        shown = [
            "| measure | unit | range | at | meaning |",
            "|---|---|---|---|---|",
            *list(rows.values())[:40],
        ]
        more = len(rows) - 40
        with_ = f"With {code(given)}" if given else "With the defaults"
        return (
            f"\n\n{with_}:\n\n"
            + "\n".join(shown)
            + (f"\n\n... and {more} more like these." if more > 0 else "")
        )


def pages() -> dict[str, str]:
    """All pages by name."""
    audit = Audit()
    about = {
        "audit": audit.audit(),
        "checks": audit.checks(),
        "heatmap-methods": audit.heatmap_methods(),
    }
    return (
        about
        | cards()
        | {"recipes": recipes(), "results": results()}
        | {"commands": commands(NOTE), "python": python(NOTE)}
    )


def main() -> None:
    """Write one page per kind of file beside this script."""
    for name, text in pages().items():
        (HERE / f"{name}.md").write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
