"""Every YAML example of the documentation is what it says it is."""

import re
from pathlib import Path

import pytest

from auditkit.comparison.limits import Limits
from auditkit.spec.answers_card import AnswersCard
from auditkit.spec.assessment import AssessmentCard
from auditkit.spec.audit import AuditSpec
from auditkit.spec.catalogue import checks
from auditkit.spec.conditions import condition_problems
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.data_card import DataCard
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.model_card import ModelCard
from auditkit.spec.profile import ProfileSpec
from auditkit.spec.ratings_card import RatingsCard
from auditkit.spec.strict_yaml import parse_yaml
from auditkit.spec.study import StudyPlan
from auditkit.spec.training import ConceptTraining
from auditkit.spec.training_classifier import ClassifierTraining, TargetTraining
from auditkit.spec.training_counterfactual import CounterfactualTraining
from auditkit.spec.typed import typed, typed_part

ROOT = Path(__file__).parents[2]
CARDS = {
    "counterfactual": CounterfactualCard,
    "generator": GeneratorCard,
    "data": DataCard,
    "model": ModelCard,
    "assessment": AssessmentCard,
    "ratings": RatingsCard,
    "limits": Limits,
    "profile": ProfileSpec,
    "study": StudyPlan,
    "answers": AnswersCard,
}
RECIPES = {
    "concepts": ConceptTraining,
    "concept-classifier": ClassifierTraining,
    "target": TargetTraining,
    "counterfactual": CounterfactualTraining,
}
# Parts of a file, shown where the rest does not matter.
FRAGMENTS = {"with", "table", "format"}
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def examples():
    for page in PAGES:
        text = page.read_text(encoding="utf-8")
        for found in re.finditer(r"```yaml\n(.*?)```", text, re.DOTALL):
            if found[1].startswith("apiVersion:"):  # Kubernetes' own language
                continue
            line = text[: found.start()].count("\n") + 2
            yield pytest.param(found[1], id=f"{page.relative_to(ROOT)}:{line}")


@pytest.mark.parametrize("text", list(examples()))
def test_an_example_is_valid(text):
    document = parse_yaml(text, Path("example.yaml"))
    first = next(iter(document.data))
    if first == "audit":
        spec = typed(document, AuditSpec)
        check = checks()[spec.check]
        parameters = typed_part(document, spec.parameters, check.parameters, ("with",))
        measures = check.measures(parameters)
        for expectation in spec.expect:
            assert expectation.measure in measures
            assert not condition_problems(expectation, measures)
    elif first == "train":
        typed(document, RECIPES[document.data["train"]])
    elif first in CARDS:
        typed(document, CARDS[first])
    else:
        assert first in FRAGMENTS
