"""Whether truly trained networks are caught as often as the composed models' curves say.

    python benchmarks/proficiency_zoo.py build/zoo
    python benchmarks/proficiency_trained.py build/zoo build/first.json --out build/trained.json

Each network of the zoo is audited as a composed model is, on samples of its own answers. Its truth, over all
images, and the curves by true value say how often it ought to be caught; counted is how often it is.
"""

import argparse
import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from proficiency_zoo import CORRUPTIONS, POPULATION, POPULATION_SEED, REDRAWN, SHIFTS, SIZE

from auditkit import stats
from auditkit.evidence.engine import Engine
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.evidence.workroom import Workroom
from auditkit.proficiency.composed import ComposedModel
from auditkit.proficiency.faults import CLEAN
from auditkit.proficiency.population import LEAST, Population
from auditkit.proficiency.result import read
from auditkit.proficiency.trial import trial, truths
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import load_audit
from auditkit.verdict import Verdict

SAMPLES = 20
CARD = """\
data: zoo
task: melanoma
format: synthetic-dermoscopy
with: {{n: {n}, seed: {seed}, size: {size}, images_per_patient: 2}}
"""


@dataclass
class Trained(ComposedModel):
    """A network as it is: neither its confidence nor its offset is changed."""

    @property
    def _own(self):
        return 1.0, 0.0


def population(evidence, answers):
    """A network's answers, as if the evidence's model had given them."""
    most = float(np.log((1 - LEAST) / LEAST))
    odds = {name: np.clip(one, -most, most) for name, one in answers.items()}
    kept = {"scores": odds["plain"]}
    kept["shifted", "cieluv", tuple(SHIFTS)] = odds["shifted"]
    for name, values in REDRAWN.items():
        kept["intervened", name, values] = np.stack([odds[f"{name} {v:g}"] for v in values], axis=1)
    for one in CORRUPTIONS:
        kept["corrupted", repr(one.identity)] = odds[f"corruption {one.label}"]
    return Population(evidence, kept)


def audits_of(cards):
    """The shipped audits; of `light`, the shifts that its expectations are about."""
    found = {
        name: load_audit(Path(f"audits/dermoscopy/{name}.audit.yaml"), cards)
        for name in ("light", "handling", "attributes")
    }
    light = found["light"]
    narrow = light.parameters.model_copy(update={"radius": [5.0], "angles": 4})
    found["light"] = light.__class__(**{**light.__dict__, "parameters": narrow})
    return found


def predicted(curve, truth, limits):
    """How often a violation of this size is caught: between the points of a curve, 2.5 % at the limit."""
    own = [point for point in curve if (point.low >= limits[1]) == (truth >= limits[1])]
    if not own:
        return float("nan")
    limit = limits[1] if truth >= limits[1] else limits[0]
    points = [(0.0, 0.025)]
    points += [(abs((one.low + one.high) / 2 - limit), one.detected.value) for one in own]
    return float(np.interp(abs(truth - limit), *zip(*sorted(points), strict=True)))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("zoo", type=Path)
    parser.add_argument("study", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    given = parser.parse_args()
    folder = given.out.parent / "zoo-cards"
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "zoo.data.yaml").write_text(
        CARD.format(n=POPULATION, seed=POPULATION_SEED, size=SIZE)
    )
    cards = catalogue([Path("fixtures"), folder])
    room = Workroom(Engine(Store(folder / "store"), listing=False), Settings())
    evidence = room.evidence(cards.model("scanoma-next"), cards.data("zoo"))
    curves = {
        (audit.audit, at): one.curve
        for audit in read(given.study).audits
        for at, one in enumerate(audit.expectations)
    }
    studied = {name for name, _ in curves}
    audits = {name: audit for name, audit in audits_of(cards).items() if name in studied}
    rows = []
    for place in sorted(given.zoo.glob("*-*-*.npz")):
        if place.name.endswith(".part.npz"):
            continue
        fault, coupling, seed = place.stem.rsplit("-", 2)
        model = Trained(population(evidence, dict(np.load(place))), CLEAN, 0.0, 0)
        for name, audit in audits.items():
            known = truths(audit, model)
            done = [
                trial(
                    audit, model, 10_000 + int(seed) * SAMPLES + i, audit.parameters.images, known
                )
                for i in range(SAMPLES)
            ]
            for at, truth in enumerate(known):
                said = [one.said[at] for one in done]
                rows.append(
                    {
                        "network": place.stem,
                        "fault": fault.replace("-", " "),
                        "coupling": float(coupling),
                        "seed": int(seed),
                        "audit": name,
                        "measure": audit.spec.expect[at].measure,
                        "truth": truth,
                        "violated": bool(said[0].violated),
                        "fails": sum(one.verdict is Verdict.FAIL for one in said),
                        "samples": SAMPLES,
                        "predicted": predicted(
                            curves[name, at], truth, audit.spec.expect[at].limits
                        )
                        if said[0].violated
                        else None,
                    }
                )
        print(place.stem, flush=True)
    given.out.write_text(json.dumps(rows, indent=1) + "\n", encoding="utf-8")
    print(*lines(rows), sep="\n")


@dataclass
class Line:
    """What was found in the networks of one fault, and in how far the curves foretold it."""

    fault: str
    networks: int
    faulty: int
    caught: float
    expected: float
    apart: stats.Estimate | None
    alarms: int
    sound: int


def lines(rows):
    """Per fault; `apart`: caught minus expected per network, mean with its interval over networks."""
    groups = defaultdict(list)
    for row in rows:
        groups[row["fault"]].append(row)
    for fault, some in groups.items():
        bad = [row for row in some if row["violated"] and not np.isnan(row["predicted"])]
        own = defaultdict(list)
        for row in bad:
            own[row["network"]].append(row["fails"] / row["samples"] - row["predicted"])
        good = [row for row in some if not row["violated"]]
        yield Line(
            fault,
            len({row["network"] for row in some}),
            len(own),
            sum(row["fails"] for row in bad) / max(sum(row["samples"] for row in bad), 1),
            float(np.mean([row["predicted"] for row in bad])) if bad else float("nan"),
            stats.mean([float(np.mean(each)) for each in own.values()]) if len(own) > 1 else None,
            sum(row["fails"] for row in good),
            sum(row["samples"] for row in good),
        )


if __name__ == "__main__":
    main()
