"""The engine that a user asked for."""

from collections.abc import Callable, Mapping

from auditkit.errors import AuditError
from auditkit.evidence.execution.contract import Executor
from auditkit.evidence.execution.inline import Inline
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.spec.engines import EngineChoice

Make = Callable[[EngineChoice, Store, Settings], Executor]


def executor_of(
    choice: EngineChoice, store: Store, settings: Settings, threads: int = 1
) -> Executor:
    """An engine over a store; workers start when the first shard is asked for.

    Args:
        choice: what was asked for.
        store: where shards are kept.
        settings: how they are computed.
        threads: of the inline engine.

    Raises:
        AuditError: a part is not installed, or an option is not known.
    """
    if choice.name == "inline":
        return Inline(store, choice.workers or threads)
    makers: Mapping[str, Make] = {"processes": _processes, "ray": _ray, "slurm": _slurm}
    return makers[choice.name](choice, store, settings)


def _processes(choice: EngineChoice, store: Store, settings: Settings) -> Executor:
    from auditkit.evidence.execution.processes import Processes

    return Processes(store, settings, choice.workers)


def _ray(choice: EngineChoice, store: Store, settings: Settings) -> Executor:
    from auditkit.evidence.execution.ray_engine import RayEngine

    given = choice.options
    gpus, cpus = (_share(name, given[name]) if name in given else None for name in ("gpus", "cpus"))
    return RayEngine(
        store,
        settings,
        choice.workers,
        address=given.get("address"),
        gpus=gpus,
        cpus=1.0 if cpus is None else cpus,
    )


def _slurm(choice: EngineChoice, store: Store, settings: Settings) -> Executor:
    from auditkit.evidence.execution.slurm import SlurmEngine

    options = dict(choice.options)
    folder = options.pop("folder", ".auditkit/slurm")
    cluster = options.pop("cluster", "slurm")
    return SlurmEngine(
        store, settings, choice.workers, folder=folder, cluster=cluster, options=options
    )


def _share(name: str, text: str) -> float:
    try:
        share = float(text)
    except ValueError:
        share = -1.0
    if not 0 <= share < 1e4:
        raise AuditError(f"engine option {name}={text}: a number from 0 was expected, such as 0.25")
    return share
