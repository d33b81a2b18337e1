"""Writes docs/proficiency.md, its figure and what reports show, from studies.

    python benchmarks/proficiency_page.py build/first.json build/fresh.json --trained build/trained.json

What is stated (from which strength on) comes from the first study; how often it is found, from the fresh one.
"""

import argparse
import json
from pathlib import Path

import matplotlib as mpl
from figures_in_page import put, row
from proficiency_trained import lines

from auditkit.commands.proficiency_text import words
from auditkit.proficiency.faults import FAULTS
from auditkit.proficiency.result import Proficiency, pooled, rate_of, read

mpl.use("svg")
PAGE = Path("docs/proficiency.md")
SHIPPED = Path("auditkit/proficiency/shipped.json")


def at_words(one):
    at = ", ".join(f"{k} {v}" if isinstance(v, str) else f"{k} {v:g}" for k, v in one.at.items())
    return f" at {at}" if at else ""


def faults_table():
    kinds = {
        "reads": "added to the log-odds: strength x the attribute in standard deviations",
        "group": "share of the group that is answered as others of it",
        "calibration": "the log-odds are (1 + strength) times too large",
        "device": "as the first, in the device's runtime alone",
        "rounding": "the device's log-odds are rounded to whole steps of it",
    }
    yield row(["fault", "attribute", "what the strength is", "strengths"])
    yield row(["---"] * 4)
    for fault in FAULTS.values():
        attribute = (
            f"{'-' if fault.sign < 0 else '+'} `{fault.quantity}`"
            if fault.quantity
            else " = ".join(filter(None, fault.group))
        )
        yield row(
            [fault.name, attribute, kinds[fault.kind], ", ".join(f"{s:g}" for s in fault.strengths)]
        )


def audits_table(first, fresh):
    yield row(
        [
            "audit",
            "images",
            "fault",
            "found from strength",
            "there, on fresh seeds",
            "false alarms beside it",
        ]
    )
    yield row(["---"] * 6)
    for audit in first.audits:
        again = next((one for one in fresh.audits if one.audit == audit.audit), None)
        name = f"{audit.audit} ([{audit.check}](checks/{audit.check}.md))"
        yield row([name, str(audit.images), "none", "", "", words((again or audit).clean)])
        for fault in audit.faults:
            if not any(at.detected.n for at in fault.strengths):
                continue
            alarms = words(pooled([at.false_alarms for at in fault.strengths]))
            if fault.stated is None:
                strongest = fault.strengths[-1]
                cells = ["**none**", f"strongest: {words(strongest.detected)}"]
            elif again is None:
                there = next(at for at in fault.strengths if at.strength == fault.stated)
                cells = [f"{fault.stated:g}", f"not repeated (first: {words(there.detected)})"]
            else:
                same = next(one for one in again.faults if one.fault == fault.fault)
                there = next(at for at in same.strengths if at.strength == fault.stated)
                cells = [f"{fault.stated:g}", words(there.detected)]
            yield row(["", "", fault.fault, *cells, alarms])


def found_text(first, fresh):
    """What was planted in what, and the worst of what was found."""
    there = [
        (fault.strengths[0], f"{fault.fault}, `{audit.audit}`")
        for audit in fresh.audits
        if (audit.audit, audit.images) in {(one.audit, one.images) for one in first.audits}
        for fault in audit.faults
    ]
    least, named = min(there, key=lambda one: one[0].detected.value)
    most, beside = max(there, key=lambda one: one[0].false_alarms.value)
    every = words(pooled([at.false_alarms for at, _ in there]))
    return (
        f"## What was found\n\nFaults planted in the answers of `{first.model}`: {first.models} models per "
        "fault and strength, each audited once on a sample of its own. What is stated, the smallest strength "
        "from which on more than 95 % are found (lower limit), comes from a first study (seeds from "
        f"{first.first_seed}), as do false alarms beside a fault, which are of all its strengths. How often "
        f"it is found there comes from fresh seeds (from {fresh.first_seed}), as do false alarms without a "
        f"fault: {100 * least.detected.value:.1f} % at least ({named}); beside a fault at that strength "
        f"false alarms in {every}, at most in {words(most.false_alarms)} ({beside}).\n"
    )


def expectations_table(first):
    yield row(
        [
            "audit",
            "expectation",
            "true value found in over 95 %",
            "how often",
            "false alarms without a fault",
        ]
    )
    yield row(["---"] * 5)
    for audit in first.audits:
        for one in audit.expectations:
            name = f"`{one.measure}`{at_words(one)} {one.expected}"
            found = [
                (f"{min(p.low, p.high, key=abs):.3g}", words(p.detected)) for p in one.detects
            ] or [unstated(one)]
            yield row(
                [
                    audit.audit,
                    name,
                    "; ".join(f[0] for f in found),
                    "; ".join(f[1] for f in found),
                    words(one.false_alarms),
                ]
            )


def unstated(one):
    """Why an expectation has no true value from which on every violation is found in over 95 %."""
    if not one.curve:
        return "none planted", ""
    furthest = one.curve[0] if one.expected.startswith("above") else one.curve[-1]
    best = max(one.curve, key=lambda point: point.detected.low)
    said = [f"{p.low:.3g} to {p.high:.3g}: {words(p.detected)}" for p in (best, furthest)]
    return "none", "; furthest off, ".join(dict.fromkeys(said))


def unseen(first):
    for audit in first.audits:
        names = [
            fault.fault
            for fault in audit.faults
            if not any(at.detected.n for at in fault.strengths)
        ]
        if names:
            yield f"- `{audit.audit}` does not see, whatever the strength: {', '.join(names)}."
    for audit, reason in first.not_composed.items():
        yield f"- `{audit}` is not studied: {reason}."


def family_text(fresh):
    found = fresh.family
    if found is None:
        return "A family of audits was not studied."
    names = ", ".join(f"`{name}`" for name in found.audits)
    return (
        f"**A whole run** ({names}) of a model without a fault: a blocking expectation that truly holds "
        f"fails in {words(found.alarms)}; after Holm a fault is claimed in {words(found.claimed)}."
    )


def figure(first):
    from matplotlib import pyplot as plt

    panels = [
        (audit, one) for audit in first.audits for one in audit.expectations if len(one.curve) > 2
    ]
    rows = -(-len(panels) // 3)
    drawn, axes = plt.subplots(
        rows, 3, figsize=(11, 2.6 * rows), sharey=True, layout="constrained", squeeze=False
    )
    for axis in axes.flat[len(panels) :]:
        axis.set_visible(False)
    for axis, (audit, one) in zip(axes.flat, panels, strict=False):
        x = [(point.low + point.high) / 2 for point in one.curve]
        y = [point.detected.value for point in one.curve]
        below = [i for i, value in enumerate(x) if value < 0]
        above = [i for i, value in enumerate(x) if value >= 0]
        for side in (below, above):
            if side:
                axis.plot([x[i] for i in side], [y[i] for i in side], color="#0b5cad", lw=1.5)
                low, high = (
                    [getattr(one.curve[i].detected, end) for i in side] for end in ("low", "high")
                )
                axis.fill_between([x[i] for i in side], low, high, color="#0b5cad", alpha=0.2, lw=0)
        axis.axhline(0.95, color="#888888", lw=0.8, ls="--")
        axis.set_ylim(-0.03, 1.03)
        axis.set_title(
            f"{audit.audit}: {one.measure}{at_words(one)}\n{one.expected}, n = {audit.images}",
            fontsize=8,
        )
        axis.tick_params(labelsize=7)
    drawn.supxlabel("true value, where it violates the expectation", fontsize=9)
    drawn.supylabel("found (verdict: fail)", fontsize=9)
    mpl.rcParams["svg.hashsalt"] = "auditkit"
    drawn.savefig(PAGE.with_suffix(".svg"), metadata={"Date": None})


def sizes_table(first, fresh):
    """What is stated for each number of images, held to fresh seeds."""
    yield row(
        ["audit", "images", "fault", "found from strength", "there", "on fresh seeds", "apart"]
    )
    yield row(["---"] * 7)
    worst, least = 0.0, 1.0
    for audit, again in zip(first.audits, fresh.audits, strict=True):
        assert (again.audit, again.images) == (audit.audit, audit.images)
        for fault in audit.faults:
            name = [audit.audit, str(audit.images), fault.fault]
            if fault.stated is None:
                if fault.strengths[-1].detected.n:
                    yield row([*name, "**none**", words(fault.strengths[-1].detected), "", ""])
                continue
            at = next(one for one in fault.strengths if one.strength == fault.stated)
            (same,) = [one for one in again.faults if one.fault == fault.fault]
            (there,) = same.strengths
            apart = at.detected.value - there.detected.value
            worst, least = max(worst, abs(apart)), min(least, there.detected.value)
            found = [words(one.detected) for one in (at, there)]
            yield row([*name, f"{fault.stated:g}", *found, f"{100 * apart:+.1f}"])
    yield (
        f"\nOn fresh seeds {100 * least:.1f} % are found at least, where more than 95 % were stated; first "
        f"and fresh seeds are {100 * worst:.1f} points apart at most. "
        "Faults that an audit does not see are above."
    )


def together(paths):
    """Studies of several audits as one."""
    studies = [read(path) for path in paths]
    return studies[0].model_copy(update={"audits": [one for s in studies for one in s.audits]})


def check_pages(first):
    """A section of each check's page: what its shipped audits find."""
    checks = dict.fromkeys(audit.check for audit in first.audits)
    for check in checks:
        page = Path(f"docs/checks/{check}.md")
        begin = "<!-- proficiency: begin -->"
        if begin not in page.read_text():
            section = f"## Proficiency\n\n{begin}\n<!-- proficiency: end -->\n\n"
            page.write_text(page.read_text().replace("## Reference\n", f"{section}## Reference\n"))
        own = [audit for audit in first.audits if audit.check == check]
        put(page, "proficiency", "\n\n".join("\n".join(check_lines(audit)) for audit in own))


def check_lines(audit):
    """What one audit finds."""
    lines = [
        f"The audit `{audit.audit}`, samples of {audit.images} images, {audit.patients:.0f} patients:\n",
        f"- without a fault, false alarms in {words(audit.clean)};",
    ]
    for one in audit.expectations:
        name = f"`{one.measure}`{at_words(one)} {one.expected}"
        found = " and ".join(
            f"a true value of {min(p.low, p.high, key=abs):.3g} in {words(p.detected)}"
            for p in one.detects
        )
        less = (
            "finds no planted value in 95 %"
            if one.curve
            else "nothing that was planted violates it"
        )
        lines.append(f"- {name}: {f'finds {found}' if found else less};")
    lines[-1] = f"{lines[-1][:-1]} ([how, and all figures](../proficiency.md))."
    return lines


def short(study):
    audits = [
        audit.model_copy(
            update={
                "faults": [],
                "expectations": [
                    one.model_copy(update={"curve": []}) for one in audit.expectations
                ],
            }
        )
        for audit in study.audits
    ]
    return study.model_copy(update={"audits": audits})


def trained_text(rows):
    heads = [
        "planted",
        "networks",
        "truly faulty",
        "caught",
        "foretold by the curves",
        "apart",
        "false alarms",
    ]
    yield row(heads)
    yield row(["---"] * len(heads))
    for line in lines(rows):
        apart = line.apart
        cells = [line.fault, str(line.networks), str(line.faulty)]
        if line.faulty:
            cells += [f"{100 * line.caught:.1f} %", f"{100 * line.expected:.1f} %"]
        else:
            cells += ["", ""]
        cells.append(
            f"{100 * apart.value:+.1f} [{100 * apart.low:.1f}, {100 * apart.high:.1f}]"
            if apart
            else ""
        )
        yield row([*cells, words(rate_of(line.alarms, line.sound))])


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("first", type=Path)
    parser.add_argument("fresh", type=Path)
    parser.add_argument("--trained", type=Path)
    parser.add_argument("--sizes", type=Path, nargs="*", default=[], help="FIRST FRESH ...")
    given = parser.parse_args()
    first, fresh = read(given.first), read(given.fresh)
    figure(first)
    drawn = (
        "\n![Detection by true value](proficiency.svg)\n\nDetection by true value, whatever the fault; "
        "bands are 95 % intervals. Reports show the same beside each verdict. *None*: no true value was "
        "planted from which on every violation is found so often; said is where it is found best, and "
        "furthest off.\n"
    )
    run = family_text(fresh if fresh.family else first)
    text = [
        found_text(first, fresh),
        *audits_table(first, fresh),
        "",
        *unseen(first),
        "",
        run,
        drawn,
    ]
    text += [*expectations_table(first), "\n### Faults\n", *faults_table()]
    put(PAGE, "proficiency", "\n".join(text))
    check_pages(first)
    if given.sizes:
        put(PAGE, "sizes", "\n".join(sizes_table(*(together(given.sizes[i::2]) for i in (0, 1)))))
    if given.trained:
        put(PAGE, "trained", "\n".join(trained_text(json.loads(given.trained.read_text()))))
    SHIPPED.write_text(short(first).model_dump_json(indent=1) + "\n", encoding="utf-8")
    assert Proficiency.model_validate_json(SHIPPED.read_text())


if __name__ == "__main__":
    main()
