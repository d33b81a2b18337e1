"""`auditkit new project [FOLDER]`: audits, cards and a workflow around a user's own model and data."""

import argparse
import sys
from pathlib import Path

from auditkit.errors import AuditError

_OPTIONS = (
    ("model", "FILE", "the model's weights"),
    ("format", "NAME", "what reads them (auditkit list formats); default: by the file"),
    ("architecture", "NAME", "of torchvision or timm; default: what all tensors fit"),
    ("data", "PLACE", "a folder with a sub-folder per class, or a table (.csv, .parquet)"),
    ("name", "NAME", "of the model; default: the file's"),
    ("task", "NAME", "joins models and data; default: the data's name"),
    ("size", "PIXELS", "side of the input"),
    ("mean", "NUMBERS", "of the normalisation, such as 0.485,0.456,0.406"),
    ("std", "NUMBERS", "of the normalisation, such as 0.229,0.224,0.225"),
    ("classes", "NAMES", "in the order of the outputs, such as benign,malignant"),
    ("score", "CLASS", "the class that is looked for, or none"),
    ("output", "KIND", "logits or probabilities"),
    ("threshold", "NUMBER", "the device's own threshold of the score"),
    ("groups", "COLUMNS", "columns to report by, such as sex,site"),
    *(
        (f"{key}-column", "COLUMN", f"column of the {key}; '' for none")
        for key in ("image", "label", "patient", "mask", "split")
    ),
)


def add_commands(forms: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    """Add `project` to what `auditkit new` writes."""
    command = forms.add_parser(
        "project", help="audits, cards and a workflow around your own model and data"
    )
    command.add_argument(
        "folder", nargs="?", type=Path, default=Path(), metavar="FOLDER", help="default: this one"
    )
    for name, metavar, text in _OPTIONS:
        command.add_argument(f"--{name}", metavar=metavar, help=text)
    command.add_argument("--yes", action="store_true", help="ask nothing, take what was found")
    command.set_defaults(run=new_project)


def new_project(given: argparse.Namespace) -> int:
    """Look, ask, write all files or none, and say what is to be done next.

    Raises:
        AuditError: something is missing or not understood, or a file is there already.
    """
    from auditkit.data.quiet import quiet
    from auditkit.scaffolding.questions import answers
    from auditkit.scaffolding.settings import settings
    from auditkit.scaffolding.writing import planned, write

    root: Path = given.folder
    if root.exists() and not root.is_dir():
        raise AuditError(f"{root} is a file; a folder was expected")
    found = settings(root)
    with quiet():
        known = answers(given, interactive=not given.yes and sys.stdin.isatty())
    texts = planned(root, known, found)
    write(root, texts, found)
    for file in sorted(texts):
        sys.stdout.write(f"{file}\n")
    if found.file is not None:
        done = "added audit_cards" if found.existed else "new"
        sys.stdout.write(f"{found.file} ({done})\n")
    open_points = sum("# CHECK:" in line for text in texts.values() for line in text.splitlines())
    into = "" if root == Path() else f"cd {root} && "
    sys.stdout.write(
        f"\n{open_points} lines say CHECK: nobody has confirmed them; audits/README.md lists them. Then:\n"
        f"  {into}pytest audits --model {known.name}\n"
    )
    return 0
