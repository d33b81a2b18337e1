"""From what guidance asks for to where the page answers, or that nobody provided it."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from auditkit.report.language import Language
from auditkit.report.overview import named
from auditkit.report.words import label
from auditkit.results import Results

ABOUT_EXPLANATIONS: Final = (
    "across-trainings",
    "alignment",
    "clinical-assessment",
    "compare-methods",
    "efficiency",
    "faithfulness",
    "informative-plausibility",
    "plausibility",
    "randomisation",
    "ratings",
    "truthfulness",
)
_SHORTCUTS: Final = (
    "alignment",
    "attribute-response",
    "corruption-response",
    "counterfactual",
    "counterfactual-attributes",
    "depict",
    "expert-study",
    "modality-importance",
    "plausibility",
    "truthfulness",
)
_ROBUSTNESS: Final = ("attribute-response", "colour-shift", "corruption-response", "reproduction")

Present = Callable[[Results], bool]


@dataclass(frozen=True)
class Field:
    """One thing that guidance asks for.

    Attributes:
        number: its place in the list.
        fda: section of the FDA's draft guidance on AI-enabled device software functions (January 2025).
        ai_act: place in the EU's AI Act, Regulation (EU) 2024/1689.
        claim: items of CLAIM 2024.
        others: further sources.
        anchors: sections of the page that answer it.
        model: fields of a model's dossier that answer it.
        data: fields of a data set's dossier that answer it.
        parts: what else has to be there, by the name of its text.
    """

    number: int
    fda: str = ""
    ai_act: str = ""
    claim: str = ""
    others: str = ""
    anchors: Sequence[str] = ()
    model: Sequence[str] = ()
    data: Sequence[str] = ()
    parts: Sequence[tuple[str, Present]] = field(default=())


@dataclass(frozen=True)
class Answer:
    """A field, where the page answers it, and what is not provided."""

    field: Field
    anchors: Sequence[str]
    missing: Sequence[str]


def answers(results: Results, t: Language) -> list[Answer]:
    """All fields with what this run says to them."""
    return [_answer(each, results, t) for each in FIELDS]


def _answer(asked: Field, results: Results, t: Language) -> Answer:
    stated = list(_dossiers(asked, results, t))
    parts = [(t(f"crosswalk.part.{key}"), present(results)) for key, present in asked.parts]
    absent = set()
    if not any(there for _, there in stated):
        absent.add("dossier")
    if parts and not any(there for _, there in parts):
        absent |= {"audits", "comparison"}
    missing = [text for text, there in [*stated, *parts] if not there]
    return Answer(asked, [name for name in asked.anchors if name not in absent], missing)


def _dossiers(asked: Field, results: Results, t: Language) -> Iterator[tuple[str, bool]]:
    models = {model.model: model.dossier for model in results.models}
    data = {each.data: each.dossier for each in results.data}
    for kind, dossiers, keys in (("model", models, asked.model), ("data", data, asked.data)):
        for key in keys:
            empty = [name for name, dossier in dossiers.items() if not dossier.get(key)]
            title = t.or_else(f"dossier.{kind}.{key}", label(key))
            if empty and len(empty) < len(dossiers):
                title = t("crosswalk.of", title=title, names=", ".join(empty))
            yield title, bool(dossiers) and not empty


def _has_check(*checks: str) -> Present:
    return lambda results: any(audit.check in checks for audit in results.audits)


def _grouped(results: Results) -> bool:
    columns = {column for data in results.data for column in data.groups}
    return any(columns & set(m.at) for audit in results.audits for m in audit.measurements)


def _shown_cases(results: Results) -> bool:
    return any(a.examples or a.galleries or a.counterfactuals for a in results.audits)


def _generated(results: Results) -> bool:
    return any("generator" in one.kind for one in results.instruments)


FIELDS: Final = (
    Field(
        1,
        ai_act="Annex IV 2(g)",
        others="ISO/IEC TS 4213, 5.3.11",
        anchors=("identity", "sign-off"),
        parts=(
            ("performed", lambda results: "performed" in named(results)),
            ("reviewed", lambda results: "reviewed" in named(results)),
        ),
    ),
    Field(
        2,
        fda="App. E",
        ai_act="Annex IV 1(a)",
        others="MDR, Annex II 1.1; Model Cards, model details",
        anchors=("identity", "dossier"),
        model=("device", "version", "udi", "regulatory_status", "manufacturer"),
    ),
    Field(
        3,
        fda="X",
        ai_act="Annex IV 1(a)",
        others="CONSORT-AI, 5",
        anchors=("identity", "subject"),
        parts=(
            ("weights", lambda r: bool(r.models) and all(m.weights_sha256 for m in r.models)),
            ("pinned", lambda r: bool(r.models) and all(m.pinned for m in r.models)),
        ),
    ),
    Field(
        4, fda="X", ai_act="Annex IV 6", anchors=("dossier",), model=("version", "released_version")
    ),
    Field(
        5,
        fda="V; VI.B",
        ai_act="Annex IV 1(a); Art. 14",
        claim="3, 41",
        others="GMLP, 1; Model Cards, intended use; STARD-AI; ECLAIR",
        anchors=("dossier",),
        model=("intended_use", "indications", "population", "users", "workflow", "automation"),
    ),
    Field(
        6,
        fda="VI.B",
        ai_act="Art. 9(2)(b); Art. 13(3)(b)",
        others="Model Cards, intended use",
        anchors=("dossier",),
        model=("misuse", "contraindications", "out_of_scope"),
    ),
    Field(
        7,
        fda="IX",
        ai_act="Annex IV 2(b)",
        claim="22",
        others="Model Cards, model details",
        anchors=("subject", "dossier"),
        model=("model_description", "threshold_choice", "calibration"),
    ),
    Field(
        8,
        fda="VIII",
        ai_act="Annex IV 2(d)",
        claim="19, 20",
        others="GMLP, 4; ISO/IEC TS 4213, 5.3.7; Model Cards, training data",
        anchors=("dossier",),
        model=("training_data", "independence", "sequestration"),
    ),
    Field(
        9,
        fda="VIII",
        claim="20",
        others="GMLP, 4; ISO/IEC TS 4213, 5.3.7",
        parts=(("leakage", lambda _: False),),
    ),
    Field(
        10,
        fda="VIII",
        ai_act="Annex IV 2(d), 2(g)",
        claim="7, 13",
        others="Model Cards, evaluation data",
        anchors=("data", "dossier"),
        data=("version", "collection", "acquisition"),
        parts=(
            ("manifest", lambda r: bool(r.data) and all(d.manifest_sha256 for d in r.data)),
            ("licence", lambda r: bool(r.data) and all(d.licence for d in r.data)),
        ),
    ),
    Field(
        11,
        fda="VIII",
        ai_act="Annex IV 2(d)",
        claim="14-18",
        others="ISO/IEC TS 4213, 5.3.9",
        anchors=("dossier",),
        data=("reference_standard", "annotators", "blinding", "adjudication", "variability"),
    ),
    Field(
        12,
        fda="X.A",
        claim="35",
        others="STARD, 19",
        anchors=("data", "audits"),
        data=("exclusions",),
        parts=(("measured", lambda r: any(audit.measurements for audit in r.audits)),),
    ),
    Field(
        13,
        fda="VIII",
        claim="36",
        others="MINIMAR; ISO/IEC TS 4213, 5.3.2",
        anchors=("data",),
        data=("population",),
        parts=(("groups", lambda r: any(data.groups for data in r.data)),),
    ),
    Field(
        14,
        fda="X.A; App. C",
        ai_act="Art. 9(8)",
        anchors=("registration",),
        parts=(("registration", lambda r: r.registration is not None),),
    ),
    Field(
        15,
        fda="X.A",
        ai_act="Annex IV 4",
        claim="28",
        anchors=("verdicts", "audits"),
        parts=(("rationale", lambda r: bool(r.verdicts) and all(v.why for v in r.verdicts)),),
    ),
    Field(
        16,
        fda="VI.B; App. E",
        claim="29, 37, 38",
        others="TRIPOD+AI",
        anchors=("verdicts", "audits"),
        parts=(("estimates", lambda r: any(v.value is not None for v in r.verdicts)),),
    ),
    Field(17, fda="X.A", others="CONSORT, 18, 20", anchors=("multiplicity",)),
    Field(
        18,
        fda="X.A",
        claim="21",
        anchors=("verdicts", "audits"),
        parts=(("least", lambda r: any(v.condition.get("min_n", 1) != 1 for v in r.verdicts)),),
    ),
    Field(
        19,
        fda="VI.B; X.A",
        ai_act="Annex IV 2(g), 3",
        others="TRIPOD+AI; STARD-AI; Model Cards, quantitative analyses",
        anchors=("audits",),
        parts=(("by-group", _grouped),),
    ),
    Field(20, fda="X.A", anchors=("dossier",), model=("missing_demographics",)),
    Field(
        21,
        fda="VI.B",
        claim="39",
        others="Model Cards, metrics",
        anchors=("audits",),
        parts=(("performance", _has_check("performance")),),
    ),
    Field(
        22,
        fda="X; App. C",
        ai_act="Art. 15",
        claim="30",
        anchors=("audits",),
        parts=(("robustness", _has_check(*_ROBUSTNESS)),),
    ),
    Field(
        23,
        fda="VIII; X",
        claim="31",
        others="ISO/IEC TS 4213, 5.3.8; MI-CLAIM, 14-17",
        anchors=("audits", "assumptions"),
        parts=(("shortcuts", _has_check(*_SHORTCUTS)),),
    ),
    Field(
        24,
        fda="App. B",
        ai_act="Art. 13(3)(b)(iv)",
        claim="31",
        anchors=("limits", "audits"),
        parts=(("explanations", _has_check(*ABOUT_EXPLANATIONS)),),
    ),
    Field(
        25,
        claim="39",
        others="CONSORT-AI, 19; DECIDE-AI, 13",
        anchors=("audits",),
        parts=(("cases", _shown_cases),),
    ),
    Field(26, fda="X.A", others="GMLP, 7", anchors=("dossier", "limits"), model=("team_evidence",)),
    Field(
        27,
        fda="VII",
        ai_act="Art. 9; Annex IV 5",
        others="BS/AAMI 34971",
        anchors=("dossier", "audits"),
        model=("hazards",),
        parts=(("hazards", lambda r: any(audit.hazards for audit in r.audits)),),
    ),
    Field(
        28,
        fda="VI.B",
        ai_act="Art. 13(3)(b); Annex IV 3",
        claim="40",
        others="Model Cards, caveats",
        anchors=("limits", "dossier"),
        model=("limitations",),
    ),
    Field(29, fda="App. C", claim="35", anchors=("dossier", "audits"), data=("exclusions",)),
    Field(
        30,
        fda="VIII",
        anchors=("data", "dossier"),
        data=("synthetic",),
        parts=(("generator", _generated),),
    ),
    Field(
        31,
        claim="23",
        others="ISO/IEC TS 4213, 5.3.11; FUTURE-AI",
        anchors=("environment",),
        parts=(
            ("commit", lambda r: bool(r.environment.commit)),
            ("hardware", lambda r: bool(r.environment.hardware)),
            ("determinism", lambda r: bool(r.environment.determinism)),
            ("requirements", lambda r: bool(r.environment.requirements_sha256)),
        ),
    ),
    Field(32, fda="X.A", others="21 CFR 11.10(e)", anchors=("deviations",)),
    Field(
        33,
        ai_act="Annex IV 2(f), 6",
        others="GMLP, 10; FDA PCCP (2024)",
        anchors=("comparison", "dossier"),
        model=("change_control",),
        parts=(("comparison", lambda r: any(v.baseline for v in r.verdicts)),),
    ),
    Field(34, fda="XI", ai_act="Art. 72; Annex IV 9", anchors=("dossier",), model=("monitoring",)),
    Field(
        35,
        fda="XII",
        ai_act="Art. 12; Art. 18",
        others="21 CFR 11",
        anchors=("integrity",),
        parts=(("evidence", lambda r: r.evidence is not None),),
    ),
    Field(
        36,
        ai_act="Annex IV 2(g)",
        others="21 CFR 11.50",
        anchors=("sign-off",),
        parts=(
            ("performed", lambda results: "performed" in named(results)),
            ("reviewed", lambda results: "reviewed" in named(results)),
            ("approved", lambda results: "approved" in named(results)),
        ),
    ),
    Field(
        37,
        claim="11",
        others="45 CFR 164.514; GDPR, Art. 4(5)",
        anchors=("privacy",),
        data=("deidentified", "ethics"),
    ),
    Field(38, fda="App. A", anchors=("crosswalk",)),
)
