"""How far experts agree with one another, and with themselves when a pair is shown again."""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike

from auditkit.errors import AuditError
from auditkit.metrics.attribute_agreement import MISSING, Integers, Patients, alpha_of, laid_out
from auditkit.metrics.cohen_kappa import Pairs, cohen_kappa_estimate, pooled_kappa
from auditkit.stats import Estimate, proportion


@dataclass(frozen=True)
class RepeatAgreement:
    """How far experts answer a pair alike when it is shown again.

    Attributes:
        experts: for each expert Cohen's kappa, or the reason why there is none.
        pooled: the mean of the kappas that there are, or the reason why there is none.
    """

    experts: tuple[Estimate | str, ...]
    pooled: Estimate | str


def choice_alpha(
    choices: ArrayLike, patients: ArrayLike | None = None, seed: int = 0, *, level: float = 0.95
) -> Estimate:
    """Krippendorff's nominal alpha of the experts' choices between the two pictures of a pair.

    Choices are those of the pair's two pictures in an order of their own (first or second, drawn with a fair
    coin) and not benign or malignant: else experts who agree with the model would have next to no variation,
    and alpha would be near 0 however well they agree.

    The interval is as that of `cohen_kappa_estimate`, from the agreement of all pairs of experts, brought to
    alpha by 1 / D_e.

    Args:
        choices: int (E, I), 0 or 1, or any code of what was chosen; `MISSING` where there is no choice.
        patients: (I,) patient of each pair; None if every pair is another patient.
        seed: of the resamples.
        level: two-sided confidence level.

    Returns:
        Alpha, in [-1, 1].

    Raises:
        AuditError: no pair was answered by two experts, all choices are equal, or one patient only.

    Example:
        >>> found = choice_alpha([[0, 1, 0, 1, 1], [0, 1, 0, 1, MISSING]])
        >>> found.value, found.n
        (1.0, 4)
    """
    codes, owners = laid_out("choices", choices, 2, patients)
    return alpha_of(codes, owners, seed, level)


def experts_kappa(
    choices: ArrayLike, patients: ArrayLike | None = None, seed: int = 0, *, level: float = 0.95
) -> Estimate:
    """Cohen's kappa of two experts' choices; of more experts the mean over all pairs of them.

    The mean is Light's kappa (1971, doi:10.1037/h0031643). Choices are in the frame of `choice_alpha`.

    Args:
        choices: int (E, I); `MISSING` where there is no choice.
        patients: (I,) patient of each pair; None if every pair is another patient.
        seed: of the resamples.
        level: two-sided confidence level.

    Returns:
        Kappa, in [-1, 1].

    Raises:
        AuditError: one expert only, two experts without a pair that both answered, or who both always
            choose the same; one patient only.
    """
    codes, owners = laid_out("choices", choices, 2, patients)
    found = [_both(codes[i], codes[j], owners) for i, j in combinations(range(len(codes)), 2)]
    if not found:
        raise AuditError("one expert only; agreement needs two")
    return pooled_kappa(found, seed, level=level)


def repeat_agreement(
    first: ArrayLike,
    again: ArrayLike,
    patients: ArrayLike | None = None,
    seed: int = 0,
    *,
    level: float = 0.95,
) -> RepeatAgreement:
    """Cohen's kappa of each expert's choice with their own choice when the pair was shown again.

    Both in the frame of `choice_alpha`, whichever side a picture was displayed on.

    Args:
        first: int (E, I); `MISSING` where there is no choice.
        again: int (E, I); `MISSING` where the pair was not repeated.
        patients: (I,) patient of each pair; None if every pair is another patient.
        seed: of the resamples.
        level: two-sided confidence level.

    Returns:
        Of each expert, and pooled.

    Raises:
        AuditError: shapes that do not fit.
    """
    (one, owners), (other, _) = (
        laid_out(*side, 2, patients) for side in (("first", first), ("again", again))
    )
    if one.shape != other.shape:
        raise AuditError(f"first {one.shape} and again {other.shape}: one shape was expected")
    experts: list[Estimate | str] = []
    usable: list[Pairs] = []
    for mine, mine_again in zip(one, other, strict=True):
        try:
            both = _both(mine, mine_again, owners)
            experts.append(
                cohen_kappa_estimate(both.first, both.second, both.patients, seed, level=level)
            )
        except AuditError as error:
            experts.append(str(error))
        else:
            usable.append(both)
    pooled = pooled_kappa(usable, seed, level=level) if usable else "no expert has a kappa"
    return RepeatAgreement(tuple(experts), pooled)


def unable_share(
    answered: ArrayLike,
    unable: ArrayLike,
    patients: ArrayLike | None = None,
    *,
    level: float = 0.95,
) -> Estimate:
    """Share of the answered pairs that any expert was unable to assess, which are in no score.

    Of one expert: with that expert's rows alone.

    Args:
        answered: bool (E, I).
        unable: bool (E, I).
        patients: (I,) patient of each pair; None if every pair is another patient.
        level: two-sided confidence level.

    Returns:
        In [0, 1], a clustered proportion.

    Raises:
        AuditError: shapes that do not fit, or no pair was answered.
    """
    given, owners = laid_out("answered", answered, 2, patients)
    noted, _ = laid_out("unable", unable, 2, patients)
    if given.shape != noted.shape:
        raise AuditError(f"answered {given.shape} and unable {noted.shape}: one shape was expected")
    counted = np.asarray(given.any(axis=0))
    if not counted.any():
        raise AuditError("no pair was answered")
    filtered = np.asarray((noted & given).any(axis=0))
    return proportion(filtered[counted], owners[counted], level=level)


def _both(one: Integers, other: Integers, owners: Patients) -> Pairs:
    """The units for which there are both labels."""
    both = (one != MISSING) & (other != MISSING)
    if not both.any():
        raise AuditError("no pair was answered twice")
    return Pairs(one[both], other[both], owners[both])
