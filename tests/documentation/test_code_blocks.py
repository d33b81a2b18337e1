"""Code blocks of the documentation can be read by what they are written for."""

import ast
import shutil
import subprocess

import pytest
from documents import READ_BY_PEOPLE, ROOT, blocks

SHELL = shutil.which("bash")


def _cases(language):
    for page in READ_BY_PEOPLE:
        for line, text in blocks(page, language):
            yield pytest.param(text, id=f"{page.relative_to(ROOT)}:{line}")


@pytest.mark.parametrize("text", list(_cases("python")))
def test_python_can_be_parsed(text):
    ast.parse(text)


def test_shell_can_be_parsed():
    if SHELL is None:
        pytest.skip("bash is not on this machine")
    for case in _cases("sh"):
        read = subprocess.run([SHELL, "-n"], input=case.values[0], text=True, capture_output=True)
        assert read.returncode == 0, f"{case.id}: {read.stderr}"
