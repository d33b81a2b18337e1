"""A project to measure on: many small picture files on disk, a card, a spec and a pytest.ini.

The pictures are 1,000 rendered lesions, turned, mirrored and recoloured, so that 20,000 files of different
content are there within a minute. They are made once per folder and kept.
"""

import configparser
import csv
import io
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image

from auditkit.data.synthetic.cases import sample_case
from auditkit.data.synthetic.dermoscopy import render

ROOT = Path(__file__).resolve().parents[1]
SIDE, SEED, RENDERED, PER_FOLDER = 128, 20_000, 1_000, 1_000
DIRECTIONS = ("pink", "yellow", "teal", "blue")

CARD = """\
data: colours-{n}
title: {n} small pictures, for measuring only
task: melanoma
stand_in: Rendered lesions, turned and recoloured by benchmarks/scale_data.py.
format: table
file: ../pictures/{n}.csv
columns: {{image: image, label: label, patient: patient, groups: [site]}}
licence: CC0-1.0
source: benchmarks/scale_data.py
dossier: {{file: {dossier}}}
"""

SPEC = """\
audit: colours-{n}
check: colour-shift
title: Predictions hold when the light changes, {n} pictures
data: colours-{n}
with: {{radius: {radius}, angles: {angles}, directions: [{directions}]}}
expect:
{expectations}
"""


def project(folder: Path, sizes: Sequence[int], *, radii: int = 1, angles: int = 4) -> Path:
    """A folder in which ``pytest colours-N.audit.yaml --model NAME`` audits N pictures.

    Args:
        folder: of the project; pictures that are there are kept.
        sizes: numbers of pictures, one data card and one spec each.
        radii: number of radii of the shift, 5 and 10 and so on.
        angles: even directions of the circle, beside the four named ones.
    """
    rows = pictures(folder / "pictures", max(sizes))
    for name in ("cards", "audits"):
        (folder / name).mkdir(parents=True, exist_ok=True)
    dossier = ROOT / "fixtures" / "dossiers" / "synthetic.dossier.yaml"
    for n in sizes:
        table(folder / "pictures" / f"{n}.csv", rows[:n])
        card = folder / "cards" / f"colours-{n}.data.yaml"
        card.write_text(CARD.format(n=n, dossier=dossier), encoding="utf-8")
        spec = folder / "audits" / f"colours-{n}.audit.yaml"
        spec.write_text(spec_text(n, radii, angles), encoding="utf-8")
    settings = configparser.ConfigParser()
    settings["pytest"] = {
        "audit_cards": f"{ROOT / 'fixtures'} cards",
        "addopts": "-p no:cacheprovider",
    }
    with (folder / "pytest.ini").open("w", encoding="utf-8") as file:
        settings.write(file)
    return folder


def spec_text(n: int, radii: int, angles: int) -> str:
    """A spec of the check `colour-shift` with one expectation per named direction."""
    radius = [5 * (step + 1) for step in range(radii)]
    expectations = "\n".join(
        f"  - {{measure: {name}.mean_change, at: {{radius: 5}}, between: [-0.9, 0.9]}}"
        for name in DIRECTIONS
    )
    return SPEC.format(
        n=n,
        radius=radius,
        angles=angles,
        directions=", ".join(DIRECTIONS),
        expectations=expectations,
    )


def pictures(folder: Path, n: int) -> list[dict[str, str]]:
    """Write those of the first n pictures that are not there; a row of the table for each."""
    cases = [sample_case(SEED, index, images_per_patient=2) for index in range(min(n, RENDERED))]
    drawn: dict[int, np.ndarray] = {}
    rows = []
    for index in range(n):
        place = folder / f"{index // PER_FOLDER:03d}" / f"{index:06d}.jpg"
        if not place.exists():
            kind = index % len(cases)
            if kind not in drawn:
                drawn[kind] = render(cases[kind], SIDE)[0]
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(jpeg(varied(drawn[kind], index)))
        case = cases[index % len(cases)]
        patient = f"{index // RENDERED:03d}-{case.patient}"
        row = (place.relative_to(folder).as_posix(), str(case.label), patient, f"site {index % 5}")
        rows.append(dict(zip(("image", "label", "patient", "site"), row, strict=True)))
    return rows


def varied(picture: np.ndarray, index: int) -> np.ndarray:
    """One of the eight turns of a picture with a colour cast of its own; its content depends on the index."""
    generator = np.random.default_rng((SEED, index))
    turned = np.rot90(picture, int(generator.integers(4)))
    turned = turned[:, ::-1] if generator.integers(2) else turned
    cast = generator.normal(0, 6, 3) + generator.normal(0, 2, turned.shape)
    return np.clip(turned + cast, 0, 255).astype(np.uint8)


def jpeg(picture: np.ndarray) -> bytes:
    """The picture's file."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(picture)).save(buffer, "JPEG", quality=85)
    return buffer.getvalue()


def table(path: Path, rows: Sequence[dict[str, str]]) -> None:
    """A data set's table."""
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
