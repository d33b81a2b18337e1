"""One interface to every model: pictures in, probabilities and differentiable log-odds out."""

import math
from collections.abc import Callable, Sequence
from typing import Any, cast

import torch
from torch import nn

from auditkit.data.dataset import Picture, Volume
from auditkit.errors import AuditError
from auditkit.models.geometry import to_input
from auditkit.models.identity import class_names, decision_names
from auditkit.models.networks import device_of, networks
from auditkit.models.outputs import Outputs
from auditkit.models.preprocess import preprocessing
from auditkit.models.sharing import copied
from auditkit.models.views import see
from auditkit.models.volumes import (
    modalities_of,
    scaled,
    space_of,
    volume_input,
    volumes_to_grid,
)
from auditkit.models.watching import asked
from auditkit.spec.model_card import ModelCard
from auditkit.spec.views import View

PRECISIONS = {"float32": torch.float32, "bfloat16": torch.bfloat16, "float16": torch.float16}
Table = torch.Tensor | None


class Model:
    """A network (or several, whose probabilities are averaged) with its preprocessing, on a device.

    Inputs are float tensors (N, 3, size, size) in [0, 1], sRGB, cropped and resized: the space in
    which colours are shifted, pixels removed and heatmaps drawn; or volumes (N, M, *space), see
    `auditkit.models.volumes`. ``table`` (N, F) is the second input
    of networks that have one. Answers are about decisions: no and yes for a model with a score, else
    the classes, which a concept classifier answers one by one; D is their number.
    """

    def __init__(
        self,
        card: ModelCard,
        members: Sequence[nn.Module],
        device: torch.device,
        precision: str = "float32",
        views: Sequence[View] = ("identity",),
    ) -> None:
        self.card, self.device, self.precision = card, device, precision
        self.views = list(views)
        self.network = members[0] if len(members) == 1 else nn.ModuleList(members)
        self.network.to(device)
        self.members = list(members)
        self.normalise = preprocessing(card).to(device)
        self.outputs = Outputs(card)
        self.classes = class_names(card)
        self._fitting: set[int] = set()

    def prepare(self, cases: Sequence[Picture | Sequence[Volume]]) -> torch.Tensor:
        """Pictures of any size, or the modalities of cases, as one input batch on the device."""
        return self.prepared([ready(self.card, case) for case in cases])

    def prepared(self, cases: Sequence[torch.Tensor]) -> torch.Tensor:
        """The same of cases that are `ready`."""
        batch = self.joined(cases)
        return batch if self.card.volume is None else scaled(batch, self.card.volume)

    def joined(self, cases: Sequence[torch.Tensor]) -> torch.Tensor:
        """Cases that are `ready` as one batch on the device; volumes are not yet scaled."""
        batch = torch.stack(list(cases))
        if self.device.type == "cuda":  # the copy runs beside what the device computes
            return batch.pin_memory().to(self.device, non_blocking=True)
        return batch.to(self.device)

    def standardised(self) -> "Model":
        """The same model for inputs that are normalised already: parameters are shared."""
        model = Model(self.card, self.members, self.device, self.precision, self.views)
        model.normalise = nn.Identity()
        return model

    def raw(self, inputs: torch.Tensor, table: Table = None) -> torch.Tensor:
        """What a single network answers, float32 (N, K); an ensemble's mean probabilities (N, D)."""
        if len(self.members) * len(self.views) > 1:
            return self.probabilities(inputs, table)
        return self._answer(self.members[0], self.normalise(see(inputs, self.views[0])), table)

    def probabilities(self, inputs: torch.Tensor, table: Table = None) -> torch.Tensor:
        """Probability of each decision, (N, D), averaged over members and views.

        Raises:
            AuditError: the answers are not finite, or not probabilities though the card says so.
        """
        parts = self._parts(inputs, table, self._probabilities)
        return parts[0] if len(parts) == 1 else torch.stack(parts).mean(dim=0)

    def log_odds(
        self, inputs: torch.Tensor, target: torch.Tensor, table: Table = None
    ) -> torch.Tensor:
        """Log-odds of decisions ``target`` (N,), differentiable: what heatmaps explain.

        Computed from logits where the networks have them, so that a saturated probability does not
        end the gradient; log(1/n sum_i p_i) for an ensemble.
        """
        parts = self._parts(inputs, table, self._log_probabilities)
        mean = torch.logsumexp(torch.stack(parts), dim=0) - math.log(len(parts))
        return self.outputs.log_odds(parts[0] if len(parts) == 1 else mean, target)

    def decide(self, probabilities: torch.Tensor) -> torch.Tensor:
        """The decision (N,): by the card's threshold, or the most probable class."""
        return self.outputs.decide(probabilities)

    def parts(self) -> "list[tuple[Model, View]]":
        """Each member under each view, as a model of its own that sees inputs already turned."""
        card, device, precision = self.card, self.device, self.precision
        return [
            (Model(card, [member], device, precision), view)
            for view in self.views
            for member in self.members
        ]

    def boundaries(self) -> tuple[float, ...]:
        """Log-odds from which on each decision certainly stands: by the card's threshold, else 0."""
        if self.card.threshold is None:
            return (0.0,) * len(decision_names(self.card) or ())
        odds = math.log(self.card.threshold / (1 - self.card.threshold))
        return (-odds, odds)

    def copy(self) -> "Model":
        """A copy that another thread may use; parameters, which nobody changes, are shared.

        Raises:
            AuditError: a network cannot be copied.
        """
        members = [copied(member, f"model '{self.card.model}'") for member in self.members]
        return Model(self.card, members, self.device, self.precision, self.views)

    def _parts(
        self,
        inputs: torch.Tensor,
        table: Table,
        one: Callable[[nn.Module, torch.Tensor, Table], torch.Tensor],
    ) -> list[torch.Tensor]:
        found = []
        for view in self.views:
            given = self.normalise(see(inputs, view))
            # A copy each: a network whose first operation is in place would change the next one's input.
            several = len(self.members) > 1
            found += [
                one(member, given.clone() if several else given, table) for member in self.members
            ]
        return found

    def _probabilities(self, member: nn.Module, given: torch.Tensor, table: Table) -> torch.Tensor:
        return self.outputs.probabilities(self._answer(member, given, table))

    def _log_probabilities(
        self, member: nn.Module, given: torch.Tensor, table: Table
    ) -> torch.Tensor:
        if self.card.output.kind == "logits":
            return self.outputs.log_probabilities(self._answer(member, given, table))
        if getattr(member, "has_logits", False):
            own = cast("Any", member).logits
            return self.outputs.log_probabilities(self._answer(own, given, table))
        return self.outputs.from_probabilities(self._answer(member, given, table))

    def _answer(
        self, network: Callable[..., torch.Tensor], given: torch.Tensor, table: Table
    ) -> torch.Tensor:
        with self._autocast():
            volume = self.card.volume
            separate = volume is not None and volume.given_as == "separate"
            own = torch.split(given, 1, dim=1) if separate else (given,)
            answer = network(*own) if table is None else network(*own, table)
        if not isinstance(answer, torch.Tensor):
            raise AuditError(
                f"model '{self.card.model}' answered with {type(answer).__name__}; one tensor (N, K) was "
                "expected: wrap the network in a module that returns its scores alone"
            )
        asked(given, answer)
        values = answer.float().flatten(1)
        self._check(values.shape[1])
        return values

    def _check(self, outputs: int) -> None:
        """Whether the card fits, once per number of outputs: black boxes are not asked before an audit."""
        if outputs not in self._fitting:
            self.outputs.check(outputs, self.classes)
            self._fitting.add(outputs)

    def _autocast(self) -> torch.autocast:
        enabled = self.precision != "float32"
        return torch.autocast(self.device.type, PRECISIONS[self.precision], enabled=enabled)


def ready(card: ModelCard, case: Picture | Sequence[Volume]) -> torch.Tensor:
    """A picture of any size, or the modalities of a case, as one input on the CPU, float32.

    (3, size, size) in [0, 1]; or (M, *space) on the model's grid, not yet scaled. Any thread may ask.
    """
    if card.volume is None:
        return to_input(cast("Picture", case), card.input)
    volumes = cast("Sequence[Volume]", case)
    return torch.from_numpy(volumes_to_grid(volumes, volume_input(card)))


def build(card: ModelCard, device: str, precision: str) -> Model:
    """The model that a card describes.

    Raises:
        AuditError: weights, architecture or class names do not fit; or the score is out of range.
    """
    model = Model(card, networks(card), device_of(device), precision, card.view_names)
    if card.black_box is None:
        probe(model)
    return model


def probe(model: Model) -> None:
    """Ask each member once, so that a card that does not fit fails before an audit."""
    card = model.card
    channels = 3 if card.volume is None else len(modalities_of(card))
    width = sum(feature.width for feature in card.table)
    table = torch.zeros(1, width, device=model.device) if width else None
    shape = (1, channels, *space_of(card))
    inputs = model.normalise(torch.full(shape, 0.5, device=model.device))
    for member in model.members:
        try:
            with torch.no_grad():
                model._answer(member, inputs, table)  # noqa: SLF001 the model's own probe
        except AuditError:
            raise
        except Exception as error:
            first = f"{type(error).__name__}: {error}".splitlines()[0]
            raise AuditError(
                f"{card.path}: the network cannot be given an input of {tuple(inputs.shape)}"
                f"{f' with {width} table values' if width else ''}: {first}; check 'input.size', "
                "'input.channels' and 'table' ('volume' of volumes)"
            ) from error
