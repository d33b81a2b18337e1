"""Check `counterfactual-stability`: does a generator that is trained again name the same attributes?

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Methods and Supp. Fig. 11: independent re-trainings
"preserved which attributes varied", judged by eye on single images.

Deviates: attributes are measured, on the same images for every training; trainings and patients are two
samples, and what patients add to the agreement of profiles is taken off.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import replace

from auditkit.checks.counterfactual_stability.profile import Profile
from auditkit.checks.counterfactual_stability.shown import figure, notes, table
from auditkit.checks.counterfactual_stability.trained import Retrained, retrained
from auditkit.checks.measuring import Measuring
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.findings import Findings, Measurement
from auditkit.spec.counterfactual_card import CounterfactualCard
from auditkit.spec.declarations.counterfactual_stability import (
    COUNTERFACTUAL_STABILITY,
    CounterfactualStability,
)


def counterfactual_stability(evidence: Evidence, parameters: CounterfactualStability) -> Findings:
    """Mean, spread and smallest difference over trainings, and whether their profiles agree.

    Raises:
        Unavailable: one of the trainings is not there.
        AuditError: two of them have the same weights, or there is only one.
    """
    cards = [card_of(evidence, wanted) for wanted in parameters.counterfactuals]
    _require_several(cards)
    measuring = Measuring.of(COUNTERFACTUAL_STABILITY, parameters, evidence.n)
    every = retrained(evidence, cards, parameters)
    profile = Profile(every)
    findings = Findings()
    for one in every:
        findings.measurements += _measured(one, measuring)
    findings.measurements.append(_profile(profile, measuring))
    findings.figures.append(figure(profile))
    findings.tables.append(table(every, findings))
    findings.notes += notes(profile)
    return findings


def _measured(one: Retrained, measuring: Measuring) -> Iterator[Measurement]:
    name, unknown = one.quantity.name, one.unknown
    # K values that move by up to d move their deviation by up to sqrt(K / (K - 1)) d, K = 2 at worst; and the
    # range of a difference is twice that of the deviation.
    parts = (
        ("mean_difference", one.mean, unknown),
        ("sd_difference", one.deviation, min(1.0, 2 * math.sqrt(2) * unknown)),
        ("smallest_difference", one.smallest, unknown),
    )
    for part, estimate, affected in parts:
        found = measuring(f"{part}[{name}]", estimate, skipped=filter(None, one.reasons))
        yield replace(found, affected=affected)


def _profile(profile: Profile, measuring: Measuring) -> Measurement:
    found = measuring(
        "profile_correlation", profile.correlation, skipped=filter(None, profile.reasons)
    )
    # A correlation is no average: one unknown difference could turn it.
    return replace(found, affected=1.0 if profile.unknown else 0.0)


def _require_several(cards: Sequence[CounterfactualCard]) -> None:
    """Refuses one training under two seeds: trainings are counted as independent."""
    if len(cards) < 2:
        raise AuditError(
            "other_seeds: names only the audit's own training; name the seed of another one"
        )
    names: dict[str, str] = {}
    for card in cards:
        if card.weights is None:
            continue
        known = names.setdefault(card.weights.sha256, card.counterfactual)
        if known != card.counterfactual:
            raise AuditError(
                f"'{known}' and '{card.counterfactual}' have the same weights and are one training; "
                "train another with its own --seed"
            )
