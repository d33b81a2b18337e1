"""Small data sets on disk, for the tests of the formats."""

import csv
import io

import numpy as np
from PIL import Image

from auditkit.data import load_data
from auditkit.data.load import list_data
from auditkit.errors import AuditError
from auditkit.spec.data_card import DataCard


def card(folder, kind, /, **settings):
    """A card that lies in a folder."""
    found = DataCard.model_validate({"data": "d", "task": "t", "format": kind, **settings})
    return found.model_copy(update={"path": folder / "d.data.yaml"})


def load(folder, kind, labels=None, /, **settings):
    return load_data(card(folder, kind, **settings), labels)


def entries(folder, kind, /, **settings):
    return list_data(card(folder, kind, **settings)).entries


def picture(seed, size=(20, 30)):
    """Smooth noise: survives JPEG, differs from seed to seed."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 256, (5, 5, 3), dtype=np.uint8)
    return Image.fromarray(coarse).resize((size[1], size[0]), Image.Resampling.BICUBIC)


def save(path, seed=0, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(seed).save(path, **options)
    return path


def save_mask(path, box=(5, 5, 15, 10), size=(20, 30)):
    path.parent.mkdir(parents=True, exist_ok=True)
    mask = np.zeros(size, np.uint8)
    mask[box[1] : box[3], box[0] : box[2]] = 255
    Image.fromarray(mask).save(path)
    return path


def write_csv(path, rows, header=None):
    path.parent.mkdir(parents=True, exist_ok=True)
    text = io.StringIO()
    writer = csv.writer(text)
    if header:
        writer.writerow(header)
    writer.writerows(rows)
    path.write_text(text.getvalue())
    return path


def refusal(action):
    """The message of the AuditError that an action ends with; "" if it succeeds."""
    try:
        action()
    except AuditError as error:
        return str(error)
    return ""
