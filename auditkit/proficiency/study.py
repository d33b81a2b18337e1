"""Runs a study: composed models, samples, audits, rates. Trials are shared out among processes."""

import multiprocessing
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass

from threadpoolctl import threadpool_limits

from auditkit import __version__
from auditkit.errors import AuditError
from auditkit.proficiency.composed import ComposedModel
from auditkit.proficiency.faults import CLEAN, FAULTS, Fault
from auditkit.proficiency.population import Population
from auditkit.proficiency.rates import expectation_result, false_alarm, family, fault_result, rate
from auditkit.proficiency.result import AuditResult, Proficiency
from auditkit.proficiency.sampled import NotComposedError, drawn
from auditkit.proficiency.trial import Trial, trial, truths
from auditkit.spec.load import Audit
from auditkit.verdict import Verdict

# Audits that a process is handed at once.
_CHUNK = 8

Told = Callable[[int, int], None]


@dataclass(frozen=True)
class Design:
    """What is to be run; all of it is declared before anything is.

    Attributes:
        models: with each fault at each strength; each is audited once, on a sample of its own, so that audits
            are independent of each other.
        clean: models without a fault.
        first_seed: of the models and samples.
        faults: that are planted, each at its strengths; all if there are none.
        workers: processes; results do not depend on it.
    """

    models: int = 200
    clean: int = 400
    first_seed: int = 0
    faults: Sequence[Fault] = ()
    workers: int = 1


@dataclass(frozen=True)
class Studied:
    """One audit with the population that its samples come from, and how many images they have."""

    audit: Audit
    population: Population
    images: int


@dataclass(frozen=True)
class _Task:
    """The audit of one composed model."""

    at: int
    fault: Fault
    strength: float
    seed: int


# Processes are forked: they find here what was gathered before.
_studied: list[Studied] = []


def run(
    studied: Sequence[Studied],
    design: Design,
    refused: Mapping[str, str] | None = None,
    told: Told = lambda _done, _all: None,
) -> Proficiency:
    """Run a study.

    Args:
        studied: audits with their populations.
        design: what is run.
        refused: audits that cannot be asked of the model, and why.
        told: is told how many composed models were audited, and of how many.

    Raises:
        AuditError: no audit can be studied, or a fault that is asked for cannot be planted.
    """
    for fault in design.faults:
        if not any(_plantable(fault, one) for one in studied):
            unknown = fault.attribute or fault.group[0]
            raise AuditError(
                f"fault '{fault.name}' cannot be planted: no data set of these audits knows the "
                f"'{unknown}' of its images, or the audit is of heatmaps; leave it out"
            )
    possible, also = _prepared(studied, design)
    refused = {**(refused or {}), **also}
    if not possible:
        why = "; ".join(f"{name}: {reason}" for name, reason in refused.items())
        raise AuditError(f"no audit can be studied with composed models: {why}")
    tasks = [task for at, one in enumerate(possible) for task in _tasks(at, one, design)]
    trials: dict[int, list[Trial]] = {at: [] for at in range(len(possible))}
    for done, (task, found) in enumerate(_each(possible, tasks, design.workers), start=1):
        trials[task.at].append(found)
        told(done, len(tasks))
    return _result(possible, trials, design, refused)


def _prepared(studied: Sequence[Studied], design: Design) -> tuple[list[Studied], dict[str, str]]:
    """Gather all evidence, in this process; which audits cannot be composed, and why."""
    possible, refused = [], {}
    for one in studied:
        try:
            for fault in (CLEAN, *_faults(one, design)):
                truths(one.audit, ComposedModel(one.population, fault, fault.strengths[-1], 0))
        except NotComposedError as error:
            refused[one.audit.id] = str(error)
        except AuditError as error:
            if not isinstance(error.__cause__, NotComposedError):
                raise
            refused[one.audit.id] = str(error.__cause__)
        else:
            possible.append(one)
    return possible, refused


def _faults(one: Studied, design: Design) -> list[Fault]:
    faults = design.faults or FAULTS.values()
    return [fault for fault in faults if _plantable(fault, one)]


def _plantable(fault: Fault, one: Studied) -> bool:
    """Whether the data know what it reads, or whose images it concerns."""
    if fault.attribute:
        known = any(fault.attribute in drawn for drawn in one.population.attributes[:1])
        # What a generator drew is no part of the picture that could be covered.
        return known and not hasattr(one.audit.parameters, "methods")
    return not fault.group[0] or fault.group[0] in one.population.evidence.records[0].groups


def _tasks(at: int, one: Studied, design: Design) -> Iterator[_Task]:
    planted = [
        (fault, strength, design.models)
        for fault in _faults(one, design)
        for strength in fault.strengths
    ]
    for fault, strength, count in [(CLEAN, 0.0, design.clean), *planted]:
        for seed in range(design.first_seed, design.first_seed + count):
            yield _Task(at, fault, strength, seed)


def _each(
    studied: Sequence[Studied], tasks: Sequence[_Task], workers: int
) -> Iterator[tuple[_Task, Trial]]:
    _studied[:] = studied
    if workers == 1:
        yield from ((task, _audited(task)) for task in tasks)
        return
    context = multiprocessing.get_context("fork")
    with ProcessPoolExecutor(workers, mp_context=context, initializer=_one_thread) as pool:
        yield from zip(tasks, pool.map(_audited, tasks, chunksize=_CHUNK), strict=True)


def _one_thread() -> None:
    """Processes share the cores: threads of linear algebra in each of them would only wait for each other."""
    threadpool_limits(1)


def _audited(task: _Task) -> Trial:
    one = _studied[task.at]
    model = ComposedModel(one.population, task.fault, task.strength, task.seed)
    return trial(one.audit, model, task.seed, one.images, truths(one.audit, model))


def _result(
    studied: Sequence[Studied],
    trials: Mapping[int, Sequence[Trial]],
    design: Design,
    refused: dict[str, str],
) -> Proficiency:
    def blocking(audit: str, at: int) -> bool:
        spec = next(one.audit.spec for one in studied if one.audit.id == audit)
        return spec.expect[at].severity == "blocking"

    clean = {
        studied[at].audit.id: [one for one in some if one.fault == CLEAN.name]
        for at, some in trials.items()
    }
    together = len(clean) == len(studied)
    return Proficiency(
        auditkit=__version__,
        model=studied[0].population.evidence.card.model,
        first_seed=design.first_seed,
        models=design.models,
        audits=[_audit(one, trials[at]) for at, one in enumerate(studied)],
        family=family(clean, blocking) if together else None,
        not_composed=refused,
    )


def _audit(one: Studied, trials: Sequence[Trial]) -> AuditResult:
    audit = one.audit
    clean = [each for each in trials if each.fault == CLEAN.name]
    names = dict.fromkeys(each.fault for each in trials if each.fault != CLEAN.name)
    patients = [len(set(drawn(one.population, one.images, seed)[1])) for seed in range(20)]
    return AuditResult(
        audit=audit.id,
        check=audit.check.name,
        data=one.population.evidence.data.card.data,
        population=one.population.n,
        parameters=audit.parameters.model_dump(mode="json"),
        images=one.images,
        patients=sum(patients) / len(patients),
        clean=rate(map(false_alarm, clean)),
        clean_inconclusive=rate(map(_unclear, clean)),
        faults=[fault_result(name, [t for t in trials if t.fault == name]) for name in names],
        expectations=[
            expectation_result(at, expectation, trials)
            for at, expectation in enumerate(audit.spec.expect)
            if expectation.in_ is None and expectation.not_worse_than is None
        ],
    )


def _unclear(one: Trial) -> bool:
    verdicts = [said.verdict for said in one.said]
    return Verdict.FAIL not in verdicts and Verdict.INCONCLUSIVE in verdicts
