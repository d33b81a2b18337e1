"""Collecting ``*.audit.yaml``: one item per expectation and model. Parses and validates, nothing more."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from auditkit.errors import AuditError
from auditkit.plugin.keys import AUDITS, OPTIONS, OTHER_TASKS, PLANNED
from auditkit.spec.applying import Planned
from auditkit.spec.audit import Expectation
from auditkit.spec.load import (
    SPEC_SUFFIXES,
    Audit,
    check_assumptions,
    find_specs,
)
from auditkit.spec.model_card import ModelCard
from auditkit.spec.selection import planned_audit


def pytest_collect_file(file_path: Path, parent: pytest.Collector) -> "AuditFile | None":
    """Take the files that are audit specs."""
    if file_path.name.endswith(SPEC_SUFFIXES):
        return AuditFile.from_parent(parent, path=file_path)
    return None


class AuditFile(pytest.File):
    """A spec file."""

    def collect(self) -> Iterator["AuditItem"]:
        """One item per expectation and model, in the order of the spec and of the command line."""
        options = self.config.stash[OPTIONS]
        try:
            planned = self._load(self.path)
            audit = planned.audit
            known = self._with_assumed(audit)
        except AuditError as error:
            raise self.CollectError(str(error)) from error
        if not options.models:
            known_names = ", ".join(options.catalogue.models()) or "none"
            raise self.CollectError(
                f"{self.path}: no model to audit was named; add --model NAME (known: {known_names}), or "
                "set audit_models in the ini file"
            )
        self._remember(audit, known)
        concerned = [card for card in options.models if card.task == audit.data.task]
        if not concerned:
            others = self.config.stash.setdefault(OTHER_TASKS, {})
            others[audit.data.task] = others.get(audit.data.task, 0) + 1
        for card in concerned:
            for index in range(len(audit.spec.expect)):
                yield self._item(planned, card, index)

    def _item(self, planned: Planned, card: ModelCard, index: int) -> "AuditItem":
        audit = planned.audit
        expectation, by_profile = planned.expectation(index, card.model)
        # A profile may change a severity, which the key names: the test's name stays that of the spec.
        name = f"{audit.id}.{planned.keys[index]}[{card.model}]"
        # The id is also given as text: since pytest 9.2 a made-up name with brackets is not found by --lf.
        item: AuditItem = AuditItem.from_parent(
            self,
            name=name,
            nodeid=f"{self.nodeid}::{name}",
            audit=audit,
            card=card,
            expectation=expectation,
            line=audit.lines[index],
        )
        item.left_out = planned.left_out
        profile = self.config.stash[OPTIONS].profile
        if by_profile and profile is not None:
            item.waiver_origin = profile.path
        if planned.left_out:
            _leave_out(self.config)
        for mark in audit.spec.marks:
            try:
                item.add_marker(getattr(pytest.mark, mark))
            except (AttributeError, pytest.fail.Exception) as error:
                raise self.CollectError(f"{self.path}: marks: {error}") from error
        return item

    def _load(self, path: Path) -> Planned:
        loaded = self.config.stash.setdefault(PLANNED, {})
        if path not in loaded:
            options = self.config.stash[OPTIONS]
            loaded[path] = planned_audit(
                path,
                options.catalogue,
                options.profile,
                lambda audit: options.replaced(audit.data),
            )
        return loaded[path]

    def _with_assumed(self, audit: Audit) -> list[Audit]:
        """The audit, and its neighbours in the folder if it rests on any."""
        found = [audit]
        if audit.spec.assumes or audit.check.rests_on or audit.check.combines:
            for path in find_specs([self.path.parent]):
                if path != self.path:
                    try:
                        found.append(self._load(path).audit)
                    except AuditError:
                        continue  # its own collection says what is wrong with it
            check_assumptions(found)
        return found

    def _remember(self, audit: Audit, found: list[Audit]) -> None:
        audits = self.config.stash.setdefault(AUDITS, {})
        before = audits.get(audit.id)
        if before is not None and before.path != audit.path:
            raise self.CollectError(
                f"{self.path}: audit id '{audit.id}' is already used in {before.path}; rename one"
            )
        for each in found:
            audits.setdefault(each.id, each)


class AuditItem(pytest.Item):
    """One expectation about one model."""

    def __init__(
        self, *, audit: Audit, card: ModelCard, expectation: Expectation, line: int, **kwargs: Any
    ) -> None:
        super().__init__(**kwargs)
        self.audit, self.card, self.expectation, self.line = audit, card, expectation, line
        self.left_out = ""
        self.waiver_origin = self.path
        self.extra_keyword_matches.update({audit.id, audit.check.name, card.model, card.task})

    def setup(self) -> None:
        """Gather evidence and judge; what raises here is an error, not a failure."""
        from auditkit.plugin.judging import judge_item

        judge_item(self)

    def runtest(self) -> None:
        """Fail unless the verdict is a pass."""
        from auditkit.plugin.judging import raise_verdict

        raise_verdict(self)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException], style: Any = None) -> Any:
        """The verdict in two lines; a traceback only for what is not ours."""
        from auditkit.plugin.judging import NotPassed

        if isinstance(excinfo.value, NotPassed | AuditError):
            place = f"{self.path.name}:{self.line}"
            return f"{excinfo.value}\n\n{place}: {self.audit.spec.title or self.audit.id}"
        return super().repr_failure(excinfo, style)

    def reportinfo(self) -> tuple[Path, int, str]:
        """The expectation's own line, from 0, for editors and annotations."""
        return self.path, self.line - 1, self.name


@dataclass(frozen=True)
class LeftOut:
    """Deselects what a profile leaves out, so that it is counted as not judged."""

    config: pytest.Config

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Take the items of left-out audits out of the run."""
        left_out = [item for item in items if isinstance(item, AuditItem) and item.left_out]
        if left_out:
            items[:] = [item for item in items if not getattr(item, "left_out", "")]
            self.config.hook.pytest_deselected(items=left_out)


def _leave_out(config: pytest.Config) -> None:
    """Register the above once, where a profile leaves something out."""
    if not config.pluginmanager.has_plugin("auditkit-left-out"):
        config.pluginmanager.register(LeftOut(config), "auditkit-left-out")
