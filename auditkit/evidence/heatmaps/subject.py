"""What is explained: one number per input, and the network that computes it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from itertools import chain
from typing import TYPE_CHECKING

import torch
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.volumes import modalities_of, space_of
from auditkit.spec.views import View

if TYPE_CHECKING:
    from auditkit.models.model import Model

Table = torch.Tensor | None
Answer = Callable[[torch.Tensor, torch.Tensor, Table], torch.Tensor]


@dataclass(frozen=True)
class Subject:
    """One number per input, as a function of inputs with any number of spatial axes.

    Attributes:
        name: for people.
        answer: (inputs (N, C, *space), target (N,), table (N, F) or None) to (N,), differentiable where
            the network is. Rows of a batch do not influence each other.
        network: the module whose layers compute the answer; None where nothing but answers can be had.
        shape: (C, *space) of one input.
        modalities: the channels of each modality: one of three colours in a photograph, one each in
            an MRI study. Heatmaps have one map per modality.
        device: where inputs live.
        parts: each network under each view, as a subject of its own that sees inputs already turned;
            empty if there is one network that sees inputs as they are.
        table_width: number of values of the second input; 0 if there is none.
        boundaries: the answer from which on each target is certainly the decision; empty: 0 for all.
    """

    name: str
    answer: Answer
    network: nn.Module | None
    shape: tuple[int, ...]
    modalities: tuple[tuple[int, ...], ...]
    device: torch.device
    parts: "Sequence[tuple[Subject, View]]" = field(default=())
    table_width: int = 0
    boundaries: tuple[float, ...] = ()

    @property
    def space(self) -> tuple[int, ...]:
        """Sizes of the spatial axes."""
        return self.shape[1:]


def subject_of(model: "Model") -> Subject:
    """The log-odds of a model's decisions: what heatmaps of pictures explain."""
    alone = len(model.members) == 1 and model.views == ["identity"]
    parts = [] if alone else model.parts()
    return _picture_subject(model, [(_picture_subject(part, []), view) for part, view in parts])


def _picture_subject(model: "Model", parts: "list[tuple[Subject, View]]") -> Subject:
    modalities = modalities_of(model.card)
    pictures = model.card.volume is None
    return Subject(
        name=model.card.model,
        answer=model.log_odds,
        network=model.network if model.card.gradients else None,
        shape=(3 if pictures else len(modalities), *space_of(model.card)),
        modalities=((0, 1, 2),) if pictures else tuple((m,) for m in range(len(modalities))),
        device=model.device,
        parts=parts,
        table_width=sum(feature.width for feature in model.card.table),
        boundaries=model.boundaries(),
    )


def subject_of_module(
    network: nn.Module,
    shape: tuple[int, ...],
    modalities: Sequence[Sequence[int]] | None = None,
    name: str = "network",
    table_width: int = 0,
) -> Subject:
    """Output ``target`` of any PyTorch module from (N, C, *space) to (N, K).

    Args:
        network: in evaluation mode.
        shape: (C, *space) of one input.
        modalities: the channels of each modality; each channel by itself if left out.
        name: for people.
        table_width: number of values of its second input; 0 if it has none.

    Raises:
        AuditError: the modalities are not a partition of the channels.
    """
    groups = tuple(tuple(group) for group in modalities or [(c,) for c in range(shape[0])])
    if sorted(channel for group in groups for channel in group) != list(range(shape[0])):
        raise AuditError(
            f"modalities {[list(group) for group in groups]}: each of the {shape[0]} channels was expected "
            "in exactly one modality"
        )

    def answer(inputs: torch.Tensor, target: torch.Tensor, table: Table) -> torch.Tensor:
        outputs: torch.Tensor = network(inputs) if table is None else network(inputs, table)
        return outputs.gather(1, target[:, None])[:, 0].float()

    held = chain(network.parameters(), network.buffers())
    device = next((value.device for value in held), torch.device("cpu"))
    return Subject(name, answer, network, tuple(shape), groups, device, table_width=table_width)
