"""The tutorial does what it says, from its own text."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from documents import DOCS, ROOT, blocks, write_files

PAGE = DOCS / "tutorial.md"
STATUS = "# exit status "


@pytest.fixture(scope="module")
def ran(tmp_path_factory):
    """Each command with what it wrote and its exit status, and the folder."""
    folder = tmp_path_factory.mktemp("tutorial")
    write_files(PAGE, folder)
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    environment = {**os.environ, "PATH": path, "PYTHONPATH": str(ROOT)}
    lines = [line for _, text in blocks(PAGE, "sh") for line in text.splitlines()]
    found = [
        (
            line,
            subprocess.run(
                line, shell=True, cwd=folder, env=environment, capture_output=True, text=True
            ),
        )
        for line in lines
    ]
    return found, folder


@pytest.mark.slow
def test_every_command_ends_as_the_page_says(ran):
    for line, command in ran[0]:
        expected = int(line.partition(STATUS)[2] or 0)
        assert command.returncode == expected, f"{line}\n{command.stdout}\n{command.stderr}"


@pytest.mark.slow
def test_the_verdicts_are_those_of_the_page(ran):
    written = "\n".join(command.stdout for _, command in ran[0])
    for _, text in blocks(PAGE, "text"):
        for line in text.splitlines():
            verdict, name = re.split(r"\s{2,}", line)[:2]
            assert re.search(rf"^{verdict}\s+{re.escape(name)}", written, re.MULTILINE), line


@pytest.mark.slow
def test_the_reports_are_where_the_page_looks_for_them(ran):
    for name in ("mine", "mended"):
        assert (ran[1] / "reports" / name / "report.html").exists()
        assert (ran[1] / "reports" / name / "results.json").exists()
