"""Who is in a picture: attributes, label and patient, drawn before anything is rendered."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np

from auditkit.data.synthetic.noise import stream
from auditkit.errors import AuditError
from auditkit.spec.attributes import ATTRIBUTES


@dataclass(frozen=True)
class Case:
    """One picture to be drawn.

    Attributes:
        index: Position in the data set.
        seed: Seed of the data set; with `index` it fixes every texture.
        attributes: Value of each of `ATTRIBUTES`.
        label: 1 melanoma, 0 benign.
        patient: Identifier shared by the images of one patient.
        clear: Whether a veil that is there must show.
    """

    index: int
    seed: int
    attributes: Mapping[str, float]
    label: int
    patient: str
    clear: bool = False


# Per lesion attribute: loading on the latent severity; the quantile below which it is absent;
# the weight of its full range in the logit of melanoma. Border and asymmetry hardly survive at
# 128 pixels, so they hardly decide.
_LESION = {
    "size": (0.45, 0.0, 1.0),
    "border_irregularity": (0.40, 0.0, 0.3),
    "asymmetry": (0.40, 0.0, 0.3),
    "darkness": (0.50, 0.0, 1.6),
    "colours": (0.60, 0.0, 2.0),
    "network": (-0.35, 0.3, -0.7),
    "atypical_network": (0.55, 0.45, 1.7),
    "blue_white_veil": (0.55, 0.62, 2.0),
    "regression": (0.40, 0.66, 1.1),
    "globules": (0.25, 0.4, 0.4),
    "redness": (0.30, 0.3, 0.6),
}
# Chosen so that the logit's AUROC is about .92 and the prevalence about .4.
_SCALE, _CENTRE = 1.55, 3.95
# Share of the latent severity's variance that the images of one patient have in common.
_PATIENT_SHARE = 0.3
# Share of pictures with a ruler, whatever the lesion.
_RULED = 0.2
_ABSENT_BELOW = {
    "hair": 0.6,
    "dark_corner": 0.6,
    "gel_bubble": 0.72,
    "background_spots": 0.5,
}


def malignancy_logit(attributes: Mapping[str, float]) -> float:
    """Return the true log odds of melanoma, a function of the lesion attributes only.

    logit = 1.55 (sum_j w_j (a_j - low_j) / (high_j - low_j) - 3.95), with the label drawn from its
    logistic function: no classifier's AUROC can exceed this quantity's.
    """
    total = 0.0
    for name, (_, _, weight) in _LESION.items():
        known = ATTRIBUTES[name]
        total += weight * (attributes[name] - known.low) / (known.high - known.low)
    return _SCALE * (total - _CENTRE)


# Clear concepts: lowest and highest value where they are there. Hair and veil are as strong as they must
# be to show in pictures of 64 pixels.
_CLEAR = {
    "blue_white_veil": (0.6, 1.0),
    "hair": (0.7, 1.0),
    "ruler": (0.8, 1.0),
    "dark_corner": (0.5, 1.0),
    "tint": (0.5, 0.8),
}
_FAINT_TINT = 0.04


def _quantile(normal: float) -> float:
    return 0.5 * math.erfc(-normal / math.sqrt(2.0))


def _shown(quantile: float, absent_below: float) -> float:
    return max(0.0, (quantile - absent_below) / (1.0 - absent_below))


def _lesion_attributes(generator: np.random.Generator, severity: float) -> dict[str, float]:
    values = {}
    for name, (loading, absent_below, _) in _LESION.items():
        own = math.sqrt(1.0 - loading**2) * generator.standard_normal()
        share = _shown(_quantile(loading * severity + own), absent_below)
        if name == "colours":
            share = share**1.5
        known = ATTRIBUTES[name]
        values[name] = known.low + share * (known.high - known.low)
    return values


def _acquisition_attributes(
    patient: np.random.Generator,
    image: np.random.Generator,
    label: int,
    tint_follows_label: float,
    rulers_in_benign: float | None,
) -> dict[str, float]:
    """Draw what the clinic brings: the device and the skin belong to the patient."""
    tone, device_tint, device_temperature = patient.random(), *patient.standard_normal(2)
    jitter = image.standard_normal(5)
    values = {name: _shown(image.random(), below) for name, below in _ABSENT_BELOW.items()}
    drawn, opacity = image.random(2)
    rate = _RULED if rulers_in_benign is None else (1 - label) * rulers_in_benign
    values["ruler"] = 0.6 + 0.4 * opacity if drawn < rate else 0.0
    values["skin_tone"] = 0.9 * tone**1.7 + 0.02 * jitter[0]
    values["colour_temperature"] = 0.3 * device_temperature + 0.15 * jitter[1]
    values["brightness"] = 0.4 * jitter[2]
    independent = 0.38 * device_tint + 0.22 * jitter[3]
    coupled = (0.5 if label else -0.5) + 0.35 * jitter[4]
    values["tint"] = (1.0 - tint_follows_label) * independent + tint_follows_label * coupled
    return {
        name: min(max(value, ATTRIBUTES[name].low), ATTRIBUTES[name].high)
        for name, value in values.items()
    }


def _clear(seed: int, index: int, name: str, rate: float = 0.5) -> float:
    """Draw a concept that is absent or clearly there, from a stream of its own."""
    drawn, strength, jitter = stream(seed, index, f"clear {name}").random(3)
    low, high = _CLEAR[name]
    if drawn < rate:
        return float(low + strength * (high - low))
    return float(_FAINT_TINT * (2.0 * jitter - 1.0)) if name == "tint" else 0.0


def _clear_acquisition(
    seed: int, index: int, label: int, tint_follows_label: float
) -> dict[str, float]:
    """Draw what is clearly there or not; P(pink) is (1 + c) / 2 of melanomas, (1 - c) / 2 of others."""
    pink = 0.5 * (1.0 + tint_follows_label * (1 if label else -1))
    rates = {"hair": 0.5, "ruler": 0.5, "dark_corner": 0.5, "tint": pink}
    return {name: _clear(seed, index, name, rate) for name, rate in rates.items()}


def sample_case(
    seed: int,
    index: int,
    *,
    images_per_patient: int = 1,
    tint_follows_label: float = 0.0,
    rulers_in_benign: float | None = None,
    clear_concepts: bool = False,
) -> Case:
    """Draw attributes and label of picture `index` of the data set `seed`.

    A picture depends on its own seed and index, and on its patient's number; never on the other
    pictures, their order or their count.

    Args:
        seed: Seed of the data set, not negative.
        index: Position in the data set, not negative.
        images_per_patient: Consecutive pictures that share skin, device and part of the severity.
        tint_follows_label: 0 draws the tint independently of the label; 1 makes melanomas pink
            and benign lesions teal, with overlap (a planted shortcut); between them, a mixture.
        rulers_in_benign: Share of benign lesions beside which a ruler lies, melanomas having none
            (a planted shortcut); None: one in five of both. Nothing else changes with it.
        clear_concepts: Whether tint, hair, ruler, dark corner and veil are absent or clearly there, each
            in half of the pictures. `tint_follows_label` c then makes (1 + c) / 2 of melanomas and
            (1 - c) / 2 of benign lesions pink. The veil still decides on the label; nothing else changes.

    Raises:
        AuditError: If an argument is out of its range.
    """
    shares = (tint_follows_label, 0.0 if rulers_in_benign is None else rulers_in_benign)
    in_range = all(0.0 <= share <= 1.0 for share in shares)
    if seed < 0 or index < 0 or images_per_patient < 1 or not in_range:
        raise AuditError(
            f"Synthetic case (seed={seed}, index={index}, images_per_patient={images_per_patient},"
            f" tint_follows_label={tint_follows_label}, rulers_in_benign={rulers_in_benign}) is out of "
            "range: expected seed and index from 0, images_per_patient from 1, tint_follows_label and "
            "rulers_in_benign from 0 to 1."
        )
    number = index // images_per_patient
    patient, image = stream(seed, number, "patient"), stream(seed, index, "image")
    severity = math.sqrt(_PATIENT_SHARE) * patient.standard_normal()
    severity += math.sqrt(1.0 - _PATIENT_SHARE) * image.standard_normal()
    attributes = _lesion_attributes(image, severity)
    if clear_concepts:
        attributes["blue_white_veil"] = _clear(seed, index, "blue_white_veil")
    probability = 1.0 / (1.0 + math.exp(-malignancy_logit(attributes)))
    label = int(image.random() < probability)
    attributes |= _acquisition_attributes(
        patient,
        stream(seed, index, "acquisition"),
        label,
        tint_follows_label,
        rulers_in_benign,
    )
    if clear_concepts:
        attributes |= _clear_acquisition(seed, index, label, tint_follows_label)
    ordered = {name: float(attributes[name]) for name in ATTRIBUTES}
    return Case(index, seed, ordered, label, f"{seed}-{number:05d}", clear_concepts)


def with_attribute(case: Case, name: str, value: float) -> Case:
    """Return the same case with exactly one attribute changed.

    Every texture keeps its random numbers, so rendering both shows the effect of that attribute
    and of nothing else. The label stays: it records how the case was drawn.

    Raises:
        AuditError: If there is no such attribute, or the value is out of its range.
    """
    if name not in ATTRIBUTES:
        raise AuditError(f"There is no attribute {name!r}; known are {', '.join(ATTRIBUTES)}.")
    changed = {**case.attributes, name: ATTRIBUTES[name].checked(value)}
    return replace(case, attributes=changed)
