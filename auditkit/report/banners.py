"""What a reader has to know before the verdicts: stand-ins, gaps, uncommitted changes, reruns."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from auditkit.report.words import counted
from auditkit.results import Results

_ENDINGS: Final[dict[int, str]] = {
    2: "The run was interrupted.",
    3: "The run ended with an internal error of pytest.",
    4: "The run ended with a usage error of pytest.",
}


@dataclass(frozen=True)
class Banner:
    """One thing that limits what the run can show.

    Attributes:
        title: two or three words.
        text: one or two sentences.
        items: a list below them.
        grave: whether the run is less than the planned audit; otherwise it is for information.
    """

    title: str
    text: str
    items: tuple[str, ...] = ()
    grave: bool = True


def banners(results: Results) -> list[Banner]:
    """All banners of a run, the gravest kind first."""
    found = [
        *_ending(results),
        *_stand_ins(results),
        *_partial(results),
        *_dirty(results),
        *_reruns(results),
        *_weights(results),
        *_other_tasks(results),
    ]
    return sorted(found, key=lambda banner: not banner.grave)


def _ending(results: Results) -> Iterator[Banner]:
    if results.run.exit_status in _ENDINGS:
        text = f"{_ENDINGS[results.run.exit_status]} What was judged until then is shown."
        yield Banner("Broken off", text)


def _stand_ins(results: Results) -> Iterator[Banner]:
    substitutes = [
        *((model.model, "model", model.stand_in) for model in results.models),
        *((data.data, "data", data.stand_in) for data in results.data),
        *((one.name, one.kind, one.stand_in) for one in results.instruments),
    ]
    together: dict[str, list[str]] = {}
    for name, kind, text in substitutes:
        if text:
            together.setdefault(text, []).append(f"{name} ({kind})")
    items = [f"{', '.join(names)}: {text}" for text, names in together.items()]
    known = {name for name, _, text in substitutes if text}
    items += [name for name in results.deviations.stand_ins if name not in known]
    if not items:
        return
    yield Banner(
        "Stand-ins",
        "This run rests on openly labelled substitutes. Its verdicts are about the substitutes, "
        "not about what they stand in for.",
        tuple(items),
    )


def _partial(results: Results) -> Iterator[Banner]:
    deviations = results.deviations
    if deviations.judged >= deviations.planned and not deviations.deselected:
        return
    text = (
        f"{deviations.judged} of {counted(deviations.planned, 'planned expectation')} were judged."
    )
    if deviations.deselected:
        text += " Deselected or not reached:"
    yield Banner("Partial run", text, tuple(deviations.deselected))


def _dirty(results: Results) -> Iterator[Banner]:
    if results.deviations.dirty:
        commit = results.environment.commit or "unknown"
        text = (
            f"The repository differed from commit {commit}; the commit does not describe this run."
        )
        yield Banner("Uncommitted changes", text)


def _reruns(results: Results) -> Iterator[Banner]:
    if results.deviations.reruns:
        text = "A rerun plug-in was active: what failed once may have been asked again."
        yield Banner("Reruns", text)


def _weights(results: Results) -> Iterator[Banner]:
    for model in results.models:
        if not model.weights_sha256:
            yield Banner("Weights not read", f"The weights of {model.model} could not be read.")
        elif not model.pinned:
            text = (
                f"The card of {model.model} does not state the sha256 of its weights: they are "
                "identified below, but were not checked against an expected value."
            )
            yield Banner("Weights not pinned", text, grave=False)


def _other_tasks(results: Results) -> Iterator[Banner]:
    other = results.deviations.other_tasks
    if other:
        tasks = ", ".join(f"{task}: {count}" for task, count in other.items())
        specs = counted(sum(other.values()), "spec")
        text = f"{specs} of other tasks were not planned for these models ({tasks})."
        yield Banner("Other tasks", text, grave=False)
