"""What a reader must know of how heatmap methods fit a model."""

from collections.abc import Sequence

from auditkit.evidence import Evidence
from auditkit.spec.methods import Method


def fitness_notes(evidence: Evidence, methods: Sequence[Method]) -> list[str]:
    """Per method: why it cannot be asked of the model, or what was chosen and repaired."""
    notes = []
    for method in methods:
        found = evidence.fitness(method)
        if found.reason:
            notes.append(f"{method.label} is not applicable: {found.reason}.")
        elif found.notes:
            notes.append(f"{method.label}: {'; '.join(found.notes)}.")
    return notes
