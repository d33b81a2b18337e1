r"""The expert study of DeGrave et al. on the stand-ins, unattended: from the generators to Fig. 2c.

Builds fixtures/studies/stand-ins.study.yaml, serves it, has two simulated experts answer its forms over HTTP,
ends its phases, exports and aggregates the answers, and tells for each stand-in at which place of its list
the attribute stands that was planted in it (benchmarks/counterfactual_stand_ins.py). From the root::

    python benchmarks/study_stand_ins.py --out build/studies/stand-ins [--write docs]
"""

import argparse
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from counterfactual_stand_ins import PLANTED

from auditkit.checks.expert_study.figures import agreement, squares
from auditkit.checks.expert_study.studied import StudiedModel, Study
from auditkit.data.answers import read_answers
from auditkit.evidence import Settings, Store
from auditkit.evidence.engine import Engine
from auditkit.report.figures import draw
from auditkit.results import figure_result, write_whole
from auditkit.session import Session
from auditkit.spec.catalogue import catalogue, read_answers_card
from auditkit.spec.study import read_plan
from auditkit.study.building.building import build
from auditkit.study.building.summary import summary
from auditkit.study.exporting import export
from auditkit.study.folder import read_blinded
from auditkit.study.serving import database_of
from auditkit.study.simulated.running import run_simulated
from auditkit.study.simulated.vocabulary import VOCABULARY, Word
from auditkit.study.storing import Store as Answers

PLAN = Path("fixtures/studies/stand-ins.study.yaml")
SEED = "5eed" * 8
TOP = 3
LISTED = 5
FIGURES = "study-stand-ins"
COLOURS = {
    "var(--ink)": "#1a1a1a",
    "var(--muted)": "#666666",
    "var(--grid)": "#dddddd",
    "var(--line-1)": "#0b6fa4",
    "var(--line-2)": "#b5431f",
}


class Log:
    """Prints lines with the seconds since the start, and keeps them."""

    def __init__(self) -> None:
        """Start the clock."""
        self.start = time.monotonic()
        self.lines: list[str] = []

    def __call__(self, text: str) -> None:
        """Print a line."""
        self.lines.append(f"{time.monotonic() - self.start:5.0f} s  {text}")
        print(self.lines[-1], flush=True)


def studied(out: Path, store: Path, log: Log) -> Study:
    """The whole loop; what is there already is taken up where it stopped."""
    folder, exported = out / "study", out / "export"
    if not folder.exists():
        session = Session(Engine(Store(store), 1, lambda *_: None), Settings(device="cpu"))
        built = build(
            read_plan(PLAN), catalogue([Path("fixtures")]), folder, session=session, seed=SEED
        )
        for line in summary(built).splitlines():
            log(line)
    answers = Answers(database_of(folder, ""), read_blinded(folder))
    if answers.closed_at() is None:
        acknowledged: list[str] = []
        run_simulated(folder, say=log, acknowledged=lambda name, _: acknowledged.append(name))
        log(f"{len(acknowledged)} revisions were acknowledged")
    if not exported.exists():
        export(folder, answers, exported)
        log("exported")
    (card,) = exported.glob("*.answers.yaml")
    found = Study.of(read_answers(read_answers_card(card)))
    log("aggregated")
    return found


@dataclass(frozen=True)
class Planted:
    """What was planted in a stand-in, in the words of the experts.

    Attributes:
        word: of the attribute.
        side: counterfactuals in which there is more of it; "" if nothing was planted.
    """

    word: Word
    side: str

    @classmethod
    def of(cls, model: str) -> "Planted":
        """What was planted in a model."""
        quantity, sign = PLANTED[model]
        word = next(one for one in VOCABULARY if one.quantity == quantity)
        return cls(word, {1: "malignant", -1: "benign", 0: ""}[sign * word.sign])


def row(study: Study, one: StudiedModel) -> str:
    """A model's line of the table."""
    every = study.answers.attributes
    ranked = one.top(every, len(every))
    planted = Planted.of(one.name)
    name = planted.word.attribute
    place = ranked.index(name) + 1 if name in ranked else 0
    listed = "; ".join(told(one, each) for each in ranked[:LISTED])
    wanted = f"{name} ({planted.side})" if planted.side else f"nothing ({name} in its forerunner)"
    right = place and place <= TOP and one.direction(name) == planted.side
    verdict = ("yes" if right else "**no**") if planted.side else "-"
    return f"| {one.name} | {wanted} | {place or '-'} | {told(one, name)} | {verdict} | {listed} |"


def told(one: StudiedModel, attribute: str) -> str:
    """An attribute with its share and its direction."""
    found = one.of(attribute, "noted").estimate
    share = "-" if found is None else f"{found.value:.2f} [{found.low:.2f}, {found.high:.2f}]"
    return f"{attribute} {share} {one.direction(attribute)}"


def table(study: Study) -> list[str]:
    """The lines of the table."""
    return [
        f"| model | planted (more of it in) | place | found | top {TOP} | list |",
        "|---|---|---|---|---|---|",
        *(row(study, one) for one in study.models),
    ]


def write(study: Study, lines: Sequence[str], log: Log, folder: Path) -> None:
    """Write the page and its figures."""
    for figure in (squares(study, 10), agreement(study)):
        drawn = str(draw(figure_result(figure), figure.name))
        for variable, colour in COLOURS.items():
            drawn = drawn.replace(variable, colour)
        write_whole(folder / f"{FIGURES}-{figure.name}.svg", f"{drawn}\n".encode())
    write_whole(folder / f"{FIGURES}.md", _page(lines, log.lines).encode())


def _page(lines: Sequence[str], log: Sequence[str]) -> str:
    table_text, log_text = "\n".join(lines), "\n".join(log)
    return f"""# The expert study on the stand-ins

The study of DeGrave et al. 2023 (doi:10.1038/s41551-023-01160-9, Fig. 2c), unattended: counterfactuals of six
stand-ins ([devices.md](devices.md)) are built into a blinded study, served, and answered over HTTP through
the forms that people see. **Nobody looked**: two programs answered from the decoded pixels of A and B alone
(`auditkit.study.simulated`). Nothing on this page is a finding about real devices, or about experts.

Written by `python benchmarks/study_stand_ins.py --out DIR --write docs`. Shares are of pairs and experts
with 95 % intervals over patients; then comes the side on which the attribute predominates by a factor of 2.

## Does what was planted come out in the top {TOP}?

{table_text}

![Attributes by model]({FIGURES}-influences.svg)
![Agreement of the simulated experts with the models]({FIGURES}-kappa.svg)

What is not found, and why:

- `modelderm-2018`: its generator does not use the planted darkness
  ([counterfactuals.md](counterfactuals.md)), so that there is nothing to see.
- `siim-isic`: its generator darkens the skin by 2.9 L* on average, which is 1.3 thresholds and exceeds one in
  half of the pairs; but it darkens the lesion by 11.2 L*, takes 8.9 u* of pink from the skin and makes it
  cooler, which is seen more often, and the five clearest differences are what is written down. (Its other
  planted behaviour, darker exposure, darkens lesions too. It has no word of its own.)

## What the programs see

Both pictures of a pair are measured around the lesion that is found in their mean. A difference is noted from
a just noticeable size: 2.3 units of CIELAB or CIELUV for colours (Mahy et al. 1994,
doi:10.1002/col.5080190207), half of the standard deviation between 300 training images for everything else,
each with noise and a leniency of each program's own. At most five differences are written down, the clearest
first. The vocabulary and all thresholds stand in `auditkit/study/simulated/vocabulary.py`; they were set
before any counterfactual was looked at, and not changed after.

## The run

```text
{log_text}
```
"""


def main() -> None:
    """Run it."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--out", type=Path, default=Path("build/studies/stand-ins"))
    parser.add_argument("--store", type=Path, default=Path(".auditkit/store"))
    parser.add_argument("--write", type=Path, help="folder for the figures and the log")
    given = parser.parse_args()
    log = Log()
    study = studied(given.out, given.store, log)
    lines = table(study)
    print("\n".join(lines))
    if given.write:
        write(study, lines, log, given.write)


if __name__ == "__main__":
    assert Path("fixtures").is_dir(), "run it from the repository's root"
    main()
