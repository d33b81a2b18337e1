"""Faults that are planted in composed models, at strengths that are declared here and nowhere else."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Kind = Literal["reads", "group", "calibration", "device", "rounding"]

# Log-odds per standard deviation of the attribute, each half as much again as the one before.
READS = (0.15, 0.25, 0.35, 0.5, 0.75, 1.0, 1.5, 2.0, 3.0, 4.0)
# Of traces that a corruption moves by many standard deviations. Declared anew after a study with `READS`
# found all of them at the smallest strength.
FAINT = (0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.35, 1.0, 4.0)
# Share of a group's images about which the model knows nothing.
SHARES = (0.25, 0.5, 0.75, 1.0)
# By how much the log-odds are too large.
FACTORS = (0.5, 1.0, 2.0, 4.0)
# Log-odds between two answers that the device's runtime can give.
STEPS = (0.25, 0.5, 1.0, 2.0, 4.0, 8.0)


@dataclass(frozen=True)
class Fault:
    """One way in which a model can be wrong.

    Attributes:
        name: of the fault.
        what: one sentence.
        kind: ``reads``: strength x the standardised attribute is added to the log-odds, whatever picture the
            model is shown; ``group``: that share of a group's images is answered as other images of the
            group are; ``calibration``: the log-odds are (1 + strength) times too large; ``device``: the
            device's own runtime differs from what is audited by strength x the standardised attribute;
            ``rounding``: the device's log-odds are rounded to whole steps of that strength.
        strengths: from hardly any to total.
        quantity: of `auditkit.spec.measured`, a trace of how a picture was stored or marked, or
            ``attribute.NAME``: what a generator drew, which nobody need measure.
        sign: whether more of it raises the score.
        group: column and value.
    """

    name: str
    what: str
    kind: Kind
    strengths: tuple[float, ...]
    quantity: str = ""
    sign: float = 1.0
    group: tuple[str, str] = ("", "")

    @property
    def attribute(self) -> str:
        """The generator's attribute that it reads; empty if it reads what is measured."""
        kind, _, name = self.quantity.partition(".")
        return name if kind == "attribute" else ""


def _reads(
    name: str, quantity: str, sign: float = 1.0, strengths: tuple[float, ...] = READS
) -> Fault:
    towards = "more" if sign > 0 else "less"
    what = f"the {towards} {quantity}, the higher the score"
    return Fault(name, what, "reads", strengths, quantity, sign)


_TABLE = (
    _reads("pink pictures", "background.u"),
    _reads("teal pictures", "background.u", -1.0),
    _reads("yellow pictures", "background.v"),
    _reads("blue pictures", "background.v", -1.0),
    _reads("dark skin", "background.L", -1.0),
    _reads("light skin", "background.L"),
    _reads("bright pictures", "brightness"),
    _reads("hair", "hair"),
    _reads("ruler", "ruler"),
    _reads("dark corners", "dark_corners"),
    _reads("sharp pictures", "sharpness"),
    _reads("pale lesions", "lesion.contrast", -1.0),
    _reads("unsharp pictures", "sharpness", -1.0, FAINT),
    _reads("compressed pictures", "trace.blocks", strengths=FAINT),
    _reads("marked pictures", "trace.corner", strengths=FAINT),
    _reads("textured skin", "trace.skin"),
    _reads("freckled skin", "attribute.background_spots"),
    Fault(
        "dark skin unknown",
        "on dark skin, images are answered as other images of dark skin are",
        "group",
        SHARES,
        group=("skin_tone", "dark"),
    ),
    Fault("overconfident", "the log-odds are too large", "calibration", FACTORS),
    Fault(
        "other exposure on the device",
        "the device prepares pictures so that brightness moves its score, the audited model does not",
        "device",
        READS,
        "brightness",
    ),
    Fault(
        "coarse quantisation on the device",
        "the device's runtime knows few answers: its log-odds are rounded to whole steps",
        "rounding",
        STEPS,
    ),
)

FAULTS: Mapping[str, Fault] = {fault.name: fault for fault in _TABLE}

CLEAN = Fault("clean", "no fault is planted", "calibration", (0.0,))
