"""How many inputs an explainer sends through a model, forwards and backwards."""

from dataclasses import dataclass, replace

import torch

from auditkit.evidence.heatmaps.subject import Subject, Table


@dataclass
class PassCount:
    """Inputs that went through a model, forwards and backwards."""

    forwards: float = 0.0
    backwards: float = 0.0

    def back(self, inputs: float) -> None:
        """So many inputs went back."""
        self.backwards += inputs


def counted(subject: Subject, count: PassCount, share: float = 1.0) -> Subject:
    """The same subject, whose answers are counted.

    Args:
        subject: what is explained.
        count: is added to.
        share: of the model that the subject is.
    """

    def answer(inputs: torch.Tensor, target: torch.Tensor, table: Table) -> torch.Tensor:
        rows = share * len(inputs)
        count.forwards += rows
        found = subject.answer(inputs, target, table)
        if found.requires_grad:
            found.register_hook(lambda _gradient: count.back(rows))  # type: ignore[no-untyped-call]
        return found

    part = share / max(len(subject.parts), 1)
    parts = [(counted(one, count, part), view) for one, view in subject.parts]
    return replace(subject, answer=answer, parts=parts)
