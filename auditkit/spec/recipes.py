"""Training recipes by what they train."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType

from auditkit.spec.problems import Problem, SpecError
from auditkit.spec.strict_yaml import read_yaml
from auditkit.spec.training import TRAINING_SUFFIX, ConceptTraining, read_concept_training
from auditkit.spec.training_classifier import (
    ClassifierTraining,
    TargetTraining,
    read_classifier_training,
    read_target_training,
)
from auditkit.spec.training_counterfactual import (
    CounterfactualTraining,
    read_counterfactual_training,
)

Recipe = ConceptTraining | ClassifierTraining | TargetTraining | CounterfactualTraining

READERS: Mapping[str, Callable[[Path], Recipe]] = MappingProxyType(
    {
        "concepts": read_concept_training,
        "concept-classifier": read_classifier_training,
        "target": read_target_training,
        "counterfactual": read_counterfactual_training,
    }
)

__all__ = ["READERS", "TRAINING_SUFFIX", "Recipe", "read_recipe"]


def read_recipe(path: Path) -> Recipe:
    """A recipe of any kind from its file.

    Raises:
        SpecError: it does not say what is trained, or has other problems, each with its line.
    """
    document = read_yaml(path)
    content = document.data if isinstance(document.data, dict) else {}
    kind = content.get("train")
    if not isinstance(kind, str) or kind not in READERS:
        message = f"train: one of {', '.join(READERS)} was expected, got {kind!r:.100}"
        raise SpecError([Problem(path, document.line(("train",)), message)])
    return READERS[kind](path)
