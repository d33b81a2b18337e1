"""Items of a heatmap rating study: cases of one model with the heatmaps of several methods.

After the survey of Jin et al. (arXiv:2202.10553, Fig. 2). Methods are blinded: all maps have one colour map
and one normalisation, and nothing beside them says whose they are.
"""

import unicodedata
from collections import Counter
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Final

from auditkit.data.dataset import Record
from auditkit.errors import AuditError
from auditkit.evidence import Evidence
from auditkit.session import Session
from auditkit.spec.catalogue import Catalogue
from auditkit.spec.methods import Method, RandomMap
from auditkit.spec.study import Heatmaps, StudyPlan
from auditkit.study.answers import MAX_NAME
from auditkit.study.building.entry import Entry
from auditkit.study.building.ready import Ready
from auditkit.study.building.slices import Case, columns_of, photograph, tiles
from auditkit.study.folder import Layout

BEYOND: Final = "not needed: the plan asks for fewer"


def images_needed(plan: StudyPlan) -> int | None:
    """First images of the data that evidence is asked about: those of the study and of its practice."""
    images = _asked(plan).images
    return None if images is None else images + plan.practice


def classes_of(evidence: Evidence) -> tuple[str, ...]:
    """What an expert can predict: the model's decisions, composed (NFC) as forms send them.

    Raises:
        AuditError: the card does not name them, or a name is none that a form sends unaltered.
    """
    names = evidence.classes
    if names is None:
        raise AuditError(
            f"{evidence.card.path}: the classes of '{evidence.card.model}' have no names, so that nobody can "
            "predict one; name them in 'output.classes'"
        )
    composed = tuple(unicodedata.normalize("NFC", name) for name in names)
    for name in composed:
        if not name.isprintable() or name != name.strip() or not 1 <= len(name) <= MAX_NAME:
            raise AuditError(
                f"{evidence.card.path}: nobody can predict the class {name!r:.120}: 1 to {MAX_NAME} "
                "printable letters without spaces around them were expected; rename it in 'output.classes'"
            )
    if len(set(composed)) < len(composed):
        raise AuditError(
            f"{evidence.card.path}: two classes of '{evidence.card.model}' look the same to an expert (they "
            "differ in how Unicode writes them, or not at all); rename one in 'output.classes'"
        )
    return composed


def layout_of(evidence: Evidence) -> Layout:
    """How every picture of the study is put together."""
    if evidence.card.volume is None:
        return Layout()
    names = evidence.modalities
    return Layout(rows=len(names), columns=columns_of(evidence.space), names=names)


def heatmap_ready(
    plan: StudyPlan, catalogue: Catalogue, session: Session, stand_ins: Sequence[str]
) -> Ready:
    """All that the folder of a heatmap rating study is written from.

    Args:
        plan: of the kind ``heatmaps``.
        catalogue: where its model and data are looked for.
        session: computes evidence.
        stand_ins: of the cards.

    Raises:
        AuditError: a method cannot be asked of the model, or its classes have no names.
    """
    model, data = catalogue.model(plan.models[0]), catalogue.data(plan.data)
    evidence = session.workroom.evidence(model, data, images_needed(plan))
    entries = heatmap_entries(plan, evidence)
    left_out = Counter(evidence.incomplete)
    beyond = len(evidence.data.records) - len({entry.image for entry in entries})
    if beyond:
        left_out[BEYOND] = beyond
    models = {model.model: evidence.model_identity["model"]}
    layout, classes = layout_of(evidence), classes_of(evidence)
    return Ready(entries, left_out, models, stand_ins, layout, classes)


def heatmap_entries(plan: StudyPlan, evidence: Evidence) -> list[Entry]:
    """Each case under every method, and practice; pictures are case, heatmap, overlay, all of one size.

    Practice is on the cases after those of the study, with the methods in turn. Where the data has none
    left, it is on the first cases of the study with random maps, which tell nothing about a method.

    Args:
        plan: of the kind ``heatmaps``.
        evidence: of the model, on the first ``images_needed`` images.

    Raises:
        AuditError: a method cannot be asked of the model, or its classes have no names.
    """
    asked = _asked(plan)
    count = evidence.n if asked.images is None else min(asked.images, evidence.n)
    classes = classes_of(evidence)
    told, practice = _told(evidence), list(_practice(plan, evidence, count))
    shown = sorted({*range(count), *(index for index, _ in practice)})
    cases = {index: _case(evidence, index) for index in shown}
    found = []
    # Method by method, since only one's maps may fit into memory.
    for method in _distinct([*asked.methods, *(one for _, one in practice)]):
        maps = evidence.heatmaps(method)
        own = [(index, True) for index, one in practice if one == method]
        own += [(index, False) for index in range(count) if method in asked.methods]
        for index, practising in own:
            record = evidence.records[index]
            strength = cases[index].strength(maps.full(index, evidence.space))
            found.append(
                Entry(
                    evidence.card.model,
                    record.id,
                    record.patient,
                    partial(cases[index].pictures, strength),
                    practice=practising,
                    method=method.label,
                    label=_label(record, classes),
                    told=told[index],
                )
            )
    return found


def _label(record: Record, classes: Sequence[str]) -> str:
    """The class of a case; models with other classes than the data have none for it."""
    return classes[record.label] if 0 <= record.label < len(classes) else ""


def _asked(plan: StudyPlan) -> Heatmaps:
    assert plan.heatmaps is not None, "of the kind 'heatmaps', as the plan's reader assures"
    return plan.heatmaps


def _practice(plan: StudyPlan, evidence: Evidence, count: int) -> Iterator[tuple[int, Method]]:
    methods = _asked(plan).methods
    beyond = range(count, min(evidence.n, count + plan.practice))
    if beyond:
        yield from ((index, methods[i % len(methods)]) for i, index in enumerate(beyond))
        return
    yield from ((index, RandomMap()) for index in range(min(plan.practice, count)))


def _distinct(methods: Sequence[Method]) -> Iterator[Method]:
    for place, method in enumerate(methods):
        if method not in methods[:place]:
            yield method


def _case(evidence: Evidence, index: int) -> Case:
    if evidence.card.volume is None:
        return photograph(evidence.picture(index))
    return tiles(evidence.volume(index), columns_of(evidence.space))


def _told(evidence: Evidence) -> list[dict[str, str]]:
    """What the model says of each case, as the device says it: the decision, and its probability."""
    names, decisions = classes_of(evidence), evidence.scores().decision.tolist()
    return [
        {"prediction": names[decision], "probability": _percent(probability)}
        for decision, probability in zip(decisions, _probabilities(evidence), strict=True)
    ]


def _probabilities(evidence: Evidence) -> list[float]:
    """Of each decision."""
    scores = evidence.scores()
    decisions = scores.decision.tolist()
    if evidence.two_class:
        return [p if d else 1 - p for p, d in zip(scores.score.tolist(), decisions, strict=True)]
    # A score is that of the label here, which must not be told.
    every = evidence.probabilities(evidence.answers()).tolist()
    return [row[d] for row, d in zip(every, decisions, strict=True)]


def _percent(probability: float) -> str:
    """Nothing is certain, as a rounded 100 % would say."""
    percent = 100 * probability
    return "over 99 %" if percent > 99 else f"{percent:.0f} %"
