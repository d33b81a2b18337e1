"""What `auditkit plan` says of each audit, held to a cold run of the same audit in an empty store.

    python benchmarks/plan.py audits/dermoscopy --model scanoma --out plan.json

One thread, one process. Each audit is planned and then run, each time with nothing in the store and no model
loaded. Times are this process' processor time, so that other work on the machine matters little; the
clock's are printed beside them. Exit status 1 if an estimate is off by more than a factor of two.
"""

import argparse
import json
import math
import sys
import tempfile
import time
from dataclasses import asdict, dataclass
from pathlib import Path

from auditkit.checks import compute
from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.evidence.workroom import Workroom
from auditkit.planning.walking import Planner
from auditkit.session import hindrance
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import Audit
from auditkit.spec.model_card import ModelCard
from auditkit.spec.selection import selected


@dataclass(frozen=True)
class Row:
    """One audit: seconds of processor time and by the clock, bytes, and what was planned."""

    audit: str
    model: str
    planned: float
    measured: float
    clock: float
    calibration: float
    planned_bytes: float
    bytes: float
    planned_shards: int
    shards: int
    problem: str = ""

    @property
    def ratio(self) -> float:
        """Planned to measured."""
        return self.planned / max(self.measured, 1e-9)

    @property
    def off(self) -> bool:
        """By more than two; less than a second is nobody's plan."""
        brief = max(self.planned, self.measured) < 1
        return not brief and abs(math.log2(max(self.ratio, 1e-9))) > 1

    def __str__(self) -> str:
        name = f"{self.audit} [{self.model}]"
        return (
            f"{name:48} planned {self.planned:8.1f} s  measured {self.measured:8.1f} s "
            f"(clock {self.clock:7.1f} s)  ratio {self.ratio:5.2f}{' OFF' if self.off else '    '}  "
            f"calibration {self.calibration:5.1f} s  bytes {self.planned_bytes / max(self.bytes, 1):.2f}  "
            f"shards {self.planned_shards}/{self.shards}  {self.problem[:60]}"
        )


def held(audit: Audit, card: ModelCard, settings: Settings) -> Row:
    """Plan one audit, then run it."""
    with tempfile.TemporaryDirectory(prefix="plan-") as folder:
        store = Path(folder) / "store"
        began = time.process_time()
        plan = Planner(Store(store), settings).plan([(audit, card)])
        calibration = time.process_time() - began
        assert not store.exists(), "the planner wrote to the store"
        engine = Engine(Store(store), 1, listing=False)
        cpu, clock = time.process_time(), time.perf_counter()
        problem = run(Workroom(engine, settings), audit, card)
        cpu, clock = time.process_time() - cpu, time.perf_counter() - clock
        size = sum(path.stat().st_size for path in store.rglob("*") if path.is_file())
    (cost,) = plan.audits
    planned = plan.seconds(1)
    shards = cost.shards[0], engine.counts.computed
    problem = " | ".join(filter(None, (cost.problem, problem)))
    return Row(
        audit.id,
        card.model,
        planned,
        cpu,
        clock,
        calibration,
        plan.size,
        size,
        *shards,
        problem,
    )


def run(workroom: Workroom, audit: Audit, card: ModelCard) -> str:
    """The real thing; what was wrong with it."""
    images = getattr(audit.parameters, "images", None)
    try:
        evidence = workroom.evidence(card, audit.data, images, audit.beside)
        compute(audit.check, evidence, audit.parameters)
    except Exception as error:  # noqa: BLE001 what cannot be run is planned as such
        return str(error) or repr(error)
    return ""


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("paths", nargs="+", type=Path)
    parser.add_argument("--model", action="append", required=True)
    parser.add_argument("--only", action="append", default=[], help="ids of audits; repeatable")
    parser.add_argument("--skip", action="append", default=[], help="ids of audits; repeatable")
    parser.add_argument("--cards", type=Path, default=Path("fixtures"))
    parser.add_argument("--out", type=Path, help="rows as JSON")
    given = parser.parse_args()
    chosen = selected(given.paths, catalogue([given.cards]), given.model)
    import torch

    torch.set_num_threads(1)
    rows = []
    for audit, card in chosen.pairs():
        wanted = (not given.only or audit.id in given.only) and audit.id not in given.skip
        if not wanted or hindrance(audit, card) is not None:
            continue
        rows.append(held(audit, card, Settings(device="cpu")))
        print(rows[-1], flush=True)
        if given.out:
            given.out.write_text(json.dumps([asdict(row) for row in rows], indent=1))
    off = [row.audit for row in rows if row.off]
    print(f"{len(rows)} audits, {len(off)} off by more than a factor of two {' '.join(off)}")
    return 1 if off else 0


if __name__ == "__main__":
    sys.exit(main())
