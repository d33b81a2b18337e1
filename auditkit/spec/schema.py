"""JSON Schemas for editors, generated from the typed specs and the checks' declarations."""

import copy
from collections.abc import Mapping
from typing import Any

from auditkit.spec.answers_card import AnswersCard
from auditkit.spec.assessment import AssessmentCard
from auditkit.spec.audit import AuditSpec
from auditkit.spec.catalogue import checks
from auditkit.spec.corruptions import CORRUPTIONS
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.data_card import DataCard
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.methods import METHODS, Control, Method
from auditkit.spec.model_card import ModelCard
from auditkit.spec.profile import ProfileSpec
from auditkit.spec.ratings_card import RatingsCard
from auditkit.spec.study import StudyPlan
from auditkit.spec.typed import Strict

_DRAFT = "https://json-schema.org/draft/2020-12/schema"
KINDS: dict[str, type[Strict]] = {
    "audit": AuditSpec,
    "model": ModelCard,
    "data": DataCard,
    "generator": GeneratorCard,
    "assessment": AssessmentCard,
    "ratings": RatingsCard,
    "counterfactual": CounterfactualCard,
    "profile": ProfileSpec,
    "study": StudyPlan,
    "answers": AnswersCard,
}


def schema(kind: str) -> dict[str, Any]:
    """The schema of audit specs, or of one kind of card."""
    model = KINDS[kind]
    found = {"$schema": _DRAFT, **model.model_json_schema(by_alias=True, mode="validation")}
    for name, field in model.model_fields.items():
        if field.exclude:
            found["properties"].pop(name)
    return _with_checks(found) if kind == "audit" else found


def _with_checks(found: dict[str, Any]) -> dict[str, Any]:
    """Name the checks, and give each its own parameters under ``with``."""
    found = copy.deepcopy(found)
    known = checks()
    found["properties"]["check"]["enum"] = list(known)
    rules = []
    for name, declaration in known.items():
        parameters = declaration.parameters.model_json_schema(by_alias=True, mode="validation")
        for key, definition in parameters.pop("$defs", {}).items():
            found["$defs"][key] = definition
        given = parameters["properties"]
        if "methods" in given:
            told = given["methods"].get(
                "description", "Heatmap methods, by name or with parameters."
            )
            given["methods"] = _methods(found["$defs"]) | {"description": told}
        if "controls" in given:
            given["controls"] |= {"items": _named(found["$defs"], _methods_of(Control), "method")}
        if found["$defs"].pop("Corruption", None):
            given["corruptions"] |= {"items": _named(found["$defs"], CORRUPTIONS, "corruption")}
        if "radius" in given:
            _or_one(given["radius"])
        if "ablation" in given:
            _or_word(given["ablation"], found["$defs"]["Ablation"])
        rules.append(
            {
                "if": {"properties": {"check": {"const": name}}, "required": ["check"]},
                "then": {"properties": {"with": parameters}},
            }
        )
    found["allOf"] = rules
    return found


def _or_one(array: dict[str, Any]) -> None:
    """A list whose only element may stand alone."""
    shape = {key: array.pop(key) for key in ("type", "items", "minItems") if key in array}
    array["anyOf"] = [shape, shape["items"]]


def _or_word(reference: dict[str, Any], ablation: dict[str, Any]) -> None:
    """An ablation whose operator may stand alone."""
    mapping = {"$ref": reference.pop("$ref")}
    reference["anyOf"] = [ablation["properties"]["operator"], mapping]


def _methods(definitions: dict[str, Any]) -> dict[str, Any]:
    """A method's name, or a list of names and of mappings with that method's parameters."""
    one = _named(definitions, _methods_of(Method), "method")
    whole = definitions["Superpixels"]
    side, kind_of = whole["properties"]["side"], whole["properties"]["kind"]
    definitions["Superpixels"] = {"anyOf": [whole, side, kind_of]}
    return {"anyOf": [one["anyOf"][0], {"type": "array", "minItems": 1, "items": one}]}


def _methods_of(base: type[Method]) -> dict[str, type[Strict]]:
    return {name: kind for name, kind in METHODS.items() if issubclass(kind, base)}


def _named(
    definitions: dict[str, Any], kinds: Mapping[str, type[Strict]], key: str
) -> dict[str, Any]:
    """The name of one of these kinds, or a mapping with its parameters, which says under a key what it is."""
    choices: list[dict[str, Any]] = [{"enum": list(kinds)}]
    for kind in kinds.values():
        inner = kind.model_json_schema()
        inner["required"] = [key]
        definitions |= inner.pop("$defs", {})
        definitions[kind.__name__] = inner
        choices.append({"$ref": f"#/$defs/{kind.__name__}"})
    return {"anyOf": choices}
