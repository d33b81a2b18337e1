"""Tables of a study: every attribute in every direction, agreement, and what the literature says."""

from collections.abc import Iterator

from auditkit.checks.expert_study.studied import StudiedModel, Study
from auditkit.checks.measuring import worded
from auditkit.findings import Measurement, Table
from auditkit.stats import Estimate

_DIRECTIONS = (
    "benign only",
    "benign > malignant",
    "different",
    "benign < malignant",
    "malignant only",
)
EVERYBODY = "all experts"


def attributes_table(study: Study, one: StudiedModel) -> Table:
    """A row per attribute of one model, the most noted first, those that nobody noted as well."""
    known = {each.attribute: each for each in study.answers.card.attributes}
    names = sorted(known, key=lambda name: -one.share(name))
    rows = [
        [*_scores(one, name), _alpha(study, one, name), known[name].literature] for name in names
    ]
    columns = [
        "attribute",
        "score",
        "predominant",
        "not excluded",
        "more in benign",
        "more in malignant",
    ]
    return Table(
        f"attributes_{one.name}",
        f"Attributes in counterfactuals of {one.name}",
        [*columns, "noted", "n", "experts agree (α)", "literature"],
        rows,
        "Shares of pairs and experts with 95 % intervals over patients; n counts pairs and experts. Not "
        "excluded: other directions that the data leave open. α is Krippendorff's, between experts on "
        "whether and on which side they noted it.",
    )


def _scores(one: StudiedModel, name: str) -> Iterator[str]:
    score, choice = one.of(name, "score"), one.of(name, "direction").choice
    yield name
    yield worded(score)
    yield choice.value if choice else "not evaluable"
    yield ", ".join(choice.candidates[1:]) if choice else ""
    for part in ("benign", "malignant", "noted"):
        yield worded(one.of(name, part))
    yield str(score.estimate.n if score.estimate else 0)


def _alpha(study: Study, one: StudiedModel, name: str) -> str:
    found = one.alphas.attributes[study.answers.attributes.index(name)] if one.alphas else ""
    return "not evaluable" if isinstance(found, str) else _interval(found)


def _interval(found: Estimate) -> str:
    return f"{found.value:.3f} [{found.low:.3f}, {found.high:.3f}]"


def directions_table(study: Study, one: StudiedModel) -> Table:
    """Counts of every direction as it was noted, before sides are merged."""
    counted = one.answers.grouped[:, :, None, None]
    counts = (one.answers.noted & counted).sum(axis=(0, 1))
    names = study.answers.attributes
    rows = [
        [name, *(str(int(count)) for count in counts[place])]
        for place, name in enumerate(names)
        if counts[place].any()
    ]
    return Table(
        f"directions_{one.name}",
        f"How often each direction was noted for {one.name}",
        ["attribute", *_DIRECTIONS],
        rows,
        f"Of {int(one.answers.grouped.sum())} pairs and experts.",
    )


def agreement_table(study: Study, one: StudiedModel) -> Table:
    """Agreement with the model, between experts and within them."""
    rows = []
    for title, name in (("with the model", "kappa"), ("with themselves", "repeat_kappa")):
        for expert in (*study.answers.experts, ""):
            found = one.findings.find(name, {"expert": expert} if expert else {})
            if found:
                rows.append([title, expert or EVERYBODY, "Cohen's κ", *_agreement(found)])
    found = one.findings["experts_alpha"]
    rows.append(["with each other", EVERYBODY, "Krippendorff's α", *_agreement(found)])
    mean = one.alphas.mean if one.alphas else "no pair was answered by two experts"
    cells = (
        ("not evaluable", "0", mean)
        if isinstance(mean, str)
        else (_interval(mean), str(mean.n), "")
    )
    rows.append(["on attributes, mean", EVERYBODY, "Krippendorff's α", *cells])
    return Table(
        f"agreement_{one.name}",
        f"Agreement about counterfactuals of {one.name}",
        ["agreement", "of", "measure", "estimate", "n", "why not"],
        rows,
        "1 is perfect agreement, 0 that of chance; 95 % intervals over patients.",
    )


def _agreement(found: Measurement) -> tuple[str, str, str]:
    return worded(found), str(found.estimate.n if found.estimate else 0), found.reason


def ranking_table(study: Study, top: int) -> Table:
    """Every attribute's rank in every model, the lowest rank sum first."""
    firmness = study.firmness(top)
    known = {each.attribute: each for each in study.answers.card.attributes}
    rows = []
    for name in study.ranked:
        ranks = study.ranks[name]
        firm = f"{firmness[name]:.2f}" if firmness else "not evaluable"
        source = known[name].source
        literature = known[name].literature + (f" ({source})" if source else "")
        rows.append([name, *(f"{rank:g}" for rank in ranks), f"{sum(ranks):g}", firm, literature])
    models = [one.name for one in study.models]
    return Table(
        "ranking",
        "Attributes by their rank sum over all models",
        ["attribute", *models, "rank sum", f"in the top {top}", "literature"],
        rows,
        f"Rank 1 was noted most often, in any direction; ties share their mean rank. In the top {top}: share "
        "of resamples of patients in which the attribute is among the first.",
    )


def counts_table(study: Study) -> Table:
    """What became of the pairs of every model."""
    rows = []
    for one in study.models:
        own = one.answers
        able = own.answered.all(axis=0) & ~own.filtered
        rows.append(
            [
                one.name,
                str(len(own.pairs)),
                str(int(own.filtered.sum())),
                str(int((~own.answered).any(axis=0).sum())),
                str(int(able.sum())),
                worded(one.findings["unable"]),
                worded(one.findings["retained"]),
            ]
        )
    columns = ["model", "pairs shown", "filtered: unable", "not answered by all", "answered by all"]
    return Table(
        "counts",
        "What became of the pairs",
        [*columns, "share unable", "references kept by the screening"],
        rows,
        "A pair that any expert was unable to assess is filtered for all of them.",
    )
