"""What triangulation says of the stand-ins, in which something is planted, and whether that comes first.

    for model in scanoma scanoma-next deepderm siim-isic modelderm-2018 sscd; do
      pytest audits/dermoscopy -k what-it-reads --model $model --audit-report reports/stand-ins/$model
    done
    python benchmarks/triangulation_stand_ins.py reports/stand-ins --write docs/checks/triangulation.md

Reads the runs' results.json (marked long: minutes per model, with evidence in the store seconds). Exit
status 1 if what is planted does not come first somewhere, in the planted direction.
"""

import argparse
import json
import sys
from pathlib import Path

from figures_in_page import put

AUDIT = "what-it-reads"
HIGHER, LOWER = "more of it raises the score", "more of it lowers the score"
# Attributes of the spec that are what docs/devices.md says was planted, and their direction.
PLANTED: dict[str, dict[str, str]] = {
    "scanoma": {"pink tint": HIGHER},
    "scanoma-next": {},
    "deepderm": {"pink tint": LOWER},
    "siim-isic": {"dark skin": HIGHER, "brightness": LOWER},
    "modelderm-2018": {"dark lesion": LOWER},
    "sscd": {"texture of the lesion": HIGHER},
}
# What belongs to the lesion is read rightly, also by a model in which nothing is planted.
LESION = {"blue-white veil", "dark lesion", "texture of the lesion"}


def conclusions(folder: Path) -> tuple[list[str], dict[str, str], str]:
    """Sentences, conclusions by attribute, and the attribute with the strongest evidence."""
    results = json.loads((folder / "results.json").read_text(encoding="utf-8"))
    (audit,) = [one for one in results["audits"] if one["audit"] == AUDIT]
    named = {one["name"]: one["choice"]["value"] for one in audit["measurements"]}
    first = named.pop("first")
    return audit["notes"], {name[11:-1]: value for name, value in named.items()}, first


def named_first(model: str, first: str, notes: list[str], found: dict[str, str]) -> bool:
    """Whether what is planted comes first, in its direction; of nothing, whether no fault is established."""
    planted = PLANTED[model]
    if not planted:
        return not any(of == "established" for name, of in found.items() if name not in LESION)
    return first in planted and planted[first] in notes[0]


def row(model: str, folder: Path) -> tuple[str, bool]:
    """A line of the table."""
    notes, found, first = conclusions(folder)
    right = named_first(model, first, notes, found)
    planted = ", ".join(f"{name} ({direction})" for name, direction in PLANTED[model].items())
    others = ", ".join(
        f"{name} {conclusion}"
        for name, conclusion in found.items()
        if name != first and conclusion in ("established", "contradicted", "suggested")
    )
    told = next((note for note in notes if note.startswith(f"{first}: ")), "none")
    word = "yes" if right else "**no**"
    return f"| {model} | {planted or 'nothing'} | {told} | {others or 'none'} | {word} |", right


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("reports", type=Path, help="folder with a report per model")
    parser.add_argument("--write", type=Path, help="page to write the table into")
    given = parser.parse_args()
    lines = [
        "| stand-in | planted | first | other attributes with an effect | as planted |",
        "|---|---|---|---|---|",
    ]
    every = []
    for model, planted in PLANTED.items():
        if (given.reports / model / "results.json").exists():
            line, right = row(model, given.reports / model)
            every.append(right)
        else:
            line = f"| {model} | {', '.join(planted) or 'nothing'} | not run | | |"
        lines.append(line)
    text = "\n".join(lines)
    print(text)
    if given.write:
        put(given.write, "stand-ins", text)
    return 0 if every and all(every) else 1


if __name__ == "__main__":
    sys.exit(main())
