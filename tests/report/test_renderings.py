"""Every rendering is a function of results.json, the pictures and a language: the same bytes again."""

import hashlib
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import report_samples

from auditkit.errors import AuditError
from auditkit.report.language import Language
from auditkit.report.pdf import engine
from auditkit.report.renderings import RENDERINGS
from auditkit.results import read_results, to_json
from auditkit.results.folder import JUNIT

AGAIN = """
import hashlib, json, sys
from pathlib import Path
from auditkit.report.language import Language
from auditkit.report.renderings import RENDERINGS
from auditkit.results import read_results
folder = Path(sys.argv[1])
results = read_results(folder / "results.json")
print(json.dumps({
    name: hashlib.sha256(each.render(results, folder, Language("en"))).hexdigest()
    for name, each in RENDERINGS.items() if name in sys.argv[2:]
}))
"""


@pytest.fixture(scope="module")
def stored(tmp_path_factory):
    folder = tmp_path_factory.mktemp("stored")
    results = report_samples.blocked(folder)
    small = results.model_copy(update={"audits": results.audits[2:3]})
    (folder / "results.json").write_text(to_json(small), encoding="utf-8")
    return folder


@pytest.fixture(scope="module")
def names():
    """All formats, a PDF only where it can be made."""
    try:
        engine()
    except AuditError:
        return [name for name in RENDERINGS if name != "pdf"]
    return list(RENDERINGS)


def test_another_process_gives_the_same_bytes(stored, names):
    results = read_results(stored / "results.json")
    here = {
        name: hashlib.sha256(RENDERINGS[name].render(results, stored, Language("en"))).hexdigest()
        for name in names
    }
    told = subprocess.run(
        [sys.executable, "-c", AGAIN, str(stored), *names],
        env={**os.environ, "PYTHONHASHSEED": "4711", "TZ": "Asia/Tokyo"},
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(told.stdout) == here


def test_every_rendering_has_a_file_of_its_own():
    files = [each.file for each in RENDERINGS.values()]
    assert len(set(files)) == len(files)
    assert JUNIT not in files
    assert all(Path(file).name == file for file in files)


@pytest.mark.parametrize("name", ["markdown", "junit", "terminal"])
def test_small_renderings_need_no_figures(stored, name):
    script = AGAIN + "\nassert 'matplotlib' not in sys.modules and 'torch' not in sys.modules"
    subprocess.run(
        [sys.executable, "-c", script, str(stored), name], check=True, capture_output=True
    )
