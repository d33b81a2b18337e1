"""The session of a process."""

import pytest

from auditkit.comparison.baseline import Baseline
from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine, threads
from auditkit.evidence.execution.choose import executor_of
from auditkit.plugin.keys import AUDITS, OPTIONS, SESSION
from auditkit.plugin.progress import Progress
from auditkit.session import Session
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
        executor = executor_of(options.engine, store, settings, count)
        engine = Engine(store, count, Progress(config), executor=executor)
        config.add_cleanup(engine.close)
        baseline = Baseline.read(options.baseline) if options.baseline else None
        config.stash[SESSION] = Session(engine, settings, audits, baseline)
    return config.stash[SESSION]
