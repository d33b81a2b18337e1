"""What checks see: per-image arrays for one model on one data set. Torch is imported only to compute.

Everything here is a function of (model, images, parameters); when all of it is in the store, a whole
audit is judged without loading a network.
"""

from collections.abc import Callable, Mapping, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import numpy.typing as npt

from auditkit.data.dataset import Dataset, Incomplete, Mask, Picture, Record, Volume
from auditkit.errors import AuditError
from auditkit.evidence.ahead import inputs_ahead
from auditkit.evidence.concepts.kinds import ConceptAnswers, Drawing
from auditkit.evidence.corruptions import corrupted_source, corruption_worker
from auditkit.evidence.efficiency import CostPlan, Costs
from auditkit.evidence.engine import Compute, Engine, Stage, threads_restored
from auditkit.evidence.heatmap_evidence import costs_of, fitness_of, heatmaps_of
from auditkit.evidence.interventions import generated, interventions_worker
from auditkit.evidence.kinds import Fitness, Floats, Heatmaps, Integers, Scores, Settings
from auditkit.evidence.peers import Peers
from auditkit.evidence.portable import ImageIdentities, Portable, Recipe, restored
from auditkit.evidence.removal import RemovalPlan, Removed, removed, removed_at_random
from auditkit.evidence.stages import (
    answers_worker,
    runtime_worker,
    scores_worker,
    shifts_worker,
)
from auditkit.models.geometry import mask_to_input, picture_to_input
from auditkit.models.identity import decision_names, model_digest
from auditkit.models.reading import decision_probabilities
from auditkit.models.volumes import (
    modalities_of,
    region_of,
    space_of,
    volume_input,
    volumes_of,
    volumes_to_grid,
)
from auditkit.spec.answers_card import AnswersCard
from auditkit.spec.assessment import AssessmentCard
from auditkit.spec.corruptions import Corruption
from auditkit.spec.formats import FORMATS
from auditkit.spec.generator_card import GeneratorCard
from auditkit.spec.methods import Method
from auditkit.spec.model_card import ModelCard
from auditkit.spec.ratings_card import RatingsCard

if TYPE_CHECKING:
    from auditkit.models.model import Model

Mode = Literal["fake", "ref", "float"]


class Evidence:
    """Evidence of one model on (the first images of) one data set."""

    def __init__(
        self,
        card: ModelCard,
        data: Dataset,
        engine: Engine,
        settings: Settings,
        images: int | None = None,
        model: "Callable[[], Model] | None" = None,
        others: "Mapping[str, Callable[[], Evidence]] | None" = None,
        peers: "Peers | None" = None,
        recipe: Recipe | None = None,
    ) -> None:
        self.card = card
        self.data = data
        self.records: Sequence[Record] = data.records[:images]
        self._engine = engine
        self.settings = settings
        self._model = model
        self._recipe = recipe
        self._others = others or {}
        self.peers = peers or Peers()
        self.ahead = inputs_ahead(self)

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process, evidence is what it is of; there it is made again."""
        if self._recipe is None:
            raise AuditError(
                f"evidence of '{self.card.model}' was made of objects in memory, which only this process "
                "has: use the inline engine, or audit from cards"
            )
        return restored, (self._recipe,)

    @property
    def n(self) -> int:
        """Number of images."""
        return len(self.records)

    def sibling(self, data: str) -> "Evidence":
        """Evidence of the same model on another data set that the audit names."""
        return self._others[data]()

    def peer(self, model: str) -> "Evidence":
        """Evidence of another model that the audit names, on the same data set."""
        return self.peers.models[model]()

    def generator(self, name: str) -> GeneratorCard:
        """A text-to-image model that the audit names."""
        return self.peers.generators[name]

    def assessment(self, name: str) -> AssessmentCard:
        """A recorded assessment that the audit names; Unavailable where there is none."""
        return self.peers.assessment(name)

    def expert_answers(self, name: str) -> AnswersCard:
        """The answers of an expert study that the audit names; Unavailable where there are none."""
        return self.peers.answers_of(name)

    def ratings(self, name: str) -> RatingsCard:
        """A table of people's ratings that the audit names."""
        return self.peers.ratings[name]

    @property
    def incomplete(self) -> Sequence[str]:
        """Why, of each case that lacks a modality: such cases are no records, and are counted."""
        return [one.reason for one in self._incomplete]

    @property
    def incomplete_ids(self) -> Sequence[str]:
        """The ids of these cases."""
        return [one.id for one in self._incomplete]

    @property
    def _incomplete(self) -> Sequence[Incomplete]:
        """Those that lie among the records of this evidence."""
        every: Sequence[Incomplete] = getattr(self.data, "incomplete", ())
        whole = self.n == len(self.data.records)
        return [one for one in every if whole or one.before < self.n]

    @cached_property
    def labels(self) -> Integers:
        """Class index per image."""
        return np.array([record.label for record in self.records])

    @cached_property
    def patients(self) -> npt.NDArray[np.str_]:
        """Patient per image: the clusters of all statistics."""
        return np.array([record.patient for record in self.records])

    @property
    def two_class(self) -> bool:
        """Whether there is a score with a threshold."""
        return self.card.scored

    @property
    def classes(self) -> list[str] | None:
        """Names of the decisions: of the classes, or [negative, positive]."""
        return decision_names(self.card)

    @property
    def size(self) -> int:
        """Side of the model's input in pixels."""
        return self.card.input.size

    @property
    def space(self) -> tuple[int, ...]:
        """Sizes of the spatial axes of the model's input."""
        return space_of(self.card)

    @property
    def modalities(self) -> tuple[str, ...]:
        """Names of the modalities in the model's order; a picture is one."""
        return modalities_of(self.card)

    def group(self, column: str) -> npt.NDArray[np.str_]:
        """Value of a group column per image.

        Raises:
            AuditError: the data set has no such column.
        """
        known = self.records[0].groups
        if column not in known:
            from auditkit.spec.problems import nearest

            raise AuditError(
                f"data set '{self.data.card.data}' has no group '{column}'; {nearest(column, known)}"
            )
        return np.array([record.groups[column] for record in self.records])

    def right(self, decision: Integers) -> npt.NDArray[np.bool_]:
        """Whether decisions are right; ``decision`` is (n, ...)."""
        labels = self.labels.reshape(-1, *[1] * (decision.ndim - 1))
        return np.asarray(decision == labels)

    def source(self, index: int) -> "Picture | Sequence[Volume]":
        """What the model's input is made of: a picture, or one array per modality."""
        if self.card.volume is None:
            return self.data.image(index)
        return volumes_of(self.card, self.data, index)

    def volume(self, index: int) -> Volume:
        """The modalities on the model's grid as they are stored, not scaled: (M, *space). No torch."""
        return volumes_to_grid(volumes_of(self.card, self.data, index), volume_input(self.card))

    def region(self, index: int) -> Mask | None:
        """The annotated region per modality on the model's grid, bool (M, *space)."""
        if self.card.volume is None:
            mask = self.mask(index)
            return None if mask is None else mask[None]
        return region_of(self.card, self.data, index)

    def picture(self, index: int) -> Picture:
        """The picture as the model's square, for people to look at."""
        return picture_to_input(self.data.image(index), self.card.input)

    def mask(self, index: int) -> Mask | None:
        """The annotated region on the model's square."""
        mask = self.data.mask(index)
        return None if mask is None else mask_to_input(mask, self.card.input)

    def scores(self) -> Scores:
        """The model's answers to the images as they are."""
        arrays = self.gather("scores", {}, scores_worker)
        return Scores(arrays["score"], arrays["decision"])

    def shifted_scores(self, space: str, shifts: Sequence[tuple[float, float]]) -> Scores:
        """Answers to recoloured images, (n, shifts); a shift is (radius, angle in degrees)."""
        parameters = {"space": space, "shifts": [list(shift) for shift in shifts]}
        arrays = self.gather("colour shifts", parameters, shifts_worker)
        return Scores(arrays["score"], arrays["decision"])

    def intervened_scores(self, attribute: str, values: Sequence[float]) -> Scores:
        """Answers to pictures redrawn with one attribute at each of the values, (n, values).

        Raises:
            AuditError: the data set cannot redraw its pictures.
        """
        generated(self.data)
        parameters = {"attribute": attribute, "values": [float(value) for value in values]}
        name = f"interventions on {attribute}"
        arrays = self.gather(name, parameters, interventions_worker, stage="interventions")
        return Scores(arrays["score"], arrays["decision"])

    def intervened_picture(self, index: int, attribute: str, value: float) -> Picture:
        """The picture redrawn with one attribute changed, as the model's square."""
        redrawn = generated(self.data).intervened(index, attribute, value)
        return picture_to_input(redrawn, self.card.input)

    def corrupted_scores(self, corruption: Corruption) -> Scores:
        """Answers to pictures that were stored, sent, taken or marked in another way, (n,)."""
        parameters = {"corruption": corruption.identity}
        name = f"corruption {corruption.label}"
        arrays = self.gather(name, parameters, corruption_worker, stage="corruptions")
        return Scores(arrays["score"], arrays["decision"])

    def corrupted_picture(self, index: int, corruption: Corruption) -> Picture:
        """The corrupted picture as the model's square."""
        return picture_to_input(corrupted_source(self, index, corruption), self.card.input)

    def true_probabilities(self, attribute: str, values: Sequence[float]) -> Floats:
        """The generator's own probability of a positive label at each of the values, (n, values)."""
        data = generated(self.data)
        rows = [
            [data.true_probability(index, attribute, value) for value in values]
            for index in range(self.n)
        ]
        return np.array(rows)

    def concept_answers(self, drawing: Drawing) -> ConceptAnswers:
        """Answers to images that a generator draws from captions, as they are and with concepts changed.

        Raises:
            AuditError: the generator cannot be read, or a concept cannot be permuted.
        """
        from auditkit.evidence.concepts.answers import concept_answers

        with threads_restored():
            return concept_answers(self, drawing)

    def concept_picture(
        self, drawing: Drawing, index: int, changed: Mapping[str, str], repeat: int = 0
    ) -> Picture:
        """The image drawn for a record, with concepts set to other values."""
        from auditkit.evidence.concepts.images import concept_picture

        with threads_restored():
            return concept_picture(self, drawing, index, changed, repeat)

    def fitness(self, method: Method) -> Fitness:
        """Whether a heatmap method can be asked of this model."""
        return fitness_of(self, method)

    def heatmaps(self, method: Method) -> Heatmaps:
        """Heatmaps of the decided class.

        Raises:
            AuditError: the method cannot be asked of this model.
        """
        return heatmaps_of(self, method)

    def costs(self, method: Method, plan: CostPlan) -> Costs:
        """What a method's heatmaps cost on this machine."""
        return costs_of(self, method, plan)

    def removal(self, method: Method, plan: RemovalPlan) -> Removed:
        """Answers while a heatmap's cells are removed, hottest first, (n, steps + 1)."""
        return removed(self, method, plan)

    def random_removal(self, method: Method, plan: RemovalPlan) -> Removed:
        """Answers while a heatmap's cells are removed in random order, (n, repeats, steps + 1)."""
        return removed_at_random(self, method, plan)

    def answers(self, mode: Mode | None = None) -> Floats:
        """The PyTorch model's raw outputs (n, K), for pictures rounded to bytes.

        Args:
            mode: a TFLite arithmetic other than the card's.
        """
        mode = mode or self.card.mode
        arrays = self.gather(f"answers {mode}", {"mode": mode}, answers_worker, stage="answers")
        outputs: Floats = arrays["output"]
        return outputs

    def runtime_answers(self, kernel: str = "", *, vendor: bool = False) -> Floats:
        """The device's own runtime's raw outputs (n, K) for the same pictures.

        Args:
            kernel: of the runtime; its default if left out.
            vendor: prepared as the device's own app does, not as the audited model is given them.
        """
        outputs: Floats = self._runtime(kernel, vendor=vendor)["output"]
        return outputs

    def output_step(self) -> float | None:
        """The quantisation step of the runtime's outputs; None if they are floats."""
        step = float(self._runtime("", vendor=False)["step"][0])
        return step or None

    def probabilities(self, raw: Floats) -> Floats:
        """Probabilities of decisions (n, D) from raw outputs (n, K), as the audits read them."""
        return decision_probabilities(self.card, raw)

    def _runtime(self, kernel: str, *, vendor: bool) -> dict[str, npt.NDArray[Any]]:
        kernel = kernel or FORMATS[self.card.format].kernels[0]
        name = f"runtime {kernel}{' vendor' if vendor else ''}"
        parameters = {"kernel": kernel, "vendor": vendor}
        return self.gather(name, parameters, runtime_worker, stage="runtime")

    def gather(
        self,
        name: str,
        parameters: dict[str, Any],
        worker: Callable[..., Compute],
        stage: str | None = None,
        digests: Sequence[str] | None = None,
    ) -> dict[str, npt.NDArray[Any]]:
        """A stage's arrays for all images, from the store or computed.

        Args:
            name: for people; also the stage's own name if ``stage`` is left out.
            parameters: all that determines the arrays beside model and images; JSON.
            worker: called as ``worker(evidence, make_model, settings, parameters)``, once per thread, to
                make the function from image indices to arrays.
            stage: what kind of evidence it is.
            digests: what the arrays are of, if not of the images.
        """
        plan = self.stage_of(name, parameters, stage, digests)
        with threads_restored():
            return self._engine.gather(plan, Portable(self, worker, parameters))

    def stage_of(
        self,
        name: str,
        parameters: dict[str, Any],
        stage: str | None = None,
        digests: Sequence[str] | None = None,
    ) -> Stage:
        """What `gather` asks for, with the same arguments."""
        identity = {"stage": stage or name, "parameters": parameters, **self.model_identity}
        of = self.identities if digests is None else digests
        return Stage(f"{self.card.model}: {name}", identity, of, self.settings.shard)

    @property
    def model_identity(self) -> dict[str, str]:
        """What determines the model's answers."""
        return {"model": model_digest(self.card), **self.settings.arithmetic}

    @cached_property
    def identities(self) -> ImageIdentities:
        """What of each image determines the model's answer and its score."""
        return ImageIdentities(self)

    def own_model(self) -> "Model":
        """A model of one's own, for a thread that computes."""
        assert self._model is not None
        return self._model()
