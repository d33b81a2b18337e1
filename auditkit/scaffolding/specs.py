"""Specs for what the answers allow. Expectations are natural zeros or the shipped margins, and say so."""

from collections.abc import Iterator
from pathlib import Path

from auditkit.scaffolding.answers import Answers
from auditkit.scaffolding.cards import CHECK, schema_line, word, words
from auditkit.spec.formats import FORMATS

SPEC_SUFFIX = ".audit.yaml"
_AGREE = "advisory until somebody has agreed to it; then drop `severity`"


def specs(known: Answers, folder: Path, schemas: Path) -> dict[Path, str]:
    """Texts of the specs by file."""
    found: dict[Path, str] = {}
    for name, text in _texts(known):
        file = folder / f"{name}{SPEC_SUFFIX}"
        found[file] = f"{schema_line('audit', file, schemas)}\n{text}"
    return found


def _texts(known: Answers) -> Iterator[tuple[str, str]]:
    yield "performance", _performance(known)
    if FORMATS[known.model.format].runtime:
        yield "reproduction", _reproduction(known)
    if not known.model.grey:
        yield "colours", _colours(known)
    yield "handling", _handling(known)
    yield "heatmaps", _heatmaps(known)
    if "mask" in known.data.columns:
        yield "region", _region(known)


def _head(known: Answers, name: str, check: str, title: str, why: str) -> str:
    return f"audit: {name}\ncheck: {check}\ntitle: {title}\nwhy: {why}\ndata: {known.data_name}\n"


def _assumes(known: Answers) -> str:
    return "assumes: [reproduction]\n" if FORMATS[known.model.format].runtime else ""


def _performance(known: Answers) -> str:
    title = f"It finds {known.score}" if known.score else "It names the right class"
    head = _head(
        known,
        "performance",
        "performance",
        word(title),
        "Nothing else matters if the answers are wrong.",
    )
    groups = known.data.groups
    by = (
        f"with: {{by: {words(groups)}}}  # groups of fewer than 30 images have no estimate\n"
        if groups
        else ""
    )
    if known.score is None:
        return f"{head}{by}expect:\n{_of_classes(known)}{_assumes(known)}"
    return f"{head}{by}expect:\n{_of_score(groups)}{_assumes(known)}"


def _of_score(groups: list[str]) -> str:
    text = (
        "  # Better than chance, which is the least; it is no claim that this is good enough.\n"
        "  - {measure: roc_auc, above: 0.5}\n"
        f"  {CHECK} fill in the least that the intended use can bear, and take the lines in:\n"
        "  # - {measure: sensitivity, above: ...}\n"
        "  # - {measure: specificity, above: ...}\n"
        "  # - {measure: calibration_error, below: ..., severity: advisory}\n"
    )
    return text + "".join(
        f"  # - {{measure: sensitivity, at: {{{word(name)}: ...}}, above: ...}}\n"
        for name in groups
    )


def _of_classes(known: Answers) -> str:
    count = len(known.classes)
    return (
        f"  # Better than chance ({count} classes), which is the least; no claim that this is good enough.\n"
        f"  - {{measure: balanced_accuracy, above: {1 / count:.3g}}}\n"
        f"  {CHECK} fill in the least that the intended use can bear, and take the line in:\n"
        "  # - {measure: accuracy, above: ...}\n"
    )


def _reproduction(known: Answers) -> str:
    runtime = FORMATS[known.model.format].runtime
    return (
        _head(
            known,
            "reproduction",
            "reproduction",
            "What is audited is what the device runs",
            f"Audits look at a PyTorch re-implementation; its answers must be those of {runtime}.",
        )
        + "with: {against: [runtime], images: 1000}\n"
        "expect:\n"
        "  # The limits of auditkit's own shipped audits. Few images may leave them inconclusive.\n"
        "  - {measure: decision_agreement, above: 0.98, severity: advisory}  "
        f"{CHECK} {_AGREE}\n" + ("  - {measure: pearson_r, above: 0.99}\n" if known.score else "")
    )


def _colours(known: Answers) -> str:
    head = _head(
        known,
        "colours",
        "colour-shift",
        "Predictions hold when the light changes",
        "White balance, lamp and camera must not decide.",
    )
    return (
        f"{head}with: {{radius: [5, 20], angles: 8, directions: [pink, teal, yellow, blue], images: 200}}\n"
        "expect:\n"
        "  # Radius 5 is barely visible. The margins are those of auditkit's own audits, not of your use:\n"
        f"  {CHECK} {_AGREE}.\n"
        "  - {measure: pink.mean_change, at: {radius: 5}, between: [-0.05, 0.05], severity: advisory}\n"
        "  - {measure: teal.mean_change, at: {radius: 5}, between: [-0.05, 0.05], severity: advisory}\n"
        "  - {measure: decision_flips, at: {radius: 5}, below: 0.10, severity: advisory}\n"
        f"{_assumes(known)}"
    )


def _handling(known: Answers) -> str:
    head = _head(
        known,
        "handling",
        "corruption-response",
        "Predictions hold however a picture is stored, sent or marked",
        "Clinics compress, scale and mark pictures in their own ways; none of it is the patient's.",
    )
    return (
        f"{head}with: {{corruptions: [jpeg, resize, mark], images: 200}}\n"
        "expect:\n"
        "  # A mark is a white square in a corner. The margins are those of auditkit's own audits:\n"
        f"  {CHECK} {_AGREE}.\n"
        "  - {measure: jpeg.mean_change, between: [-0.05, 0.05], severity: advisory}\n"
        "  - {measure: resize.mean_change, between: [-0.05, 0.05], severity: advisory}\n"
        "  - {measure: mark.mean_change, between: [-0.05, 0.05], severity: advisory}\n"
        f"{_assumes(known)}"
    )


def _methods(known: Answers) -> str:
    """Occlusion asks any model; Gradient asks what can be differentiated."""
    gradient = "    - gradient\n" if FORMATS[known.model.format].gradients else ""
    return (
        f"  methods:  # auditkit list methods; Grad-CAM (gradcam) fits convolutional networks\n{gradient}"
        "    - {method: occlusion, window: 0.25, stride: 0.125, baseline: mean}\n"
    )


def _heatmaps(known: Answers) -> str:
    head = _head(
        known,
        "heatmaps",
        "truthfulness",
        "Heatmaps show what the decision rests on",
        "A heatmap that is no better than chance at finding what matters misleads its readers.",
    )
    return (
        f"{head}with:\n{_methods(known)}  fills: [mean, blur]\n  repeats: 5\n  images: 100\n"
        "expect:\n"
        "  # 0 is chance: removing what a heatmap highlights hurts no more than removing at random.\n"
        "  - {measure: occlusion.delta_aupc, at: {fill: mean}, above: 0}\n"
        f"{_assumes(known)}"
    )


def _region(known: Answers) -> str:
    head = _head(
        known,
        "region",
        "alignment",
        "It looks at the region that people marked",
        "Evidence from outside of it (rulers, hair, corners, markers) is a shortcut.",
    )
    return (
        f"{head}with:\n{_methods(known)}  top: 0.1\n  signs: absolute\n  images: 100\n"
        "expect:\n"
        "  # 0 is what a map placed at random would reach.\n"
        "  - {measure: occlusion.coverage_above_chance, above: 0}\n"
        "# What heatmaps point at is only worth as much as the heatmaps are.\n"
        "assumes: [heatmaps]\n"
    )
