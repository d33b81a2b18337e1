"""Prescreening: what a pair has to meet, in which order, for which models."""

import numpy as np
import pytest

from auditkit.checks.screened import screened
from auditkit.errors import AuditError, Unavailable
from auditkit.spec.counterfactual_card import Wanted
from auditkit.spec.declarations.counterfactuals import Screen

from .screening_world import HIGH, LOW, generator, install, pairs, said, table

NAN = float("nan")


@pytest.fixture(autouse=True)
def asked(monkeypatch):
    return install(monkeypatch)


def reasons(evidence, **screen):
    found = screened(evidence, generator(), Screen(**screen))
    assert found.kept.tolist() == [not reason for reason in found.reasons]
    return list(found.reasons)


def test_pairs_on_both_sides_of_the_models_threshold_pass():
    evidence = pairs([LOW, LOW, 0.6, 0.49, 0.5], [HIGH, 0.4, HIGH, 0.5, 0.9])
    bad = "not consistent"
    assert reasons(evidence) == ["", bad, bad, "", bad]


def test_inconsistent_pairs_pass_if_that_is_not_asked():
    evidence = pairs([LOW, 0.6], [0.4, HIGH])
    assert reasons(evidence, consistent=False) == ["", ""]


def test_the_larger_of_the_two_artifact_scores_counts():
    evidence = pairs([LOW] * 4, [HIGH] * 4, [1.0, 1.5, 1.6, 9.0])
    high = "artifact score above 1.5"
    assert reasons(evidence, largest_artifact=1.5) == ["", "", high, high]


def test_any_experts_veto_suffices_and_all_are_named(tmp_path):
    rows = [
        *(said("i0", rater, 1) for rater in "AB"),
        said("i1", "A", 1),
        said("i1", "B", 0),
        *(said("i2", rater, 0) for rater in "BA"),
        said("i3", "A", 1),
    ]
    evidence = pairs([LOW] * 4, [HIGH] * 4, tables={"v": table(tmp_path, "v", rows)})
    assert reasons(evidence, vetoes=["v"]) == ["", "vetoed by B", "vetoed by A, B", ""]


def test_what_nobody_rated_is_not_kept(tmp_path):
    rows = [said("i0", "A", 1), said("i1", "A", ""), ("i2", "A", "occlusion", 0)]
    evidence = pairs([LOW] * 3, [HIGH] * 3, tables={"v": table(tmp_path, "v", rows)})
    assert reasons(evidence, vetoes=["v"]) == ["", "not rated", "not rated"]


def test_the_worst_rating_of_any_scale_is_a_veto(tmp_path):
    rows = [said("i0", "A", -2), said("i1", "A", -1)]
    card = table(tmp_path, "v", rows, scale={"low": -2, "high": 2})
    evidence = pairs([LOW] * 2, [HIGH] * 2, tables={"v": card})
    assert reasons(evidence, vetoes=["v"]) == ["vetoed by A", ""]


def test_the_first_reason_in_the_order_of_the_criteria_is_given(tmp_path):
    rows = [said(f"i{i}", "A", 0) for i in range(4)]
    evidence = pairs(
        [NAN, 0.6, LOW, LOW],
        [HIGH] * 4,
        [9.0, 9.0, 9.0, 1.0],
        tables={"v": table(tmp_path, "v", rows)},
    )
    found = reasons(evidence, largest_artifact=2, vetoes=["v"])
    assert found == ["not finite", "not consistent", "artifact score above 2", "vetoed by A"]


def test_images_are_those_that_pass_for_every_model(asked):
    other = pairs([LOW, 0.6, LOW, LOW], [HIGH] * 4, [1, 1, 9, 1], name="other")
    third = pairs([LOW, LOW, LOW, NAN], [HIGH] * 4, name="third")
    evidence = pairs([0.6, LOW, LOW, LOW], [HIGH] * 4, others={"other": other, "third": third})
    found = screened(
        evidence, generator(seed=3), Screen(largest_artifact=2, models=["other", "third"])
    )
    assert list(found.reasons) == [
        "not consistent",
        "does not pass for other: not consistent",
        "does not pass for other: artifact score above 2",
        "does not pass for third: not finite",
    ]
    assert {name: list(own) for name, own in found.by_model.items()} == {
        "planted": ["not consistent", "", "", ""],
        "other": ["", "not consistent", "artifact score above 2", ""],
        "third": ["", "", "", "not finite"],
    }
    assert asked == [("other", Wanted("training", seed=3)), ("third", Wanted("training", seed=3))]


def test_which_model_is_audited_does_not_change_what_is_kept(tmp_path):
    """So that models are compared on the same images: one spec names them all."""
    rng = np.random.default_rng(0)
    models = {
        name: pairs(rng.choice([LOW, 0.6], 30, p=[0.8, 0.2]).tolist(), [HIGH] * 30, name=name)
        for name in ("a", "b", "c")
    }
    tables = {
        name: table(
            tmp_path,
            name,
            [said(f"i{i}", "A", int(rng.random() < 0.8)) for i in range(30)],
            model=name,
        )
        for name in models
    }
    screen = Screen(vetoes=list(tables), models=list(models))
    kept = []
    for name, evidence in models.items():
        for one in models.values():
            one.others, one.tables = models, tables
        kept.append(screened(evidence, generator(name), screen).kept.tolist())
    assert kept[0] == kept[1] == kept[2]
    assert 0 < sum(kept[0]) < 30


def test_a_models_own_vetoes_count_and_not_another_ones(tmp_path):
    of_other = table(tmp_path, "w", [said("i0", "A", 0), said("i1", "A", 1)], model="other")
    own = table(tmp_path, "v", [said("i0", "A", 1), said("i1", "A", 1)])
    tables = {"v": own, "w": of_other}
    other = pairs([LOW] * 2, [HIGH] * 2, name="other", tables=tables)
    evidence = pairs([LOW] * 2, [HIGH] * 2, tables=tables, others={"other": other})
    assert reasons(evidence, vetoes=["v", "w"]) == ["", ""]
    found = reasons(evidence, vetoes=["v", "w"], models=["other"])
    assert found == ["does not pass for other: vetoed by A", ""]


def test_a_model_without_a_table_of_vetoes_is_not_run(tmp_path):
    tables = {"v": table(tmp_path, "v", [said("i0", "A", 1)])}
    other = pairs([LOW], [HIGH], name="other", tables=tables)
    evidence = pairs([LOW], [HIGH], tables=tables, others={"other": other})
    with pytest.raises(Unavailable, match=r"none of the tables of vetoes \(v\) is about 'other'"):
        reasons(evidence, vetoes=["v"], models=["other"])


def test_vetoes_about_other_data_are_not_run(tmp_path):
    tables = {"v": table(tmp_path, "v", [said("i0", "A", 1)], data="elsewhere")}
    with pytest.raises(Unavailable, match="about data 'elsewhere', the audit about 'd'"):
        reasons(pairs([LOW], [HIGH], tables=tables), vetoes=["v"])


def test_an_unknown_image_is_an_error_with_its_line(tmp_path):
    rows = [said("i0", "A", 1), said("i7", "A", 1)]
    tables = {"v": table(tmp_path, "v", rows)}
    with pytest.raises(AuditError, match=r"v\.csv:3: there is no image 'i7' in 'd'"):
        reasons(pairs([LOW], [HIGH], tables=tables), vetoes=["v"])


def test_a_table_without_counterfactuals_is_an_error(tmp_path):
    tables = {"v": table(tmp_path, "v", [("i0", "A", "occlusion", 1), said("i0", "A", "")])}
    with pytest.raises(AuditError, match="nobody rated counterfactuals; their rows have"):
        reasons(pairs([LOW], [HIGH], tables=tables), vetoes=["v"])


def test_a_rating_given_twice_is_an_error(tmp_path):
    tables = {"v": table(tmp_path, "v", [said("i0", "A", 1), said("i0", "A", 0)])}
    with pytest.raises(AuditError, match="twice"):
        reasons(pairs([LOW], [HIGH], tables=tables), vetoes=["v"])


def test_images_beyond_the_first_may_be_rated(tmp_path):
    """The table is of all images, the audit of the first few."""
    tables = {"v": table(tmp_path, "v", [said("i0", "A", 1), said("i1", "A", 0)])}
    evidence = pairs([LOW], [HIGH], tables=tables, beyond=1)
    assert reasons(evidence, vetoes=["v"]) == [""]


def test_a_model_without_a_generator_is_not_run(monkeypatch):
    install(monkeypatch, missing={"other"})
    evidence = pairs([LOW], [HIGH], others={"other": pairs([LOW], [HIGH], name="other")})
    with pytest.raises(Unavailable, match="no generator for 'other'"):
        reasons(evidence, models=["other"])


def test_a_model_without_a_score_is_refused():
    other = pairs([LOW], [HIGH], name="other")
    other.two_class = False
    with pytest.raises(AuditError, match="'other' has no score"):
        reasons(pairs([LOW], [HIGH], others={"other": other}), models=["other"])


def test_nothing_asked_keeps_what_is_finite():
    evidence = pairs([0.9, NAN], [0.1, HIGH])
    assert reasons(evidence, consistent=False) == ["", "not finite"]
