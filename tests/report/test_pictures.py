import base64
import hashlib
from io import BytesIO

import numpy as np
from PIL import Image
from report_builders import picture

from auditkit.report.pictures import Pictures
from auditkit.results import Panel


def test_large_images_become_thumbnails(tmp_path):
    buffer = BytesIO()
    Image.fromarray(np.zeros((300, 1000, 3), np.uint8)).save(buffer, "PNG")
    (tmp_path / "a.png").write_bytes(buffer.getvalue())
    digest = hashlib.sha256(buffer.getvalue()).hexdigest()
    found = Pictures(tmp_path)[Panel(caption="", file="a.png", sha256=digest)]
    decoded = Image.open(BytesIO(base64.b64decode(found.uri.partition(",")[2])))
    assert decoded.size == (found.width, found.height) == (256, 77)


def test_one_digest_is_embedded_once(tmp_path, page):
    pictures = Pictures(tmp_path)
    panel = picture(tmp_path, 0)
    assert pictures[panel] is pictures[panel.model_copy(update={"caption": "again"})]
    assert page.count("data:image/webp") == 8


def test_images_beyond_the_budget_are_named(tmp_path):
    pictures = Pictures(tmp_path, budget=10_000)
    found = [pictures[picture(tmp_path, seed)] for seed in range(3)]
    assert [bool(each.uri) for each in found] == [True, False, False]
    assert "0.01 MB are spent: see images/" in found[1].missing


def test_nothing_outside_the_folder_is_read(tmp_path):
    panel = picture(tmp_path, 0)
    inside = tmp_path / "run"
    inside.mkdir()
    escaping = panel.model_copy(update={"file": f"../{panel.file}"})
    assert "outside" in Pictures(inside)[escaping].missing


def test_changed_file_is_not_shown(tmp_path):
    panel = picture(tmp_path, 0)
    (tmp_path / panel.file).write_bytes(b"other")
    assert "sha256" in Pictures(tmp_path)[panel].missing


def test_file_that_is_no_image_is_not_shown(tmp_path):
    (tmp_path / "a.png").write_bytes(b"text")
    digest = hashlib.sha256(b"text").hexdigest()
    panel = Panel(caption="", file="a.png", sha256=digest)
    assert "cannot be read as an image" in Pictures(tmp_path)[panel].missing
