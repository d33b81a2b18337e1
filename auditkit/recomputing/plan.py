"""The recorded audits, loaded again from the specs and cards in the root folder."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from auditkit.errors import AuditError
from auditkit.recomputing.outcome import Remark
from auditkit.results import AuditResult, Results
from auditkit.spec.applying import Planned
from auditkit.spec.audit import AuditSpec
from auditkit.spec.beside import beside
from auditkit.spec.catalogue import Catalogue, catalogue, checks
from auditkit.spec.data_card import DataCard
from auditkit.spec.load import SPEC_SUFFIXES, Audit, find_specs
from auditkit.spec.model_card import ModelCard
from auditkit.spec.profile import Profile, read_profile
from auditkit.spec.selection import planned_audit


@dataclass(frozen=True)
class Plan:
    """What is judged again.

    Attributes:
        planned: specs with their expectations, by file as it is recorded.
        tests: audits that tests asked for, by id; their parameters are the recorded ones.
        models: cards by name.
        neighbours: further specs beside them, which they may assume.
        remarks: what could not be loaded.
        release: whether the run's profile gates a release.
    """

    planned: dict[str, Planned] = field(default_factory=dict)
    tests: dict[str, Audit] = field(default_factory=dict)
    models: dict[str, ModelCard] = field(default_factory=dict)
    neighbours: dict[str, Audit] = field(default_factory=dict)
    remarks: list[Remark] = field(default_factory=list)
    release: bool = False

    @property
    def audits(self) -> dict[str, Audit]:
        """All audits that may be assumed, by id."""
        own = {planned.audit.id: planned.audit for planned in self.planned.values()}
        return {**self.neighbours, **own}

    def audit(self, recorded: AuditResult) -> Audit | None:
        """The audit that a result is of."""
        planned = self.planned.get(recorded.file)
        return planned.audit if planned is not None else self.tests.get(recorded.audit)


@dataclass(frozen=True)
class _Loader:
    results: Results
    root: Path
    cards: Catalogue
    profile: Profile | None
    plan: Plan

    def refuse(self, what: str, where: str, error: AuditError) -> None:
        self.plan.remarks.append(
            Remark(kind="not confirmed", what=what, where=where, text=f"cannot be loaded: {error}")
        )

    def models(self) -> None:
        for model in self.results.models:
            try:
                card = self.cards.model(str(self.root / model.card))
            except AuditError as error:
                self.refuse("model", model.model, error)
                continue
            self.plan.models[card.model] = card

    def specs(self) -> None:
        for file in dict.fromkeys(verdict.file for verdict in self.results.verdicts):
            if not file.endswith(SPEC_SUFFIXES):
                continue
            try:
                self.plan.planned[file] = self._load(self.root / file)
            except AuditError as error:
                self.refuse("spec", file, error)
        for folder in {(self.root / file).parent for file in self.plan.planned}:
            self._neighbours(folder)

    def _neighbours(self, folder: Path) -> None:
        """Specs that others of their folder may assume; a broken one is assumed by none that ran."""
        known = {planned.audit.path for planned in self.plan.planned.values()}
        for path in find_specs([folder]):
            if path not in known:
                try:
                    audit = self._load(path).audit
                except AuditError:
                    continue
                self.plan.neighbours.setdefault(audit.id, audit)

    def _load(self, path: Path) -> Planned:
        return planned_audit(path, self.cards, self.profile, self._replaced)

    def _replaced(self, audit: Audit) -> DataCard:
        """The data card that the run used in place of the spec's, if it did."""
        used = {each.data for each in self.results.audits if each.audit == audit.id}
        if not used or audit.data.data in used:
            return audit.data
        return self._data(used.pop())

    def _data(self, name: str) -> DataCard:
        """A data card by name; by its place, if it was given by its path."""
        known = self.cards.data_sets()
        return known[name] if name in known else self.cards.data(name)

    def tests(self) -> None:
        for recorded in self.results.audits:
            if recorded.file.endswith(SPEC_SUFFIXES) or recorded.audit in self.plan.tests:
                continue
            try:
                self.plan.tests[recorded.audit] = self._test(recorded)
            except (AuditError, ValueError) as error:
                self.refuse("audit", recorded.audit, AuditError(str(error)))

    def _test(self, recorded: AuditResult) -> Audit:
        """An audit that a test asked for; the test itself is code, and is not run."""
        known = checks()
        if recorded.check not in known:
            raise AuditError(f"there is no check '{recorded.check}' here")
        declaration, data = known[recorded.check], self._data(recorded.data)
        parameters = declaration.parameters.model_validate(recorded.parameters)
        spec = AuditSpec.model_construct(
            audit=recorded.audit, check=recorded.check, data=recorded.data, assumes=[], expect=[]
        )
        cards = beside(parameters, data, self.cards)
        path = self.root / recorded.file
        return Audit(spec, declaration, parameters, data, path, recorded.sha256, (), cards)


def load_plan(results: Results, root: Path, folders: Sequence[Path]) -> Plan:
    """Everything that was recorded, from the root folder.

    Args:
        results: the record.
        root: in which specs and cards lie as they did.
        folders: with cards; if none, those of the recorded cards.
    """
    profile = _profile(results, root)
    plan = Plan(release=profile is not None and profile.spec.release)
    cards = catalogue(folders or _folders(results, root))
    loader = _Loader(results, root, cards, profile, plan)
    loader.models()
    loader.specs()
    loader.tests()
    return plan


def _profile(results: Results, root: Path) -> Profile | None:
    return None if results.profile is None else read_profile(root / results.profile.file)


def _folders(results: Results, root: Path) -> list[Path]:
    """Where the recorded cards lie; a folder in another one is a part of it."""
    cards = [each.card for each in results.models]
    cards += [each.file for each in results.sources if each.kind.endswith("card")]
    return list(_outermost({(root / card).parent.resolve() for card in cards}))


def _outermost(folders: Iterable[Path]) -> Iterator[Path]:
    found = set(folders)
    return (one for one in sorted(found) if not found & set(one.parents))
