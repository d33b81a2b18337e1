"""How often the audit of modalities finds a model that reads FLAIR in place of T1C, by how much of it does.

    python benchmarks/proficiency_modalities.py --write docs/checks/modality-importance.md
    python benchmarks/proficiency_modalities.py --seed 100000

A composed model's log-odds are c ((1 - s) z + s y) + o, for every subset of modalities and in every arm: z
are those of `glioma`, which reads T1C, y those of `glioma-flair`, which reads FLAIR; s is declared below, c
and o vary between models as in `auditkit.proficiency.composed`. The population are 1000 cases that neither
network has seen; samples are patients of it, as many as the shipped audit asks. Its heatmaps do not follow
from answers: they and the expectation about them are left out.
"""

import argparse
from collections.abc import Iterator, Mapping
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from figures_in_page import put, row

from auditkit.checks import compute
from auditkit.commands.proficiency_text import words
from auditkit.evidence import Evidence, Scores
from auditkit.evidence.coalitions import coalition_scores
from auditkit.evidence.engine import Engine
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Floats, Integers, Settings
from auditkit.evidence.store import Store
from auditkit.evidence.workroom import Workroom
from auditkit.findings import Findings
from auditkit.proficiency.composed import confidence_and_offset
from auditkit.proficiency.population import logit, sigmoid
from auditkit.proficiency.rates import rate
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import Audit, load_audit, resolve_at
from auditkit.verdict import Verdict, judge

SPEC = Path("audits/clinical/modalities.audit.yaml")
READS_T1C, READS_FLAIR = "glioma", "glioma-flair"
POPULATION, SEED = 1000, 990211
SHARES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)
HEAD = ("share s", "importance of T1C, FLAIR", "truly faulty", "found (any blocking)")


@dataclass(frozen=True)
class Answers:
    """One data set of the population: evidence of its cases, and both networks' log-odds (N, subsets)."""

    evidence: Evidence
    own: Floats
    other: Floats


class Mixed(Evidence):
    """A composed model's evidence of some cases."""

    def __init__(self, sets: Mapping[str, Answers], name: str, model: "Model", rows: Integers):
        base = sets[name].evidence
        self._sets, self._of, self._model, self._rows = sets, sets[name], model, rows
        self.card, self.data, self.settings = base.card, base.data, base.settings
        self.peers = base.peers
        # A patient who is drawn twice counts as two.
        self.records = [
            replace(base.records[case], id=f"{at}", digest=f"{at}", patient=f"{at}")
            for at, case in enumerate(rows.tolist())
        ]

    def gather(self, _name, _parameters, _worker, stage):
        """Of subsets of modalities."""
        assert stage == "coalitions", stage
        score = self._model.score(self._of.own[self._rows], self._of.other[self._rows])
        return {"score": score, "decision": (score >= 0.5).astype(np.int64)}

    def scores(self):
        """With all modalities."""
        score = self._model.score(self._of.own[self._rows, -1], self._of.other[self._rows, -1])
        return Scores(score, (score >= 0.5).astype(np.int64))

    def sibling(self, data):
        """An arm: the same rows of its population."""
        return Mixed(self._sets, data, self._model, self._rows)


@dataclass(frozen=True)
class Model:
    """A composed model."""

    share: float
    variation: int

    def score(self, own: Floats, other: Floats) -> Floats:
        """Of both networks' log-odds."""
        confidence, offset = confidence_and_offset(self.variation)
        return sigmoid(confidence * ((1 - self.share) * own + self.share * other) + offset)


@cache
def asked() -> Audit:
    """The shipped audit without its heatmaps."""
    audit = load_audit(SPEC, catalogue([Path("fixtures")]))
    parameters = audit.parameters.model_copy(update={"methods": []})
    kept = [one for one in audit.spec.expect if "correlation" not in one.measure]
    spec = audit.spec.model_copy(update={"expect": kept})
    return replace(audit, spec=spec, parameters=parameters)


def population(audit: Audit, store: Path) -> dict[str, Answers]:
    """Both networks' answers to the cases of the audit and of its arms, others than the shipped ones."""
    cards = catalogue([Path("fixtures")])
    room = Workroom(Engine(Store(store), 1, listing=False), Settings())
    arms = [name for one in audit.parameters.arms.values() for name in vars(one).values()]
    found = {}
    for name in [audit.data.data, *arms]:
        card = cards.data(name)
        seed = SEED + (name != audit.data.data)
        drawn = card.with_.model_copy(update={"n": POPULATION, "seed": seed})
        odds = []
        for model in (READS_T1C, READS_FLAIR):
            large = card.model_copy(update={"with_": drawn})
            evidence = room.evidence(cards.model(model), large, None, audit.beside)
            whole = name == audit.data.data
            score = (
                coalition_scores(evidence, audit.parameters.ablation)[0]
                if whole
                else evidence.scores().score[:, None]
            )
            odds.append(logit(score))
        found[name] = Answers(evidence, *odds)
    return found


_SETS: dict[str, Answers] = {}


def findings(model: Model, rows: Integers) -> Findings:
    """What the check says of a composed model."""
    audit = asked()
    return compute(audit.check, Mixed(_SETS, audit.data.data, model, rows), audit.parameters)


@dataclass(frozen=True)
class Truth:
    """Of a composed model, over the population."""

    importance: tuple[float, float]
    first: str
    reliance: float

    @property
    def faulty(self) -> bool:
        """Another modality is first, or the cue on T1C matters too little."""
        return self.first != "t1c" or self.reliance <= 0.1


def truth(model: Model) -> Truth:
    """By all cases at once."""
    found = findings(model, np.arange(POPULATION))
    value = {one.name: one.estimate.value for one in found.measurements if one.estimate}
    names = asked().parameters.modalities
    first = max(names, key=lambda name: value[f"importance[{name}]"])
    both = value["importance[t1c]"], value["importance[flair]"]
    return Truth(both, first, value["reliance[t1c]"])


def audited(task: tuple[float, int]) -> tuple[float, Truth, dict[str, bool]]:
    """One composed model, and which expectations fail in its sample."""
    share, seed = task
    model, audit = Model(share, seed), asked()
    generator = np.random.default_rng(seed_of("sample of modalities", seed))
    found = findings(model, generator.integers(POPULATION, size=audit.data.with_.n))
    verdicts = {}
    for one in audit.spec.expect:
        measure = audit.check.measures(audit.parameters)[one.measure]
        judged = judge(one, found.find(one.measure, resolve_at(one, measure)))
        verdicts[one.measure] = judged.verdict is Verdict.FAIL
    return share, truth(model), verdicts


def tasks(models: int, clean: int, first: int) -> Iterator[tuple[float, int]]:
    """All of it is declared before anything is run."""
    for share in (0.0, *SHARES):
        for seed in range(first, first + (models if share else clean)):
            yield share, seed


def table(found: list[tuple[float, Truth, dict[str, bool]]]) -> Iterator[str]:
    """One row per share."""
    names = list(found[0][2])
    blocking = [one.measure for one in asked().spec.expect if one.severity == "blocking"]
    yield row([*HEAD, *(f"`{name}` fails" for name in names)])
    yield row(["---"] * (len(HEAD) + len(names)))
    for share in (0.0, *SHARES):
        own = [(known, said) for at, known, said in found if at == share]
        mean = np.mean([known.importance for known, _ in own], axis=0)
        faulty = sum(known.faulty for known, _ in own)
        every = [said for _, said in own]
        yield row(
            [
                f"{share:g}",
                f"{mean[0]:.3f}, {mean[1]:.3f}",
                f"{faulty} of {len(own)} models",
                words(rate(any(one[name] for name in blocking) for one in every)),
                *(words(rate(one[name] for one in every)) for name in names),
            ]
        )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", type=Path, default=Path("build/proficiency-store"))
    parser.add_argument("--models", type=int, default=200)
    parser.add_argument("--clean", type=int, default=400)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--write", type=Path, help="a page with a place for the table")
    given = parser.parse_args()
    _SETS.update(population(asked(), given.store))
    todo = list(tasks(given.models, given.clean, given.seed))
    with ProcessPoolExecutor(given.workers, mp_context=get_context("fork")) as pool:
        found = list(pool.map(audited, todo, chunksize=8))
    text = "\n".join(table(found))
    print(text)
    if given.write:
        put(given.write, "proficiency-modalities", text)


if __name__ == "__main__":
    main()
