"""The five Clinical XAI Guidelines of Jin et al., and what a run says of them, method by method."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

from auditkit.report.language import IN_ENGLISH, Language
from auditkit.verdict import Verdict

PAPER: Final = "Jin et al., Med. Image Anal. 2023, arXiv:2202.10553"
NOT_ASKED: Final = "not asked"

WORST_FIRST: Final = (
    Verdict.FAIL,
    Verdict.ERROR,
    Verdict.NOT_INTERPRETABLE,
    Verdict.NOT_RUN,
    Verdict.INCONCLUSIVE,
    Verdict.PASS,
    Verdict.NOT_APPLICABLE,
)
"""The first of these among a cell's verdicts is the cell's: what was shown to be violated stays so, and
what cannot be asked takes nothing from what was met."""

_WORDS: Final = {Verdict.PASS: "met", Verdict.FAIL: "not met"}


# The first two are about the form of explanation, which all methods share.
IDS: Final = ("G1", "G2", "G3", "G4", "G5")
_ABOUT_FORM: Final = ("G1", "G2")


@dataclass(frozen=True)
class Guideline:
    """One of the five, in a line."""

    id: str
    name: str
    text: str
    about_form: bool = False


def guidelines(t: Language = IN_ENGLISH) -> list[Guideline]:
    """The five, after Table 1 of the paper."""
    return [
        Guideline(
            name, t(f"guideline.{name}.name"), t(f"guideline.{name}.text"), name in _ABOUT_FORM
        )
        for name in IDS
    ]


@dataclass(frozen=True)
class Cell:
    """What holds for one method under one guideline.

    Attributes:
        verdict: the worst; ``None`` where nothing is expected.
        audit: the audit that it comes from.
        note: why the verdict itself does not stand here.
    """

    verdict: Verdict | None = None
    audit: str = ""
    note: str = ""

    @property
    def word(self) -> str:
        """Met, not met, not asked, or the verdict's own word."""
        if self.verdict is None:
            return NOT_ASKED
        return _WORDS.get(self.verdict, self.verdict.value)


@dataclass(frozen=True)
class Row:
    """One guideline: a cell per method, and the audits that are about it."""

    guideline: Guideline
    cells: Sequence[Cell]
    audits: Sequence[str]

    @property
    def counts(self) -> Mapping[str, int]:
        """Methods by word, the most frequent first."""
        return dict(Counter(cell.word for cell in self.cells).most_common())


@dataclass(frozen=True)
class Adherence:
    """One model's explanations against the guidelines: a row each, a column per method."""

    model: str
    methods: Sequence[str]
    rows: Sequence[Row]
    remarks: Sequence[str]

    def blocks(self, most: int) -> list[tuple[int, int]]:
        """First place of each part of the columns, and the place after its last: parts that fit a page.

        The columns are shared out evenly, the first parts having one more where that does not work out.
        """
        count = -(-len(self.methods) // most)
        each, over = divmod(len(self.methods), count)
        return list(pairwise(i * each + min(i, over) for i in range(count + 1)))
