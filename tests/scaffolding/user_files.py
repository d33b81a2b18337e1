"""What a newcomer has: a weights file and pictures, in folders or beside a table."""

import csv
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

LABELS = ("benign", "malignant")


def picture(index: int, side: int = 40) -> Image.Image:
    """A spot on noise; brighter where the index is odd."""
    noise = np.random.default_rng(index).integers(90, 160, (side, side, 3), dtype=np.uint8)
    drawn = Image.fromarray(noise)
    box = (12 + index % 5, 12, 28, 28)
    ImageDraw.Draw(drawn).ellipse(box, fill=(200, 160, 150) if index % 2 else (90, 50, 40))
    return drawn


def class_folders(folder: Path, count: int = 8) -> Path:
    """One sub-folder per class."""
    for index in range(count):
        place = folder / LABELS[index % 2]
        place.mkdir(parents=True, exist_ok=True)
        picture(index).save(place / f"{index}.png")
    return folder


def table(folder: Path, count: int = 8) -> Path:
    """Pictures with masks beside a CSV table with patients and groups."""
    folder.mkdir(parents=True)
    mask = Image.new("L", (40, 40))
    ImageDraw.Draw(mask).ellipse((12, 12, 28, 28), fill=255)
    rows = []
    for index in range(count):
        picture(index).save(folder / f"{index}.png")
        mask.save(folder / f"{index}-mask.png")
        rows.append(
            {
                "filename": f"{index}.png",
                "diagnosis": LABELS[index % 2],
                "patient_id": f"p{index // 2}",
                "mask": f"{index}-mask.png",
                "sex": "female" if index < count // 2 else "male",
                "remark": f"free text {index}",
            }
        )
    with (folder / "pictures.csv").open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder / "pictures.csv"
