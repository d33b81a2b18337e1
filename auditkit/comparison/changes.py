"""What differs between two runs beside the numbers: specs, models, data, environment."""

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any, Final

from auditkit.comparison.places import at_words
from auditkit.comparison.result import Aspect, Change, ModelPair
from auditkit.comparison.transitions import matched
from auditkit.results import DataResult, Environment, ModelResult, Results, VerdictResult

_ASPECTS: Final[Mapping[str, Aspect]] = {
    "weights_sha256": "weights",
    "input": "preprocessing",
    "output": "output",
    "threshold": "threshold",
    "format": "format",
}
_WORDS: Final = {
    "weights_sha256": "weights (sha256)",
    "card_sha256": "card (sha256)",
    "files_sha256": "files (sha256)",
    "manifest_sha256": "manifest (sha256)",
    "code_sha256": "auditkit's code (sha256)",
    "requirements_sha256": "installed packages (sha256)",
    "input": "preprocessing",
}
_OF_MODELS: Final = (*_ASPECTS, "stand_in", "card_sha256")
_OF_DATA: Final = ("manifest_sha256", "images", "patients", "stand_in", "card_sha256")
_OF_INSTRUMENTS: Final = ("files_sha256", "settings", "stand_in", "card_sha256")


def changes(old: Results, new: Results, models: Sequence[ModelPair]) -> list[Change]:
    """Every change, in the order spec, model, data, environment."""
    return [
        *_specs(old, new),
        *(change for pair in models for change in _expectations(old, new, pair)),
        *(change for pair in models for change in _model(old, new, pair)),
        *_data(old, new),
        *_environment(old.environment, new.environment),
    ]


def _specs(old: Results, new: Results) -> Iterator[Change]:
    """Audits that came and went, and the parameters of those that stayed."""
    before, after = ({a.audit: a for a in run.audits} for run in (old, new))
    for name in sorted({*before, *after}):
        if name not in after or name not in before:
            was, now = (side[name].check if name in side else "" for side in (before, after))
            yield Change(about="spec", subject=name, what="audit", old=was, new=now)
            continue
        one, other = before[name], after[name]
        told: list[tuple[str, Any, Any]] = [("check", one.check, other.check)]
        told.append(("data", one.data, other.data))
        told += [
            (f"with: {key}", one.parameters.get(key), other.parameters.get(key))
            for key in sorted({*one.parameters, *other.parameters})
        ]
        told.append(("spec file (sha256)", one.sha256, other.sha256))
        yield from _differing("spec", name, told)


def _expectations(old: Results, new: Results, pair: ModelPair) -> Iterator[Change]:
    before = [verdict for verdict in old.verdicts if verdict.model == pair.old]
    after = [verdict for verdict in new.verdicts if verdict.model == pair.new]
    for was, now in matched(before, after):
        told = [("expectation", _asked(was), _asked(now))]
        shown = now or was
        if shown is not None:
            subject = f"{shown.audit}: {shown.measure}{at_words(shown.at)}"
            yield from _differing("spec", subject, told)


def _asked(verdict: VerdictResult | None) -> str | None:
    if verdict is None:
        return None
    least = verdict.condition.get("min_n", 1)
    units = f", at least {least} units" if least != 1 else ""
    return f"{verdict.expected} ({verdict.severity}{units})"


def _model(old: Results, new: Results, pair: ModelPair) -> Iterator[Change]:
    before: ModelResult = next(model for model in old.models if model.model == pair.old)
    after: ModelResult = next(model for model in new.models if model.model == pair.new)
    if pair.old != pair.new:
        yield Change(about="model", subject=pair.new, what="name", old=pair.old, new=pair.new)
    for change in _fields("model", pair.new, before, after, _OF_MODELS):
        aspect = next((a for key, a in _ASPECTS.items() if _word(key) == change.what), None)
        yield change.model_copy(update={"aspect": aspect})


def _data(old: Results, new: Results) -> Iterator[Change]:
    before: dict[str, DataResult]
    before, after = ({data.data: data for data in run.data} for run in (old, new))
    for name in sorted({*before, *after}):
        if name in before and name in after:
            yield from _fields("data", name, before[name], after[name], _OF_DATA)
            continue
        was, now = (side[name].manifest_sha256 if name in side else "" for side in (before, after))
        yield Change(about="data", subject=name, what="data set", old=was, new=now)
    tools, others = ({f"{i.kind} {i.name}": i for i in run.instruments} for run in (old, new))
    for name in sorted({*tools, *others}):
        if name in tools and name in others:
            yield from _fields("data", name, tools[name], others[name], _OF_INSTRUMENTS)
            continue
        was, now = (side[name].card_sha256 if name in side else "" for side in (tools, others))
        yield Change(about="data", subject=name, what="instrument", old=was, new=now)


def _environment(old: Environment, new: Environment) -> Iterator[Change]:
    was, now = (dict(_flat(side.model_dump(mode="json"))) for side in (old, new))
    told = [(_word(key), was.get(key), now.get(key)) for key in sorted({*was, *now})]
    yield from _differing("environment", "", told)


def _flat(values: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in values.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{key}: ")
        else:
            yield f"{prefix}{key}", value


def _fields(about: Any, subject: str, old: Any, new: Any, names: Iterable[str]) -> Iterator[Change]:
    told = [(_word(name), getattr(old, name), getattr(new, name)) for name in names]
    return _differing(about, subject, told)


def _differing(about: Any, subject: str, told: Iterable[tuple[str, Any, Any]]) -> Iterator[Change]:
    for what, was, now in told:
        if was != now:
            yield Change(about=about, subject=subject, what=what, old=_text(was), new=_text(now))


def _word(name: str) -> str:
    return _WORDS.get(name) or name.replace("_", " ")


def _text(value: Any) -> str:
    if value is None:
        return ""
    return value if isinstance(value, str) else json.dumps(value, sort_keys=True)
