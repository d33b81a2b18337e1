"""How often the audit of counterfactuals finds what their pairs differ by, if they do (marked long).

    python benchmarks/proficiency_counterfactuals.py --write docs/checks/counterfactual-attributes.md
    python benchmarks/proficiency_counterfactuals.py --seed 100000

A composed generator's pairs differ as those of the shipped generator do, and by a known mean as well:

``difference[background.*]``  c (d_i - D) + k, where d_i are the shipped generator's differences of image i, D
    their mean over the population, k the true mean, and c varies between generators (log-normal, 0.15).
``difference[concept[*]]``    c (d_i - D) within [-1, 1], and 1 in a share k of the pairs: what was absent is
    there.

So differences have the spread, the patients and the pairs that do not pass of real ones; whether a generator
finds what a model reads is another question (docs/counterfactuals.md). The population are 600 images that no
audit is of; samples are patients of it, as many images as the shipped audit asks for.
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from figures_in_page import put, row

from auditkit.checks.counterfactual_attributes.differences import Attribute
from auditkit.checks.measuring import Measuring
from auditkit.checks.screened import screened
from auditkit.commands.proficiency_text import words
from auditkit.evidence.counterfactuals.attributes import measured
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.evidence.engine import Engine
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.evidence.workroom import Workroom
from auditkit.proficiency.population import Population
from auditkit.proficiency.rates import rate
from auditkit.proficiency.sampled import drawn
from auditkit.spec.audit import Expectation
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import Audit, load_audit
from auditkit.verdict import Verdict, judge

SPEC = Path("audits/dermoscopy/counterfactual-attributes.audit.yaml")
MODEL, DATA, POPULATION = "scanoma-next", "proficiency", 600
# True means: units of CIELUV and CIELAB (the limits are 2.3), and shares of the pairs (.15).
COLOURS = (0.0, 1.0, 1.5, 2.0, 2.6, 2.9, 3.2, 3.5, 4.0, 6.0)
SHARES = (0.0, 0.05, 0.1, 0.2, 0.25, 0.3, 0.4)
SPREAD = 0.15


@dataclass(frozen=True)
class Pairs:
    """The shipped generator's pairs of the population."""

    audit: Audit
    population: Population
    attributes: dict[str, Attribute]


def pairs(store: Path) -> Pairs:
    """What is measured of them, and which pass."""
    cards = catalogue([Path("fixtures")])
    audit = load_audit(SPEC, cards)
    asked = audit.parameters
    card = cards.data(DATA)
    card = card.model_copy(update={"with_": card.with_.model_copy(update={"n": POPULATION})})
    room = Workroom(Engine(Store(store), 2, listing=False), Settings())
    evidence = room.evidence(cards.model(MODEL), card, None, audit.beside)
    generator = card_of(evidence, asked.wanted)
    passed = screened(evidence, generator, asked.screen)
    names = list(asked.attributes)
    found = measured(evidence, generator, names, asked.dilate, asked.classifier, asked.concepts)
    attributes = {
        f"difference[{name}]": Attribute.of(found, quantity, passed.reasons, evidence.patients)
        for name, quantity in asked.quantities.items()
    }
    return Pairs(audit, Population(evidence), attributes)


def composed(real: Attribute, truth: float, seed: int) -> Attribute:
    """The pairs of one composed generator."""
    generator = np.random.default_rng(seed_of("composed generator", seed))
    change = real.malignant - real.benign
    change = np.exp(SPREAD * generator.standard_normal()) * (change - change[real.used].mean())
    if real.quantity.name.startswith("concept["):
        change = np.where(generator.random(len(change)) < truth, 1.0, change)
    else:
        change = change + truth
    change = change.clip(*real.bounds)
    return replace(real, benign=np.zeros_like(change), malignant=change)


def sampled(whole: Attribute, rows: np.ndarray, patients: list[str]) -> Attribute:
    """Those of a sample."""
    benign, malignant, reference = (
        values[rows] for values in (whole.benign, whole.malignant, whole.reference)
    )
    excluded, unmeasured = (
        [reasons[row] for row in rows.tolist()] for reasons in (whole.excluded, whole.unmeasured)
    )
    return Attribute(
        whole.quantity, reference, benign, malignant, excluded, unmeasured, np.array(patients)
    )


def verdict(known: Pairs, expectation: Expectation, truth: float, seed: int) -> Verdict:
    """Of one sample of one composed generator's pairs."""
    images = known.audit.parameters.images
    rows, patients = drawn(known.population, images, seed)
    whole = composed(known.attributes[expectation.measure], truth, seed)
    one = sampled(whole, rows, patients)
    measuring = Measuring.of(known.audit.check, known.audit.parameters, images)
    found = measuring(expectation.measure, one.difference, skipped=filter(None, one.reasons))
    return judge(expectation, replace(found, affected=one.unknown)).verdict


def table(known: Pairs, models: int, first: int) -> Iterator[str]:
    """One row per expectation and true mean."""
    yield row(["expectation", "true mean", "fails", "inconclusive"])
    yield row(["---"] * 4)
    for expectation in known.audit.spec.expect:
        concept = "concept[" in expectation.measure
        name = f"`{expectation.measure}` {expectation.wording.removeprefix('expected ')}"
        for truth in SHARES if concept else COLOURS:
            verdicts = [
                verdict(known, expectation, truth, seed) for seed in range(first, first + models)
            ]
            cells = [
                words(rate(one is asked for one in verdicts))
                for asked in (Verdict.FAIL, Verdict.INCONCLUSIVE)
            ]
            yield row([name, f"{truth:g}", *cells])
            name = ""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", type=Path, default=Path("build/proficiency-store"))
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--write", type=Path, help="a page with a place for the table")
    given = parser.parse_args()
    known = pairs(given.store)
    for name, one in known.attributes.items():
        change = one.changes()
        print(f"{name}: {len(change)} pairs, {change.mean():.3f}, spread {change.std():.3f}")
    text = "\n".join(table(known, given.models, given.seed))
    print(text)
    if given.write:
        put(given.write, "proficiency-counterfactuals", text)


if __name__ == "__main__":
    main()
