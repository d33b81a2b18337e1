"""What people state of models and data, in the order of the form, and what they left empty."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.report.language import Language
from auditkit.report.words import label
from auditkit.results import Results
from auditkit.spec.dossier import KINDS


@dataclass(frozen=True)
class Stated:
    """A dossier ready for the page.

    Attributes:
        kind: 'model' or 'data'.
        name: of the model or the data set.
        given: titles of fields with what is stated there.
        absent: titles of the fields that nobody filled in.
        rows: what the card states beside the dossier, in the same form; an empty text: not stated.
    """

    kind: str
    name: str
    given: Sequence[tuple[str, str]]
    absent: Sequence[str]
    rows: Sequence[tuple[str, str]]


def dossiers(results: Results, t: Language) -> list[Stated]:
    """Of every model, then of every data set."""
    models = [
        _stated("model", model.model, model.dossier, _of_weights(model.source, model.licence, t), t)
        for model in results.models
    ]
    return models + [_stated("data", each.data, each.dossier, [], t) for each in results.data]


def _stated(
    kind: str,
    name: str,
    dossier: Mapping[str, str],
    rows: Sequence[tuple[str, str]],
    t: Language,
) -> Stated:
    # results.json has its keys in alphabetical order, and older ones lack fields.
    keys = dict.fromkeys([*KINDS[kind].fields(), *dossier])
    titles = {key: t.or_else(f"dossier.{kind}.{key}", label(key)) for key in keys}
    return Stated(
        kind,
        name,
        [(titles[key], dossier[key]) for key in keys if dossier.get(key)],
        [titles[key] for key in keys if not dossier.get(key)],
        rows,
    )


def _of_weights(source: str, licence: str, t: Language) -> list[tuple[str, str]]:
    return [(t("dossier.weights"), source), (t("dossier.licence"), licence)]
