"""Check `expert-study`: from tables to findings, by hand; what is not run, refused or said."""

from types import SimpleNamespace

import numpy as np
import pytest
from answers_world import EXPERTS, LITERATURE, MODELS, synthetic, write_answers
from PIL import Image

from auditkit.checks.expert_study import expert_study, held
from auditkit.errors import AuditError, Unavailable
from auditkit.results import figure_result, measurement_result, table_result
from auditkit.spec.declarations.expert_study import EXPERT_STUDY, ExpertStudy
from auditkit.stats import proportion
from auditkit.verdict import worst_case

IDENTITY = "cd" * 32
PINK, DARK = "background/pinker", "lesion/darker"
MORE_MALIGNANT, MORE_BENIGN = "benign < malignant", "benign only"


@pytest.fixture
def found(monkeypatch):
    """Run the check on a card, as the audit of one model."""

    def found(card, model="m", data="lesions", **parameters):
        monkeypatch.setattr(held, "model_digest", lambda _: IDENTITY)
        evidence = SimpleNamespace(
            expert_answers=lambda _: card,
            card=SimpleNamespace(model=model),
            data=SimpleNamespace(card=SimpleNamespace(data=data)),
        )
        return expert_study(evidence, ExpertStudy(answers="study", **parameters))

    return found


def comparator(pair, expert, direction):
    """What an expert must have said of the displayed pictures to mean a direction."""
    words = [
        "benign only",
        "benign > malignant",
        "different",
        "benign < malignant",
        "malignant only",
    ]
    shown = ["A only", "A > B", "different", "A < B", "B only"]
    place = words.index(direction)
    return shown[-1 - place if malignant_is_a(pair, expert) else place]


def malignant_is_a(pair, expert):
    return left(pair, expert) == malignant(pair)


def malignant(pair):
    return "first" if pair % 3 else "second"


# Of the ten pairs that ada sees, the malignant picture is displayed as A in pairs 0 to 4 and 9.
def left(pair, expert):
    as_a = pair in {0, 1, 2, 3, 4, 9} if expert == "ada" else pair % 2 == 0
    other = {"first": "second", "second": "first"}
    return malignant(pair) if as_a else other[malignant(pair)]


def worked(folder, **changes):
    """The worked example of the docs: ten pairs, the last one filtered, ada right in 7 of 9, ben in all."""
    pairs = [
        {"pair": f"p{i}", "model": "m", "image": f"i{i}", "malignant": malignant(i)}
        for i in range(10)
    ]
    pairs += [{"pair": "r0", "model": "m", "image": "j0", "status": "rejected: ada"}]
    pairs += [{"pair": "r1", "model": "m", "image": "j1", "status": "not drawn"}]
    pairs += [{"pair": "t0", "model": "m", "image": "k0", "status": "practice"}]
    wrong = {"ada": {4, 8}, "ben": set()}
    choices = [
        {
            "expert": expert,
            "pair": f"p{i}",
            "left": left(i, expert),
            "chosen": "A" if malignant_is_a(i, expert) != (i in wrong[expert]) else "B",
        }
        for expert in wrong
        for i in range(10)
    ]
    choices[9] |= {"unable": "yes"}
    choices += [{**choices[i], "showing": "repeat"} for i in (0, 1, 5)]
    said = [(i, "ada", MORE_MALIGNANT) for i in range(4)] + [
        (i, "ben", MORE_MALIGNANT) for i in range(3)
    ]
    said += [(4, "ada", MORE_BENIGN), (4, "ben", "benign > malignant"), (5, "ben", "different")]
    # Neither what was noted in the filtered pair nor in a repeat counts.
    said += [(9, "ben", MORE_MALIGNANT)]
    noted = [
        {
            "expert": who,
            "pair": f"p{i}",
            "attribute": PINK,
            "comparator": comparator(i, who, direction),
        }
        for i, who, direction in said
    ]
    noted += [
        {
            "expert": "ada",
            "pair": "p5",
            "showing": "repeat",
            "attribute": PINK,
            "comparator": "A only",
        },
        {
            "expert": "ada",
            "pair": "p9",
            "attribute": "",
            "text": "odd",
            "category": "other",
            "comparator": "different",
        },
        {
            "expert": "ada",
            "pair": "p0",
            "attribute": DARK,
            "comparator": comparator(0, "ada", MORE_MALIGNANT),
        },
    ]
    return write_answers(folder, pairs, choices, noted, **changes)


def test_the_worked_example_of_the_docs(tmp_path, found):
    findings = found(worked(tmp_path), attributes=[PINK, DARK])
    values = {
        part: findings[f"attribute[{PINK}].{part}"].estimate.value
        for part in ("score", "benign", "malignant", "noted")
    }
    assert values == pytest.approx(
        {"score": 7 / 18, "benign": 2 / 18, "malignant": 7 / 18, "noted": 10 / 18}
    )
    assert findings[f"attribute[{PINK}].direction"].choice.value == "malignant"
    # Once against never is more than twice.
    assert findings[f"attribute[{DARK}].score"].estimate.value == pytest.approx(1 / 18)
    assert findings[f"attribute[{DARK}].direction"].choice.value == "malignant"
    ada = findings.find("kappa", {"expert": "ada"}).estimate
    assert ada.value == pytest.approx((7 / 9 - 41 / 81) / (1 - 41 / 81))
    assert ada.n == 9
    assert findings.find("kappa", {"expert": "ben"}).estimate.value == 1
    pooled = findings.find("kappa", {}).estimate
    assert (pooled.value, pooled.n) == (pytest.approx((1 + ada.value) / 2), 18)
    assert findings["unable"].estimate.value == pytest.approx(1 / 10)
    # Eleven of twelve references; practice is not among them.
    assert findings["retained"].estimate.value == pytest.approx(11 / 12)
    assert findings.find("repeat_kappa", {"expert": "ada"}).estimate.value == 1
    assert "answered twice" in findings.find("repeat_kappa", {"expert": "ben"}).reason


def test_what_stands_beside_the_numbers(tmp_path, found):
    findings = found(worked(tmp_path), attributes=[PINK])
    score = findings[f"attribute[{PINK}].score"]
    assert (score.estimate.n, score.estimate.clusters, score.planned) == (18, 9, 20)
    assert score.not_evaluable == {"an expert was unable to assess the pair": 2}
    # Filtered pairs are not what the score is about: an expectation may pass beside them.
    assert worst_case(score) == (score.estimate.low, score.estimate.high)
    kappa = findings.find("kappa", {})
    assert worst_case(kappa) == (kappa.estimate.low, kappa.estimate.high)
    assert score.estimate.low < score.estimate.value < score.estimate.high


def test_every_declared_measure_is_there_at_every_expert(tmp_path, found):
    parameters = ExpertStudy(answers="study", attributes=[PINK])
    findings = found(worked(tmp_path), attributes=[PINK])
    declared = EXPERT_STUDY.measures(parameters)
    assert {one.name for one in findings.measurements} == set(declared)
    for name, measure in declared.items():
        for at in [{}, {"expert": "ada"}, {"expert": "ben"}][: 3 if "expert" in measure.at else 1]:
            one = findings.find(name, at)
            assert (one.unit, one.bounds) == (measure.unit, measure.bounds)
            assert measurement_result(one).name == name
            if measure.choices:
                assert set(one.choice.p_values) == set(measure.choices)
    assert not [one for one in found(worked(tmp_path)).measurements if "attribute" in one.name]


def test_an_answer_that_is_missing_might_have_been_anything(tmp_path, found):
    pairs = [{"pair": f"p{i}", "model": "m", "image": f"i{i}"} for i in range(40)]
    choices = [
        {"expert": who, "pair": f"p{i}", "left": ("first", "second")[i % 2], "chosen": "BA"[i % 2]}
        for who in ("ada", "ben")
        for i in range(40)
    ]
    noted = [{"expert": "ada", "pair": "p0", "attribute": PINK, "comparator": "A > B"}]
    whole = found(write_answers(tmp_path, pairs, choices, noted), attributes=[PINK])
    score = whole[f"attribute[{PINK}].benign"]
    assert worst_case(score)[1] == score.estimate.high
    assert worst_case(whole.find("kappa", {}))[0] == whole.find("kappa", {}).estimate.low > 0.8
    lost = found(write_answers(tmp_path, pairs, choices[:-8], noted), attributes=[PINK])
    score = lost[f"attribute[{PINK}].benign"]
    assert score.not_evaluable == {"not answered": 8}
    assert score.estimate.n == 72
    # A missing answer might have been "unable", which would have removed ada's to the same pair.
    assert worst_case(score)[1] == pytest.approx(score.estimate.high + 16 / 80)
    # One answer may turn an agreement; ada's is complete.
    assert worst_case(lost.find("kappa", {}))[0] == -1
    assert worst_case(lost.find("kappa", {"expert": "ben"}))[0] == -1
    assert worst_case(lost.find("kappa", {"expert": "ada"}))[0] > 0.8
    assert lost[f"attribute[{PINK}].direction"].affected == 1
    assert worst_case(lost["unable"])[1] > lost["unable"].estimate.high
    assert any("8 answers to the others are missing" in note for note in lost.notes)


def test_one_expert_has_no_agreement_with_others_and_the_rest(tmp_path, found):
    pairs = [{"pair": f"p{i}", "model": "m", "image": f"i{i}"} for i in range(6)]
    choices = [
        {"expert": "ada", "pair": f"p{i}", "left": ("first", "second")[i % 2], "chosen": "A"}
        for i in range(6)
    ]
    findings = found(write_answers(tmp_path, pairs, choices, []))
    assert findings["experts_alpha"].estimate is None
    assert findings["experts_alpha"].reason
    assert findings.find("kappa", {}).estimate.value == 0
    assert all(figure.series is not None for figure in findings.figures)
    assert any("1 expert, ada," in note for note in findings.notes)


def test_scores_of_many_attributes_equal_plain_counting(tmp_path, found):
    """Against an independent count over the rows of the tables."""
    from auditkit.data.answers import read_answers

    card = synthetic(tmp_path, models=MODELS[:2], images=30, pictured=0)
    findings = found(card, MODELS[1], attributes=[*LITERATURE])
    answers = read_answers(card)
    shown = {one.pair: one for one in answers.pairs if one.shown and one.model == MODELS[1]}
    filtered = {one.pair for one in answers.choices if one.unable}
    entries = 2 * len(shown.keys() - filtered)
    sides = {
        "benign": ("benign only", "benign > malignant"),
        "malignant": ("malignant only", "benign < malignant"),
    }
    for name in LITERATURE:
        rows = [
            one
            for one in answers.noted
            if one.attribute == name
            and one.showing == "first"
            and one.pair in shown
            and one.pair not in filtered
        ]
        shares = {
            side: len({(one.expert, one.pair) for one in rows if one.direction in words}) / entries
            for side, words in sides.items()
        }
        for side, share in shares.items():
            assert findings[f"attribute[{name}].{side}"].estimate.value == pytest.approx(share)
        ranked = sorted(shares, key=shares.__getitem__)
        little, much = (shares[side] for side in ranked)
        size = much if much > 2 * little else (little + much) / 2
        assert findings[f"attribute[{name}].score"].estimate.value == pytest.approx(size)
        word = ranked[1] if much > 2 * little else "neither"
        assert findings[f"attribute[{name}].direction"].choice.value == word
    one = findings["attribute[lesion/darker pigmentation].malignant"].estimate
    assert proportion(np.zeros(entries, dtype=bool)).high < one.low


def test_figures_are_those_of_the_paper(tmp_path, found):
    findings = found(synthetic(tmp_path, images=40, pictured=4), "scanoma", top=4)
    squares, kappa, own = findings.figures
    assert squares.kind == "squares"
    heads = [line.name for line in squares.series]
    assert heads == [
        "deepderm",
        "modelderm",
        "scanoma (audited)",
        "sscd",
        "siim-isic",
        "literature",
    ]
    assert len(squares.labels) == 4
    assert {"L: darker pigmentation", "B: pinker or erythema"} <= set(squares.labels)
    place = squares.labels.index("B: pinker or erythema")
    assert [line.marks[place] for line in squares.series] == (
        ["benign", "malignant", "malignant", "malignant", squares.series[4].marks[place], "neither"]
    )
    assert squares.series[-1].dashed
    assert "scanoma is the audited model" in squares.caption
    assert (
        "B: background, L: lesion" in squares.caption
        or "L: lesion, B: background" in squares.caption
    )
    assert [line.name for line in kappa.series] == [*EXPERTS]
    assert "scanoma (audited)" in kappa.labels
    assert own.labels[0] == "B: pinker or erythema"
    for figure in findings.figures:
        assert figure_result(figure).name
    for table in findings.tables:
        assert all(len(row) == len(table.columns) for row in table_result(table).rows)


def test_tables_have_every_attribute_and_direction(tmp_path, found):
    findings = found(worked(tmp_path))
    tables = {table.name: table for table in findings.tables}
    rows = {row[0]: row for row in tables["attributes_m"].rows}
    assert [*rows] == [PINK, DARK]
    assert rows[PINK][2] == "malignant"
    assert rows[PINK][-1] == "unknown"
    # As noted, before sides are merged: benign only, benign > malignant, different, <, malignant only.
    assert tables["directions_m"].rows[0] == [PINK, "1", "1", "1", "7", "0"]
    agreement = {tuple(row[:2]): row[3:] for row in tables["agreement_m"].rows}
    assert agreement["with the model", "ada"][1] == "9"
    assert agreement["with themselves", "ben"][0] == "not evaluable"
    assert agreement["with each other", "all experts"][1] == "9"
    assert tables["counts"].rows[0][:5] == ["m", "10", "1", "0", "9"]
    ranking = tables["ranking"].rows
    assert [row[:3] for row in ranking] == [[PINK, "1", "1"], [DARK, "2", "2"]]


def test_examples_are_benign_left_and_malignant_right(tmp_path, found):
    findings = found(synthetic(tmp_path, images=30, pictured=12), "siim-isic")
    first = findings.examples[0]
    assert first.title.startswith(
        "lesion/darker pigmentation: more in the malignant picture, noted by 2 of 2"
    )
    (left_caption, left_png), (right_caption, right_png) = first.panels
    assert left_caption.startswith("benign: 0.")
    assert right_caption.startswith("malignant: 0.")
    # The synthetic lesion is darker in the malignant picture.
    assert middle(right_png, tmp_path) < middle(left_png, tmp_path)
    assert len({one.image_id for one in findings.examples}) == len(findings.examples) <= 5


def middle(png, folder):
    (folder / "look.png").write_bytes(png)
    return np.asarray(Image.open(folder / "look.png"))[24, 24].mean()


def test_a_picture_that_is_missing_damaged_or_elsewhere_is_refused(tmp_path, found):
    card = synthetic(tmp_path, models=MODELS[:1], images=12, pictured=12)
    pictures = sorted((tmp_path / "pictures").iterdir())
    secret = tmp_path / "secret.png"
    pictures[0].rename(secret)
    for path in pictures[1:]:
        path.unlink()
    with pytest.raises(AuditError, match=r"pairs\.csv:\d+: picture .* does not exist"):
        found(card, MODELS[0])
    for path in pictures:
        path.write_bytes(b"no picture")
    with pytest.raises(AuditError, match=r"pairs\.csv:\d+: .*is not a picture"):
        found(card, MODELS[0])
    for path in pictures:
        path.unlink()
        path.symlink_to(secret)
    with pytest.raises(AuditError, match="lies outside the folder"):
        found(card, MODELS[0])


@pytest.mark.parametrize(
    ("changes", "asked", "reason"),
    [
        ({"data": "other"}, {}, "'study' are about data 'other', the audit about 'lesions'"),
        ({}, {"model": "n"}, "are about m, not about 'n'; plan a study.*auditkit study new"),
        (
            {"models": [{"model": "m", "sha256": "00" * 32}]},
            {},
            "about 'm' as it was then: its weights, input, output or threshold have changed.*study new",
        ),
    ],
)
def test_answers_about_something_else_are_not_run(tmp_path, found, changes, asked, reason):
    with pytest.raises(Unavailable, match=reason):
        found(worked(tmp_path, **changes), **asked)


def test_answers_about_this_very_model_count(tmp_path, found):
    findings = found(worked(tmp_path, models=[{"model": "m", "sha256": IDENTITY}]))
    assert not any("came from a table" in note for note in findings.notes)
    assert any("came from a table" in note for note in found(worked(tmp_path)).notes)


def test_an_attribute_that_experts_do_not_know_names_the_nearest(tmp_path, found):
    with pytest.raises(
        AuditError, match=r"'background/pinkerr' in .*did you mean 'background/pinker'"
    ):
        found(worked(tmp_path), attributes=["background/pinkerr"])


@pytest.mark.parametrize("name", ["pinker", "/pinker", "background/", " / "])
def test_an_attribute_without_category_is_refused_by_the_spec(name):
    with pytest.raises(ValueError, match="is not 'category/name'"):
        ExpertStudy(answers="study", attributes=[name])


def test_an_attribute_named_twice_is_refused():
    with pytest.raises(ValueError, match="named twice"):
        ExpertStudy(answers="study", attributes=[PINK, PINK])
    assert ExpertStudy(answers="study").answer_tables == ["study"]


def test_simulated_experts_and_stand_ins_come_first(tmp_path, found):
    people = [
        {"expert": "ada", "simulated": True},
        {"expert": "ben", "background": "dermatologist"},
    ]
    notes = found(worked(tmp_path, experts=people, stand_in="synthetic lesions")).notes
    assert notes[0] == "Simulated: 1 of 2 experts are programs (ada)."
    assert notes[1] == "Stand-in: synthetic lesions"
    assert any("ada (simulated), ben (dermatologist)" in note for note in notes)
    everybody = [{"expert": "ada", "simulated": True}, {"expert": "ben", "simulated": True}]
    notes = found(worked(tmp_path, experts=everybody)).notes
    assert (
        notes[0]
        == "Simulated: every expert is a program (ada, ben); nobody looked at the pictures."
    )
    assert not any("Simulated" in note for note in found(worked(tmp_path)).notes)


def test_notes_say_what_does_not_count(tmp_path, found):
    notes = "\n".join(found(worked(tmp_path)).notes)
    assert "m: 10 pairs of 10 patients were shown; 1 of them are filtered" in notes
    assert "Repeats (3 answers)" in notes
    assert "practice (1 pairs" in notes
    assert "1 of the notes were grouped into no attribute" in notes
    assert "not significance" in notes
    assert "each image counts as a patient of its own" in notes
