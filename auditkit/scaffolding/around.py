"""What stands around cards and specs: the workflow, the page of what to do next, the ignored folders."""

from collections.abc import Iterable
from pathlib import Path

from auditkit.scaffolding.answers import Answers
from auditkit.scaffolding.cards import CHECK
from auditkit.spec.formats import FORMATS

WORKFLOW = Path(".github/workflows/audit.yml")
IGNORED = "# Evidence and reports of auditkit: computed, large, and kept elsewhere.\n.auditkit/\nreports/\n"
_WORKFLOW = """\
# Audits the model at every push and every night; a verdict that is not met is a red job.
# docs/ci.md of auditkit: signing, profiles, baselines, GitLab, Jenkins, and how long to keep reports.
name: audit
on:
  push:
  workflow_dispatch:
  schedule:
    - cron: "17 2 * * *"
permissions:
  contents: read
jobs:
  audit:
    runs-on: ubuntu-latest
    timeout-minutes: 120
    steps:
      {check} weights and pictures must be in the checkout, or be fetched here before the audit.
      - uses: actions/checkout@v4
      - uses: actions/setup-python@v5
        with:
          python-version: "3.11"
      - run: python -m pip install "{install}"
      - run: auditkit doctor .
      # What has not changed is not computed again.
      - uses: actions/cache/restore@v4
        with:
          path: .auditkit/store
          key: evidence-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
          restore-keys: evidence-
      - run: python -m pytest audits --model {name} --audit-report reports/audit
      - uses: actions/cache/save@v4
        if: ${{{{ !cancelled() }}}}
        with:
          path: .auditkit/store
          key: evidence-${{{{ github.run_id }}}}-${{{{ github.run_attempt }}}}
      - uses: actions/upload-artifact@v4
        if: ${{{{ !cancelled() }}}}
        with:
          name: audit-report
          path: reports/audit
          if-no-files-found: error
"""
_NEXT = """\
# Audits of {name}

    {pip}auditkit doctor .                     # is everything here that the audits need?
    auditkit validate audits {cards}        # are specs and cards well formed?
    auditkit data check {data}            # missing files, copies, leakage
    auditkit plan audits --model {name}    # how long will it take?
    pytest audits --model {name}           # the audit; the report is reports/<run>/report.html

What was seen in your files is filled in. What could not be known says `CHECK`: go through these lines and
take the word out once somebody has confirmed them.

{open_points}

Expectations that were not derived from your intended use are *advisory*, or ask for more than chance alone:
say what the model must reach, and why. Specs and cards complete in editors with a YAML language server, which
reads the first comment of each file (`schemas/`). After an update of auditkit:
`auditkit schema audit > schemas/audit.schema.json`, and so with `model` and `data`.
"""


def install_line(known: Answers) -> str:
    """What pip has to install."""
    extra = FORMATS[known.model.format].extra
    return f"pytest-auditkit[{extra}]" if extra else "pytest-auditkit"


def workflow(known: Answers) -> str:
    """A GitHub workflow."""
    return _WORKFLOW.format(check=CHECK, install=install_line(known), name=known.name)


def next_steps(known: Answers, cards: str, texts: Iterable[tuple[Path, str]]) -> str:
    """The page of what to do next, with every line that is to be checked."""
    return _NEXT.format(
        name=known.name,
        data=known.data_name,
        cards=cards,
        pip=f'pip install "{install_line(known)}"\n    ',
        open_points="\n".join(_open_points(texts)) or "(none)",
    )


def _open_points(texts: Iterable[tuple[Path, str]]) -> Iterable[str]:
    for file, text in texts:
        for number, line in enumerate(text.splitlines(), start=1):
            if CHECK in line:
                before, _, why = line.partition(CHECK)
                what = before.strip(" #-")
                yield f"- {file.as_posix()}:{number}: {f'`{what}`: ' if what else ''}{why.strip()}"
