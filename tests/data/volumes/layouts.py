"""Tiny data sets of volumes on disk, in exactly the layouts that are read."""

import gzip

import nibabel
import numpy as np

from data.cards import load, write_csv

SPACE = (4, 5, 6)
HEADER = ["id", "label", "patient", "t1", "t2", "mask", "box", "landmarks", "split", "site", "age"]
COLUMNS = {
    "id": "id",
    "patient": "patient",
    "mask": "mask",
    "box": "box",
    "landmarks": "landmarks",
    "split": "split",
    "groups": ["site"],
    "features": ["age"],
}
MAPPING = [
    "Grade",
    "BraTS_2017_subject_ID",
    "BraTS_2018_subject_ID",
    "TCGA_TCIA_subject_ID",
    "BraTS_2019_subject_ID",
    "BraTS_2020_subject_ID",
]


def ramp(seed=0, space=SPACE, kind=np.float32):
    """Every voxel another value, so that a turned or flipped axis shows."""
    return (np.arange(np.prod(space)).reshape(space) + 200 * seed + 1).astype(kind)


def save_npy(path, values):
    path.parent.mkdir(parents=True, exist_ok=True)
    np.save(path, values)
    return path


def save_nifti(path, values, affine=None, kind=nibabel.Nifti1Image):
    path.parent.mkdir(parents=True, exist_ok=True)
    nibabel.save(kind(values, np.diag([-1.0, -1.0, 1.0, 1.0]) if affine is None else affine), path)
    return path


def row(**cells):
    """A row of the table; what is not given is empty."""
    return [cells.get(name, "") for name in HEADER]


def table(folder, rows, **settings):
    """A data set of the format `volumes` with t1 and t2, of rows of `HEADER`."""
    write_csv(folder / "t.csv", rows, HEADER)
    kept = {"modalities": {"t1": "t1", "t2": "t2"}, **settings.pop("volumes", {})}
    given = {"file": "t.csv", "columns": COLUMNS, "positive": ["tumour"], "volumes": kept}
    return load(folder, "volumes", None, **{**given, **settings})


def two_cases(folder):
    """Rows of two whole cases, of .npy and of .nii.gz."""
    save_npy(folder / "a1.npy", ramp(0))
    save_npy(folder / "a2.npy", ramp(1))
    save_nifti(folder / "b1.nii.gz", ramp(2))
    save_nifti(folder / "b2.nii", ramp(3))
    return [
        row(id="a", label="tumour", patient="p", t1="a1.npy", t2="a2.npy", age="50", site="x"),
        row(id="b", label="none", patient="q", t1="b1.nii.gz", t2="b2.nii"),
    ]


def brats(folder, grades=("HGG", "LGG", "HGG"), suffix=".nii.gz"):
    """The training part of BraTS 2020, one case per grade."""
    rows = []
    for index, grade in enumerate(grades):
        name = f"BraTS20_Training_{index + 1:03d}"
        rows.append([grade, f"Brats17_{index}", "", "NA", "", name])
        for place, kind in enumerate(("t1", "t1ce", "t2", "flair")):
            values = ramp(4 * index + place, kind=np.int16)
            save_nifti(folder / name / f"{name}_{kind}{suffix}", values)
        labels = np.zeros(SPACE, np.uint8)
        labels[1, 2, 3], labels[1, 2, 4], labels[2, 2, 3] = 1, 2, 4
        save_nifti(folder / name / f"{name}_seg{suffix}", labels)
    write_csv(folder / "name_mapping.csv", rows, MAPPING)
    survival = [["BraTS20_Training_001", "60.463", "289", "GTR"]]
    header = ["Brats20ID", "Age", "Survival_days", "Extent_of_Resection"]
    write_csv(folder / "survival_info.csv", survival, header)
    return folder


def mrnet(folder, train=2, valid=1, side=8):
    """Both published parts of MRNet-v1.0, numbered through; the views have other numbers of slices."""
    number = 0
    for split, count in (("train", train), ("valid", valid)):
        names = [f"{number + i:04d}" for i in range(count)]
        for name in names:
            for place, view in enumerate(("axial", "coronal", "sagittal")):
                generator = np.random.default_rng([int(name), place])
                values = generator.integers(0, 256, (3 + place, side, side), dtype=np.uint8)
                save_npy(folder / split / view / f"{name}.npy", values)
        for shift, finding in enumerate(("abnormal", "acl", "meniscus")):
            labels = [[name, (int(name) + shift) % 2] for name in names]
            write_csv(folder / f"{split}-{finding}.csv", labels)
        number += count
    return folder


def gzipped_again(path, change):
    """A .nii.gz whose uncompressed bytes were changed."""
    raw = bytearray(gzip.decompress(path.read_bytes()))
    change(raw)
    path.write_bytes(gzip.compress(bytes(raw)))
    return path
