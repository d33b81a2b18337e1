"""Walking through a plan: each audit's own code says what it needs, on arrays that stand for evidence."""

import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from threadpoolctl import threadpool_limits

from auditkit.checks import compute
from auditkit.errors import AuditError, Unavailable
from auditkit.evidence.evidence import Evidence
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.evidence.workroom import Workroom
from auditkit.findings import Findings
from auditkit.planning.costs import AuditCost, PlanCost
from auditkit.planning.engine import Planning
from auditkit.planning.usage import metered
from auditkit.session import hindrance
from auditkit.spec.load import Audit, rested_on
from auditkit.spec.model_card import ModelCard

Pair = tuple[Audit, ModelCard]
Told = Callable[[str], None]


@dataclass
class Planner:
    """Plans audits of models, again and again if need be: what was calibrated once stays known.

    Attributes:
        store: is read and never written.
        settings: how evidence would be computed.
        told: is told which audit is being planned.
        sharing: threads of this process that will compute, as pytest's own; 1 if workers are processes.
    """

    store: Store
    settings: Settings
    told: Told = lambda _text: None
    sharing: int = 1
    engine: Planning = field(init=False)
    _workroom: Workroom = field(init=False)

    def __post_init__(self) -> None:
        """Make the engine that plans."""
        accelerated = _accelerated(self.settings.device)
        self.engine = Planning(
            self.store,
            listing=False,
            batch=self.settings.batch,
            accelerated=accelerated,
            sharing=self.sharing,
        )
        self._workroom = Workroom(self.engine, self.settings)

    def plan(self, pairs: Iterable[Pair]) -> PlanCost:
        """What audits cost, one after the other, in the order in which they are judged."""
        self.engine.again()
        pairs = list(as_judged(pairs))
        names = {audit.id for audit, _ in pairs}
        costs = []
        # Threads of linear algebra that wait for each other take processor time as well: one per worker.
        with threadpool_limits(1):
            for at, (audit, card) in enumerate(pairs):
                self.told(f"{audit.id} [{card.model}], {at + 1} of {len(pairs)}")
                costs.append(self._audit(audit, card, names))
        used = {stage.key for cost in costs for stage in cost.stages if stage.shards}
        loading = dict(self.engine.loading) if used else {}
        return PlanCost(costs, loading, self.engine.spent, self.engine.accelerated)

    def evidence(self, audit: Audit, card: ModelCard) -> Evidence:
        """The evidence that an audit of a model sees.

        Raises:
            AuditError: the data cannot be read.
        """
        images = getattr(audit.parameters, "images", None)
        return self._workroom.evidence(card, audit.data, images, audit.beside)

    def _audit(self, audit: Audit, card: ModelCard, names: set[str]) -> AuditCost:
        if audit.check.combines:
            reason = "combines what other audits find: nothing of its own"
            return AuditCost(audit.id, card.model, problem=reason)
        hindered = hindrance(audit, card)
        if hindered is not None:
            reason = f"{hindered.verdict.value}: {hindered.reason}"
            return AuditCost(audit.id, card.model, problem=reason)
        self.engine.begin()
        evidence, findings, problem = None, None, ""
        with metered() as meter, warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of rows that repeat
            try:
                evidence = self.evidence(audit, card)
                findings = compute(audit.check, evidence, audit.parameters)
            except Exception as error:  # noqa: BLE001 a check may stumble over rows that repeat
                problem = _problem(error)
        own = self.engine.time(meter.usage) - self.engine.time(self.engine.aside)
        return AuditCost(
            audit.id,
            card.model,
            0 if evidence is None else evidence.n,
            0 if evidence is None else len(set(evidence.patients.tolist())),
            tuple(self.engine.stages),
            max(own, 0.0),
            problem,
            findings,
            [name for name in audit.spec.assumes if name not in names],
        )


def as_judged(pairs: Iterable[Pair]) -> Iterator[Pair]:
    """Pairs in their order, but what an audit rests on before it, as in a run: the first pays for sharing."""
    left = {(audit.id, card.model): (audit, card) for audit, card in pairs}

    def taken(key: tuple[str, str]) -> Iterator[Pair]:
        pair = left.pop(key, None)
        if pair is not None:
            for name in rested_on(pair[0]):
                yield from taken((name, key[1]))
            yield pair

    for key in list(left):
        yield from taken(key)


def _problem(error: Exception) -> str:
    if isinstance(error, Unavailable):
        return f"not run: {error}"
    if isinstance(error, AuditError):
        return f"error: {error}"
    first = str(error).partition("\n")[0]
    return f"planned up to here, then its check stopped on rows that repeat ({type(error).__name__}: {first})"


def _accelerated(device: str) -> bool:
    if device == "cpu":
        return False
    from auditkit.models.networks import device_of

    return device_of(device).type != "cpu"


def findings_of(plan: PlanCost) -> Mapping[tuple[str, str], Findings]:
    """What checks made of calibrated evidence, by audit and model."""
    return {(one.audit, one.model): one.findings for one in plan.audits if one.findings is not None}
