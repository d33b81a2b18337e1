r"""What each stand-in's counterfactuals find, for every training of its generator.

The planted attribute of each stand-in (fixtures/models) must come out with its sign and an interval away from
0; that of `scanoma-next`, which has none, inside the margin of the shipped audit. From the repository's root,
with the generators that are not shipped in a folder of their own::

    export AUDITKIT_CARDS=fixtures:build/counterfactuals/further
    python benchmarks/counterfactual_stand_ins.py [--images 200]
"""

import argparse
from pathlib import Path

import auditkit
from auditkit.errors import Unavailable
from auditkit.findings import Findings

# By model: what was planted, as it is measured, and its sign; 0: nothing.
PLANTED = {
    "scanoma": ("background.u", 1),
    "scanoma-next": ("background.u", 0),
    "deepderm": ("background.u", -1),
    "sscd": ("lesion.texture", 1),
    "modelderm-2018": ("lesion.L", 1),
    "siim-isic": ("background.L", -1),
}
SEEDS = (0, 1, 2)
MARGIN = 2.3


def told(findings: Findings, name: str) -> str:
    """A measurement in words."""
    found = findings[name].estimate
    return (
        findings[name].reason
        if found is None
        else f"{found.value:.4g} [{found.low:.3g}, {found.high:.3g}]"
    )


def recovered(findings: Findings, name: str, sign: int) -> str:
    """Whether the planted attribute is found, or its absence."""
    found = findings[name].estimate
    if found is None:
        return "no"
    if sign:
        return "yes" if min(sign * found.low, sign * found.high) > 0 else "no"
    return "yes" if found.low > -MARGIN and found.high < MARGIN else "no"


def row(name: str, seed: int, images: int) -> str:
    """A line of the table."""
    model, data = auditkit.load_model(name), auditkit.load_data("dermoscopy")
    asked = {"trained_on": "dermoscopy-training", "seed": seed, "images": images}
    attribute, sign = PLANTED[name]
    try:
        quality = auditkit.run("counterfactual", model, data, gallery=0, **asked)
    except Unavailable as missing:
        return f"| {name} | {seed} | not run: {missing} | | | | |"
    changed = auditkit.run(
        "counterfactual-attributes", model, data, attributes=[attribute], **asked
    )
    measure = f"difference[{attribute}]"
    cells = [told(quality, one) for one in ("consistency", "reconstruction_error", "mean_change")]
    cells += [f"{attribute} {told(changed, measure)}", recovered(changed, measure, sign)]
    return f"| {name} | {seed} | {' | '.join(cells)} |"


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--images", type=int, default=200)
    parser.add_argument("--models", nargs="+", choices=PLANTED, default=list(PLANTED))
    given = parser.parse_args()
    print("| model | seed | pairs on both sides | reconstruction | change | planted | found |")
    print("|---|---|---|---|---|---|---|")
    for name in given.models:
        for seed in SEEDS:
            print(row(name, seed, given.images), flush=True)


if __name__ == "__main__":
    assert Path("fixtures").is_dir(), "run it from the repository's root"
    main()
