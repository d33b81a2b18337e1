"""Check `counterfactual-attributes`: which measurable attributes differ within the pairs?

DeGrave et al. (doi:10.1038/s41551-023-01160-9), Figs. 2c and 3: experts name what differs between the
malignant and the benign counterfactual of an image; for colour, that is held against an intervention.

Deviates: attributes are measured, so that differences have sizes and intervals over patients in place of
counts of pairs; the direction of the intervention is the mean colour difference of the pairs' background,
whose uncertainty is part of the interval (there, the curve is compared with the counterfactuals by eye).
"""

from collections.abc import Iterator, Mapping
from dataclasses import replace

from auditkit import stats
from auditkit.checks.counterfactual_attributes.colour import AXES, Colour
from auditkit.checks.counterfactual_attributes.differences import Attribute
from auditkit.checks.counterfactual_attributes.shown import examples, forest, read, table
from auditkit.checks.measuring import Measuring
from auditkit.checks.sampling import Sampling
from auditkit.checks.screened import screened
from auditkit.evidence import Evidence
from auditkit.evidence.counterfactuals.attributes import measured, unannotated
from auditkit.evidence.counterfactuals.cards import card_of
from auditkit.findings import Findings, Measurement
from auditkit.spec.declarations.counterfactual_attributes import (
    COUNTERFACTUAL_ATTRIBUTES,
    CounterfactualAttributes,
)
from auditkit.spec.measured import QUANTITIES


def counterfactual_attributes(evidence: Evidence, parameters: CounterfactualAttributes) -> Findings:
    """Differences of the measured attributes, and whether shifting colour does what the pairs say.

    Raises:
        Unavailable: the model has no such generator, or another model that the prescreening names has none.
    """
    card = card_of(evidence, parameters.wanted)
    passed = screened(evidence, card, parameters.screen)
    quantities = {name: QUANTITIES[name] for name in AXES} | dict(parameters.quantities)
    names = [*dict.fromkeys((*parameters.attributes, *AXES))]
    found = measured(
        evidence, card, names, parameters.dilate, parameters.classifier, parameters.concepts
    )
    every = {
        name: Attribute.of(found, quantity, passed.reasons, evidence.patients)
        for name, quantity in quantities.items()
    }
    asked = {name: every[name] for name in parameters.quantities}
    measuring = Measuring.of(COUNTERFACTUAL_ATTRIBUTES, parameters, evidence.n)
    colour = Colour.of(evidence, every, parameters.colour_shift, parameters.angles)
    findings = Findings(list(_measured(asked, measuring, Sampling.of(evidence))))
    findings.measurements.append(_response(colour, every, measuring))
    findings.measurements.append(
        measuring("retained", lambda: stats.proportion(passed.kept, evidence.patients))
    )
    rows = read(findings, asked)
    findings.figures += [forest(rows), colour.figure()]
    findings.tables.append(table(rows))
    findings.examples += examples(evidence, card, rows)
    missing = unannotated(evidence)
    if missing:
        findings.notes.append(
            f"{missing} of {evidence.n} images have no annotation: measured around the lesion that is found "
            "in the image itself."
        )
    return findings


def _measured(
    attributes: Mapping[str, Attribute], measuring: Measuring, sampling: Sampling
) -> Iterator[Measurement]:
    for name, one in attributes.items():
        estimates = {
            f"difference[{name}]": one.difference,
            f"standardised[{name}]": one.standardised,
            f"higher[{name}]": one.higher,
        }
        change = one.malignant - one.benign
        samples = {f"difference[{name}]": sampling.mean(change, one.used)}
        for measure, estimate in estimates.items():
            skipped = filter(None, one.reasons)
            # The numbers are about pairs that pass; of these, what is not known could be anything.
            found = measuring(measure, estimate, skipped=skipped, sample=samples.get(measure))
            yield replace(found, affected=one.unknown)


def _response(colour: Colour, axes: Mapping[str, Attribute], measuring: Measuring) -> Measurement:
    """Over all images; the direction is that of the pairs in the numbers, whatever the others are."""
    first, second = (axes[name].reasons for name in AXES)
    skipped = [own or other for own, other in zip(first, second, strict=True)]
    found = measuring("colour_response", colour.response, skipped=filter(None, skipped))
    return replace(found, affected=0.0)
