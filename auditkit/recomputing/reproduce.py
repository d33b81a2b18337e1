"""The regulator's second look: a run's evidence computed again from the recorded inputs, and compared."""

import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from auditkit.comparison.baseline import Baseline
from auditkit.environment import environment
from auditkit.errors import AuditError
from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Progress, silent, threads
from auditkit.evidence.identity import code_version
from auditkit.recomputing.engine import Recomputing
from auditkit.recomputing.inputs import hold_contents, hold_files
from auditkit.recomputing.judging import Rejudging
from auditkit.recomputing.outcome import Sampled, SecondLook, ShardOutcome
from auditkit.recomputing.plan import load_plan
from auditkit.recomputing.record import Record, read_record
from auditkit.recomputing.sampling import drawn, fresh_seed, sample_size
from auditkit.recomputing.stated import hold_statements
from auditkit.recomputing.tolerance import Tolerance, tolerance
from auditkit.results import Results
from auditkit.results.folder import RESULTS
from auditkit.session import Session

_UNASKED = "none of the audits that could be repeated here needed it"


@dataclass(frozen=True)
class Asked:
    """What a second look is to do.

    Attributes:
        place: the run's folder.
        root: where specs and cards lie as they did.
        sample: a share like 2%, a number of shards, or all.
        seed: of the sample; None draws one.
        store: where the recorded arrays are; None looks where the record says.
        cards: folders with cards; none: those of the recorded cards.
        device: where networks run; None: as recorded.
        progress: told how far it is.
    """

    place: Path
    root: Path
    sample: str = "2%"
    seed: int | None = None
    store: Path | None = None
    cards: Sequence[Path] = ()
    device: str | None = None
    progress: Progress = silent


def reproduce(asked: Asked) -> SecondLook:
    """Compute a sample of a run's evidence again, judge it again, and compare.

    Raises:
        AuditError: the record cannot be read, or the device is not there.
    """
    record = read_record(asked.place, asked.store)
    sample = _sample(asked, record)
    device = asked.device or record.results.environment.device
    allowed = _tolerance(record, device)
    addresses = [shard.address for shard in record.listed.shards]
    with tempfile.TemporaryDirectory(prefix="auditkit-") as scratch:
        engine = Recomputing(
            Store(Path(scratch)),
            threads() if device in ("cpu", "auto") else 1,
            asked.progress,
            record=record,
            sample=drawn(addresses, sample.size, sample.seed),
            allowed=allowed,
        )
        return _looked(asked, record, engine, device, sample)


def _looked(
    asked: Asked, record: Record, engine: Recomputing, device: str, sample: Sampled
) -> SecondLook:
    results = record.results
    files = list(hold_files(results, asked.root))
    plan = load_plan(results, asked.root, asked.cards)
    settings = _settings(record, device)
    session = Session(engine, settings, plan.audits, _baseline(asked, results))
    contents = list(hold_contents(results, plan, session))
    contents += hold_statements(results, plan, session, asked.root)
    judging = Rejudging(results, plan, session)
    # What was passed on instead of the record may be other by the tolerance, and so may what follows.
    judging.run(lambda: engine.allowed.share if engine.substituted else 0.0)
    remarks = [*files, *plan.remarks, *contents, *record.remarks, *engine.remarks, *judging.remarks]
    return SecondLook(
        run=results.run.id,
        results_sha256=record.sha256,
        code="the same" if record.listed.code == code_version() else "other",
        hardware=environment(device, settings.precision, "").hardware,
        device=device,
        arrays="" if record.store is None else record.store.place,
        tolerance=str(engine.allowed),
        sample=sample,
        shards=_outcomes(record, engine),
        numbers=judging.numbers,
        remarks=list({remark.model_dump_json(): remark for remark in remarks}.values()),
    )


def _settings(record: Record, device: str) -> Settings:
    """As the run's, as far as it told; the size of its shards is found by looking."""
    run = record.results.run
    told = run.execution
    batch = run.batch_size or (None if told.get("shard", "auto") != "auto" else record.batch)
    precision = record.results.environment.precision
    return Settings.asked(device, precision, batch, fast=told.get("fast") == "yes")


def _baseline(asked: Asked, results: Results) -> Baseline | None:
    """The earlier run that the run was compared with, if it is where it was and what it was."""
    folder = asked.root / results.run.baseline
    if not results.run.baseline or not (folder / RESULTS).is_file():
        return None
    digest = hashlib.sha256((folder / RESULTS).read_bytes()).hexdigest()
    return Baseline.read(folder) if digest == results.run.baseline_sha256 else None


def _sample(asked: Asked, record: Record) -> Sampled:
    total = len(record.listed.shards)
    if not total:
        raise AuditError(f"{asked.place}: evidence.json lists no shard; nothing can be recomputed")
    seed = fresh_seed() if asked.seed is None else asked.seed
    size = sample_size(asked.sample, total)
    return Sampled(asked=asked.sample, seed=seed, shards=total, size=size)


def _outcomes(record: Record, engine: Recomputing) -> list[ShardOutcome]:
    """Of every shard that was computed again or should have been, by stage."""
    known = dict(engine.outcomes)
    for shard in record.listed.shards:
        if shard.address in engine.sample and shard.address not in known:
            known[shard.address] = ShardOutcome(
                address=shard.address,
                stage=shard.stage,
                state="not recomputed",
                reason=_UNASKED,
                sampled=True,
            )
    return sorted(known.values(), key=lambda shard: (shard.stage, shard.address))


def _tolerance(record: Record, device: str) -> Tolerance:
    from auditkit.models.networks import device_of

    ran = record.results.environment
    kind = ran.device
    if kind == "auto":
        kind = "cuda" if "CUDA" in ran.hardware else "cpu"
    return tolerance(ran.precision, same_device=device_of(device).type == kind)
