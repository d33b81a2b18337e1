"""Two concepts go together and the model uses one: how often each is blamed.

    python benchmarks/depict_correlated.py --write docs/depict-benchmark.md     # about half an hour

On synthetic shapes a model weighs the red circle by w and all other shapes but the green circle by 0.3; the
green circle it ignores. Audits are of samples in which both circles are there or both are not in a declared
share of the images, and are drawn with the shipped generator. Blamed is a concept whose importance fails
`below: 0.05`; what each truly is, 20,000 images say in which both go together so often. 200 audits per
weight and share; everything is declared here.
"""

import argparse
import tempfile
from pathlib import Path

import numpy as np
from figures_in_page import put, row
from proficiency_trained import Trained

from auditkit.checks import compute
from auditkit.commands.proficiency_text import words
from auditkit.evidence.engine import Engine
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Settings
from auditkit.evidence.store import Store
from auditkit.evidence.workroom import Workroom
from auditkit.proficiency.faults import CLEAN
from auditkit.proficiency.population import Population
from auditkit.proficiency.rates import rate
from auditkit.proficiency.sampled import SampledEvidence
from auditkit.spec.catalogue import catalogue
from auditkit.spec.load import load_audit
from auditkit.training.bottlenecks import write_weighted
from auditkit.verdict import Verdict, judge

USED, IGNORED = "red circle", "green circle"
WEIGHTS = (0.0, 0.15, 0.3, 0.6, 1.2)
OTHERS = 0.3
TOGETHER = (0.5, 0.8, 0.95)
AUDITS, IMAGES = 200, 300
SPEC = f"""\
audit: correlated
check: depict
data: shapes
with: {{generator: shapes-diffusion, concepts: [{USED}, {IGNORED}], permutations: 25}}
expect:
  - {{measure: "importance[{USED}]", below: 0.05, min_n: 100}}
  - {{measure: "importance[{IGNORED}]", below: 0.05, min_n: 100}}
"""


def rows_of(population, together, images, seed):
    """Images drawn with replacement, of which that share has both circles or neither."""
    records = population.evidence.records
    same = np.array([one.concepts[USED] == one.concepts[IGNORED] for one in records])
    generator = np.random.default_rng(seed_of("correlated concepts", together, seed))
    wanted = generator.random(images) < together
    among = {flag: np.flatnonzero(same == flag) for flag in (True, False)}
    return np.array([generator.choice(among[bool(flag)]) for flag in wanted])


def verdicts(audit, model, together, seed, images):
    """Both expectations' findings for one sample."""
    rows = rows_of(model.population, together, images, seed)
    evidence = SampledEvidence(model, rows, [f"patient {at}" for at in range(images)])
    found = compute(audit.check, evidence, audit.parameters)
    return [
        (found.find(one.measure, {}), judge(one, found.find(one.measure, {})))
        for one in audit.spec.expect
    ]


def table(folder, store, audits):
    yield row(
        [
            "weight of the red circle",
            "together in",
            "importance of the red, the green circle",
            "red blamed",
            "green blamed",
        ]
    )
    yield row(["---"] * 5)
    (folder / "correlated.audit.yaml").write_text(SPEC)
    classifier = catalogue([Path("fixtures")]).model("shapes-concepts")
    for weight in WEIGHTS:
        weights = (weight, 0.0, *[OTHERS] * 4)
        name = f"target-{weight:g}".replace(".", "-")
        write_weighted(classifier, weights, -sum(weights) / 2, name, folder)
        cards = catalogue([Path("fixtures"), folder])
        audit = load_audit(folder / "correlated.audit.yaml", cards)
        room = Workroom(Engine(Store(store), 2, listing=False), Settings())
        model = Trained(
            Population(room.evidence(cards.model(name), audit.data, beside=audit.beside)),
            CLEAN,
            0.0,
            0,
        )
        for together in TOGETHER:
            truth = [
                found.estimate.value for found, _ in verdicts(audit, model, together, -1, 20_000)
            ]
            said = [verdicts(audit, model, together, seed, IMAGES) for seed in range(audits)]
            blamed = [rate(one[at][1].verdict is Verdict.FAIL for one in said) for at in range(2)]
            yield row(
                [
                    f"{weight:g}",
                    f"{100 * together:g} %",
                    ", ".join(f"{value:+.3f}" for value in truth),
                    *map(words, blamed),
                ]
            )
            print(weight, together, truth, [one.count for one in blamed], flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--store", type=Path, default=Path("build/correlated-store"))
    parser.add_argument("--audits", type=int, default=AUDITS)
    parser.add_argument("--write", type=Path)
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        lines = list(table(Path(folder), given.store, given.audits))
    print(*lines, sep="\n")
    if given.write:
        put(given.write, "correlated", "\n".join(lines))


if __name__ == "__main__":
    main()
