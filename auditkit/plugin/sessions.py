"""The session of a process."""

from dataclasses import replace

import pytest

from auditkit.comparison.baseline import Baseline
from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine, threads
from auditkit.evidence.execution.choose import executor_of
from auditkit.evidence.execution.devices import visible_gpus
from auditkit.plugin.keys import AUDITS, OPTIONS, SESSION
from auditkit.plugin.options import Options
from auditkit.plugin.progress import Progress
from auditkit.session import Session
from auditkit.spec.engines import EngineChoice
from auditkit.spec.load import Audit


def session_of(config: pytest.Config) -> Session:
    """This process' session; made when the first item runs."""
    if SESSION not in config.stash:
        options = config.stash[OPTIONS]
        settings = Settings.asked(
            options.device,
            options.precision,
            options.batch_size,
            shard=options.shard,
            fast=options.fast,
        )
        audits: dict[str, Audit] = config.stash.setdefault(AUDITS, {})
        count = 1 if options.device in ("cuda", "mps") else threads(options.workers)
        store = Store(options.store)
        executor = executor_of(_share(options, count), store, settings, count)
        engine = Engine(store, count, Progress(config), executor=executor)
        config.add_cleanup(engine.close)
        baseline = Baseline.read(options.baseline) if options.baseline else None
        config.stash[SESSION] = Session(engine, settings, audits, baseline)
    return config.stash[SESSION]


def _share(options: Options, cores: int) -> EngineChoice:
    """The engine as asked for; of each of several xdist workers, with its share of the cores."""
    asked = options.engine
    if asked.name != "processes" or asked.workers or options.workers == 1:
        return asked
    return asked if visible_gpus(options.device) else replace(asked, workers=cores)
