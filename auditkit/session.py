"""A session: audits and models in, judged expectations out. Knows neither pytest nor reports."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.util import find_spec

from auditkit.checks import compute
from auditkit.comparison.baseline import Baseline
from auditkit.data import Dataset
from auditkit.errors import Unavailable
from auditkit.evidence import Settings
from auditkit.evidence.engine import Engine
from auditkit.evidence.workroom import Workroom
from auditkit.findings import Findings, Measurement
from auditkit.gating.assumptions import Held, deciding, failed_assumption
from auditkit.spec.audit import Expectation
from auditkit.spec.data_card import REDRAWABLE, VOLUMES, DataCard
from auditkit.spec.declaration import Need
from auditkit.spec.formats import FORMATS
from auditkit.spec.load import Audit, resolve_at
from auditkit.spec.model_card import ModelCard
from auditkit.verdict import Against, Judgement, Verdict, judge


@dataclass
class Session:
    """Runs checks over models and data, each once, and judges expectations.

    Attributes:
        engine: gathers evidence.
        settings: how evidence is computed.
        audits: all audits that may be assumed, by id.
        baseline: an earlier run, for expectations that are held against one.
    """

    engine: Engine
    settings: Settings = field(default_factory=Settings)
    audits: Mapping[str, Audit] = field(default_factory=dict)
    baseline: Baseline | None = None
    _findings: dict[tuple[str, ...], Findings | Unavailable] = field(default_factory=dict)
    _applicable: dict[tuple[str, str], Judgement | None] = field(default_factory=dict)

    @cached_property
    def workroom(self) -> Workroom:
        """This process' models and data sets."""
        return Workroom(self.engine, self.settings)

    def findings(self, audit: Audit, card: ModelCard) -> Findings:
        """What the audit's check finds for a model; computed once.

        Raises:
            Unavailable: what the check rests on is not there.
        """
        parameters = audit.parameters.model_dump_json()
        data = [str(audit.data.path), audit.data.digest, *audit.beside.digests]
        key = (audit.check.name, parameters, card.model, *data)
        if key not in self._findings:
            try:
                self._findings[key] = self._computed(audit, card)
            except Unavailable as error:
                self._findings[key] = error
        found = self._findings[key]
        if isinstance(found, Unavailable):
            raise found
        return found

    def _computed(self, audit: Audit, card: ModelCard) -> Findings:
        if audit.check.combines:
            return compute(audit.check, _Others(self, card), audit.parameters)
        images = getattr(audit.parameters, "images", None)
        evidence = self.workroom.evidence(card, audit.data, images, audit.beside)
        return compute(audit.check, evidence, audit.parameters)

    def dataset(self, data: DataCard, card: ModelCard) -> Dataset:
        """The data set, with labels held to the model's classes."""
        return self.workroom.dataset(data, card)

    def judge(
        self, audit: Audit, card: ModelCard, expectation: Expectation
    ) -> tuple[Judgement, Measurement | None]:
        """The verdict on one expectation: applicable? assumptions? measured? judged."""
        hindrance = self._hindrance(audit, card)
        if hindrance is not None:
            return hindrance, None
        try:
            findings = self.findings(audit, card)
        except Unavailable as error:
            return Judgement(Verdict.NOT_RUN, str(error)), None
        measure = audit.check.measures(audit.parameters)[expectation.measure]
        measurement = findings.find(expectation.measure, resolve_at(expectation, measure))
        inapplicable = measurement is not None and not measurement.applicable
        failed = "" if inapplicable else self._failed_assumption(audit, card, expectation)
        if failed:
            return Judgement(Verdict.NOT_INTERPRETABLE, failed), measurement
        against = self._against(audit, card, expectation, measurement)
        return judge(expectation, measurement, against), measurement

    def _against(
        self,
        audit: Audit,
        card: ModelCard,
        expectation: Expectation,
        measurement: Measurement | None,
    ) -> Against | None:
        """What the baseline has to say, of an expectation that is held against one."""
        better = audit.check.measures(audit.parameters)[expectation.measure].better
        if None in (expectation.not_worse_than, self.baseline, measurement, better):
            return None
        assert self.baseline is not None
        assert measurement is not None
        assert better is not None
        return self.baseline.against(
            measurement,
            audit=audit.id,
            check=audit.check.name,
            parameters=audit.parameters.model_dump(mode="json"),
            model=card.model,
            task=card.task,
            better=better,
        )

    def _hindrance(self, audit: Audit, card: ModelCard) -> Judgement | None:
        key = (audit.id, card.model)
        if key not in self._applicable:
            self._applicable[key] = hindrance(audit, card)
        return self._applicable[key]

    def _failed_assumption(self, audit: Audit, card: ModelCard, resting: Expectation) -> str:
        """The first assumed audit without success, and why; empty if all hold."""
        for name in audit.spec.assumes:
            assumed = self.audits[name]
            every, problem = assumed_expectations(assumed, audit, resting)
            if problem:
                return f"rests on '{name}', {problem}"
            asked = (self._held(assumed, card, one) for one in deciding(every))
            failed = failed_assumption(name, asked)
            if failed:
                return failed
        return ""

    def _held(self, audit: Audit, card: ModelCard, expectation: Expectation) -> Held:
        found, measurement = self.judge(audit, card, expectation)
        return Held(
            expectation.key,
            expectation.measure,
            expectation.severity,
            found.verdict,
            found.reason,
            measured=measurement is not None,
        )


@dataclass(frozen=True)
class _Others:
    """What other audits of a model found, for a check that combines them."""

    session: Session
    card: ModelCard

    def found(
        self, name: str, measure: str, at: Mapping[str, float | str]
    ) -> tuple[Measurement | None, str]:
        """A measurement of another audit, or why there is none that may be used."""
        audit = self.session.audits.get(name)
        if audit is None:
            return None, f"the audit '{name}' is not part of this run"
        asked = Expectation(measure=measure, at=dict(at), above=0)
        judged, measurement = self.session.judge(audit, self.card, asked)
        hindered = (Verdict.NOT_APPLICABLE, Verdict.NOT_RUN, Verdict.NOT_INTERPRETABLE)
        if judged.verdict in hindered or measurement is None:
            return None, f"{judged.verdict.value}: {judged.reason}"
        return measurement, measurement.reason

    def expected(
        self, name: str, measure: str, at: Mapping[str, float | str]
    ) -> Sequence[Expectation]:
        """What the audit itself expects of this measure."""
        audit = self.session.audits.get(name)
        if audit is None:
            return []
        declared = audit.check.measures(audit.parameters)[measure]
        wanted = resolve_at(Expectation(measure=measure, at=dict(at), above=0), declared)
        own = (one for one in audit.spec.expect if one.measure == measure)
        return [one for one in own if resolve_at(one, declared) == wanted]


def assumed_expectations(
    assumed: Audit, audit: Audit, resting: Expectation
) -> tuple[Sequence[Expectation], str]:
    """What an expectation rests on in an assumed audit, and what is wrong with resting on it.

    All of its expectations; where one check rests on another and both are about heatmap methods, those
    about the same method: another method's success shows nothing.
    """
    every = assumed.spec.expect
    methods, known = (
        {method.label: method for method in getattr(one.parameters, "methods", ())}
        for one in (audit, assumed)
    )
    label = resting.measure.partition(".")[0]
    if assumed.check.name not in audit.check.rests_on or label not in methods:
        return every, ""
    own = [one for one in every if one.measure.startswith(f"{label}.")]
    if not own:
        return own, f"which expects nothing of {label}"
    if label not in known or known[label].identity != methods[label].identity:
        return own, f"whose {label} has other parameters: give both audits the same"
    return own, ""


def hindrance(audit: Audit, card: ModelCard) -> Judgement | None:
    """Why an audit's check cannot be asked of a model at all, or what is missing to ask it."""
    return hindrance_of(audit.check.needs(audit.parameters), card, audit.data)


def hindrance_of(needs: frozenset[Need], card: ModelCard, data: DataCard) -> Judgement | None:
    """As `hindrance`, from what a check needs."""
    reason = (
        _no_device(card)
        or _other_kind(needs, card, data)
        or _unmoved(needs, card)
        or _inapplicable(needs, card, data)
    )
    if reason:
        return Judgement(Verdict.NOT_APPLICABLE, reason)
    kind = FORMATS[card.format]
    if "reference-runtime" in needs and find_spec(kind.module) is None:
        extra = f'pip install "pytest-auditkit[{kind.extra}]"'
        reason = f"the {kind.title} runtime is not installed; run: {extra}"
        return Judgement(Verdict.NOT_RUN, reason)
    if "generator" in needs and find_spec("diffusers") is None:
        reason = 'text-to-image models need diffusers; run: pip install "pytest-auditkit[concepts]"'
        return Judgement(Verdict.NOT_RUN, reason)
    return None


def _no_device(card: ModelCard) -> str:
    """Why a model is none that is audited at all; empty if it is."""
    if not card.output.independent:
        return ""
    return (
        f"'{card.model}' answers about several things that do not exclude one another: it is a concept "
        "classifier, which audits measure with"
    )


def _unmoved(needs: frozenset[Need], card: ModelCard) -> str:
    """Why no counterfactual can move the model's score; empty if it can."""
    if "score" in needs and not card.scored:
        return f"'{card.model}' decides between classes: there is no score with a threshold to push"
    if "counterfactuals" in needs and not card.gradients:
        return f"'{card.model}' gives no gradients, by which counterfactuals are found"
    return ""


def _inapplicable(needs: frozenset[Need], card: ModelCard, data: DataCard) -> str:
    """Why the model or the data cannot be asked at all; empty if they can."""
    if "interventions" in needs and data.format not in REDRAWABLE:
        return (
            f"'{data.data}' are pictures as they are: only synthetic dermoscopy and clinical pictures can "
            "be drawn again with one attribute changed"
        )
    if "concepts" in needs and not data.concepts:
        return f"'{data.data}' declares no concepts"
    kind = FORMATS[card.format]
    if "reference-runtime" in needs and not kind.runtime:
        return _no_runtime(card)
    if "reference-kernels" in needs and len(kind.kernels) == 1:
        return f"{kind.runtime} has one kernel, with nothing to compare it to"
    if "vendor-input" in needs and card.vendor_input is None:
        return f"'{card.model}' states no other preprocessing of the device's app (vendor_input)"
    return ""


def _other_kind(needs: frozenset[Need], card: ModelCard, data: DataCard) -> str:
    """Why pictures and volumes do not go together; empty if they do."""
    volumes = data.format in VOLUMES
    if "pictures" in needs and (volumes or card.volume is not None):
        return "this check is about pictures, not about volumes"
    if volumes != (card.volume is not None):
        reads, has = ("pictures", "volumes") if volumes else ("volumes", "pictures")
        return f"'{card.model}' reads {reads}, '{data.data}' are {has}"
    return ""


def _no_runtime(card: ModelCard) -> str:
    if card.black_box is not None:
        return f"'{card.model}' is asked as it is: there is nothing to reproduce"
    return f"'{card.model}' runs in PyTorch itself: there is no other runtime to reproduce"
