"""The shipped audits, audited: faults of known strength planted in a clean stand-in's answers.

    python benchmarks/proficiency.py --out build/first.json        # finds what is stated
    python benchmarks/proficiency.py --out build/fresh.json --seed 100000 --stated build/first.json
    python benchmarks/proficiency.py --out build/sizes.json --audits light --images 300 400

The second plants each fault at the strength that the first states, in other models and samples. Those of the
page are docs/proficiency-first.json and docs/proficiency-fresh.json (`--seed 200000`); its run of four audits
without a fault is of fresh seeds, too.

All of it is declared here and in `auditkit.proficiency.faults` before anything runs.
"""

import argparse
import time
from dataclasses import replace
from pathlib import Path

from auditkit.evidence.engine import Engine
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.evidence.workroom import Workroom
from auditkit.proficiency.faults import FAULTS
from auditkit.proficiency.population import Population
from auditkit.proficiency.result import read
from auditkit.proficiency.study import Design, Studied, run
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import load_audit

AUDITS = Path("audits/dermoscopy")
HANDLED = ("unsharp pictures", "compressed pictures", "marked pictures", "textured skin")
# Audit: its population, and the faults that are planted.
PLANTED = {
    "attributes": (
        "proficiency",
        tuple(n for n in FAULTS if FAULTS[n].kind != "rounding" and n not in HANDLED),
    ),
    "handling": ("proficiency", (*HANDLED, "sharp pictures", "pink pictures", "hair")),
    "lesion-attributes": ("proficiency", ("pale lesions", "pink pictures")),
    "light": (
        "proficiency",
        (
            "pink pictures",
            "teal pictures",
            "yellow pictures",
            "blue pictures",
            "bright pictures",
            "hair",
            "pale lesions",
        ),
    ),
    "reproduction": (
        "proficiency",
        (
            "other exposure on the device",
            "coarse quantisation on the device",
            "overconfident",
            "pink pictures",
        ),
    ),
    "performance": ("proficiency", ("dark skin unknown", "overconfident")),
    "concepts": ("proficiency-concepts", ("pink pictures", "hair", "dark corners")),
    "lesion": (
        "proficiency-heatmaps",
        ("pink pictures", "sharp pictures", "marked pictures", "ruler", "dark corners"),
    ),
}
# Of heatmaps. Declared anew after a look at 100 images, in which few faults up to 4 violate anything: the
# last is nothing but the fault.
UP_TO_TOTAL = (0.5, 1.0, 2.0, 4.0, 8.0)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--store", type=Path, default=Path("build/proficiency-store"))
    parser.add_argument("--model", default="scanoma-next")
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--clean", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--audits", nargs="*", default=list(PLANTED))
    parser.add_argument("--images", nargs="*", type=int, default=[])
    parser.add_argument("--stated", type=Path)
    given = parser.parse_args()
    cards = catalogue([Path("fixtures")])
    room = Workroom(Engine(Store(given.store), 2, listing=False), Settings())
    populations, studied = {}, []
    for name in given.audits:
        audit = load_audit(AUDITS / f"{name}.audit.yaml", cards)
        data, _ = PLANTED[name]
        key = (data, name == "concepts")
        if key not in populations:
            evidence = room.evidence(cards.model(given.model), cards.data(data), None, audit.beside)
            populations[key] = Population(evidence)
        own = getattr(audit.parameters, "images", None) or cards.data(audit.data.data).with_.n
        studied += [Studied(audit, populations[key], n) for n in given.images or [own]]
    parts = []
    for one in studied:
        begun = time.monotonic()
        faults = [FAULTS[name] for name in PLANTED[one.audit.id][1]]
        if one.audit.id == "lesion":
            faults = [replace(fault, strengths=UP_TO_TOTAL) for fault in faults]
        if given.stated:
            faults = list(at_stated(read(given.stated), one))
            if not faults:
                print(
                    f"{one.audit.id}, {one.images}: nothing stated, nothing to be repeated",
                    flush=True,
                )
                continue
        design = Design(given.models, given.clean, given.seed, faults, given.workers)
        parts.append(run([one], design))
        _write(given.out, parts, None)
        print(f"{one.audit.id}, {one.images}: {time.monotonic() - begun:.0f} s", flush=True)
    if parts and not given.images:
        whole = Design(0, given.clean, given.seed, [FAULTS["pink pictures"]], given.workers)
        _write(given.out, parts, run(studied, whole).family)


def at_stated(first, studied):
    """The faults that a study's audit finds, each at its stated strength alone."""
    asked = studied.audit.id, studied.images
    (audit,) = [one for one in first.audits if (one.audit, one.images) == asked]
    for fault in audit.faults:
        if (strength := stated(fault)) is not None:
            yield replace(FAULTS[fault.fault], strengths=(strength,))


def stated(fault):
    """The strength that a study states; one that planted a single strength was run at what is stated."""
    return fault.stated if len(fault.strengths) != 1 else fault.strengths[0].strength


def _write(path, parts, family):
    """What is done until now: a study takes hours."""
    audits = [audit for part in parts for audit in part.audits]
    found = parts[0].model_copy(update={"audits": audits, "family": family})
    path.write_text(found.model_dump_json(indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
