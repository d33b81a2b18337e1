"""Cards that an export writes: strict YAML, every text in quotes."""

from collections.abc import Mapping
from typing import Any

import yaml

from auditkit.study.exporting.unsealed import Unsealed
from auditkit.study.folder import Key

TABLES = ("pairs", "choices", "noted")


class _Dumper(yaml.SafeDumper):
    """Writes texts in quotes: what other readers of YAML take for numbers, times or booleans stays text."""

    def ignore_aliases(self, data: Any) -> bool:
        del data
        return True


_Dumper.add_representer(
    str, lambda dumper, text: dumper.represent_scalar("tag:yaml.org,2002:str", text, style='"')
)


def card_text(card: Mapping[str, Any]) -> bytes:
    """A card as `auditkit.spec.strict_yaml` reads it back, value for value.

    Args:
        card: of texts, numbers, booleans, lists and mappings.
    """
    text = yaml.dump(dict(card), Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=10**6)
    return text.encode()


def answers_card(study: Unsealed, digests: Mapping[str, str], pictures: str) -> dict[str, Any]:
    """The card of the answers (`auditkit.spec.answers_card.AnswersCard`).

    Args:
        study: opened.
        digests: sha256 of each table.
        pictures: folder of the pictures.
    """
    plan = study.plan
    presets = {preset.attribute: preset for preset in plan.presets}
    return {
        "answers": plan.study,
        "title": plan.title,
        "task": plan.task,
        "stand_in": study.stand_in,
        "data": plan.data,
        "question": plan.question,
        **({"data_sha256": study.key.data_sha256} if study.key.data_sha256 else {}),
        "models": [_model(study.key, name) for name in plan.models],
        "experts": [expert.model_dump() for expert in study.study.experts],
        "attributes": [
            presets[name].model_dump() if name in presets else {"attribute": name}
            for name in study.attributes
        ],
        **{name: {"file": f"{name}.csv", "sha256": digests[name]} for name in TABLES},
        "pictures": pictures,
        "seed": study.key.seed,
        "plan_sha256": study.key.plan_sha256,
        "closed": f"{study.closed:%Y-%m-%d}",
    }


def _model(key: Key, name: str) -> dict[str, str]:
    """A model with what is known of its identity."""
    known = {"sha256": key.models.get(name), "generator_sha256": key.generators.get(name)}
    return {"model": name} | {field: digest for field, digest in known.items() if digest}
