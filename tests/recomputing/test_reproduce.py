"""A second look at a real run confirms what is untouched, and names what somebody changed."""

import argparse
import hashlib
import json
import shutil

import numpy as np
import pytest
from recorded_project import run_audits

from auditkit.commands import recomputing as command
from auditkit.errors import AuditError
from auditkit.recomputing.reproduce import Asked, reproduce
from auditkit.recomputing.sampling import drawn
from auditkit.recomputing.words import words


def look(project, sample="all", **more):
    return reproduce(Asked(project.run, project.root, sample, **more))


def told(found):
    return [(remark.kind, remark.what, remark.where) for remark in found.remarks]


def states(found):
    return {shard.state for shard in found.shards}


def named(found):
    return [shard.address for shard in found.shards if shard.state == "differs"]


def test_an_untouched_run_is_confirmed_bit_for_bit(project):
    found = look(project)
    assert found.remarks == []
    assert states(found) == {"bit-equal"}
    assert found.compared == len(project.listed["shards"]) == 6
    assert all(count.confirmed == count.total > 0 for count in found.numbers.values())
    assert set(found.numbers) == {"measurements", "figures", "tables", "verdicts", "decisions"}
    assert found.numbers["verdicts"].total == len(project.results["verdicts"]) == 6
    assert found.status == 0
    assert words(found).endswith("\nCONFIRMED")


def test_the_list_is_the_same_without_workers_and_from_a_warm_store(project):
    run_audits(project.root, "--audit-report", "again", "--audit-store", "store")
    again = json.loads((project.root / "again" / "evidence.json").read_text())
    assert again["shards"] == project.listed["shards"]
    assert again["store"] == project.listed["store"] == "../store"


def test_a_plausible_forgery_with_consistent_hashes_is_named(project):
    address = project.forge("scores", "score", lambda score: np.clip(score + 0.02, 0, 1))
    found = look(project)
    assert named(found) == [address]
    assert found.status == 1
    assert f"differs: {address}" in words(found)
    assert "differ, by 0.02 at most" in words(found)


def test_a_forgery_that_changes_no_verdict_is_named_all_the_same(project):
    address = project.forge("colour shifts", "score", lambda score: score + 1e-4)
    assert named(look(project)) == [address]


def test_a_sample_finds_a_forgery_if_it_is_in_it_and_says_how_likely_that_is(project):
    address = project.forge("scores", "score", lambda score: np.clip(score + 0.02, 0, 1))
    addresses = [shard["address"] for shard in project.listed["shards"]]
    for inside in (True, False):
        seed = next(n for n in range(1000) if (address in drawn(addresses, 2, n)) is inside)
        found = look(project, "2", seed=seed)
        assert {shard.address for shard in found.shards} == drawn(addresses, 2, seed)
        assert named(found) == [address] * inside
        assert "by how many there are: 1: 33.3 %" in words(found)


def test_a_sample_is_drawn_anew_each_time_and_again_by_its_seed(project):
    seeds = {look(project, "1").sample.seed for _ in range(2)}
    assert len(seeds) == 2
    one, other = (look(project, "2", seed=7) for _ in range(2))
    assert one.shards == other.shards
    assert one.status == 0
    assert words(one).endswith("CONFIRMED as far as the sample reaches")


@pytest.mark.parametrize("place", ["value", "low", "n"])
def test_a_forged_estimate_is_named(project, place):
    project.rewrite(lambda results: results["audits"][0]["measurements"][0].update({place: 1}))
    found = look(project, "1")
    measure = project.results["audits"][0]["measurements"][0]["name"]
    assert [(kind, what) for kind, what, _ in told(found)] == [("differs", "measurement")]
    assert measure in found.remarks[0].where
    assert f"{place}: recorded 1" in found.remarks[0].text
    assert found.status == 1


def test_a_forged_verdict_with_its_decision_is_named(project):
    def forge(results):
        for verdict in results["verdicts"]:
            if verdict["verdict"] != "pass":
                verdict |= {"verdict": "pass", "fault": False}
        counts = {"pass": len(results["verdicts"])}
        results["release"][0] |= {"decision": "pass", "why": "All pass.", "counts": counts}

    before = {verdict["verdict"] for verdict in project.results["verdicts"]}
    assert before != {"pass"}
    project.rewrite(forge)
    kinds = {what for kind, what, _ in told(look(project, "1")) if kind == "differs"}
    assert {"verdict", "decision"} <= kinds


def test_a_decision_that_does_not_follow_from_the_verdicts_is_named(project):
    project.rewrite(lambda results: results["release"][0].update(decision="pass with waivers"))
    assert told(look(project, "1")) == [("differs", "decision", "random")]


@pytest.mark.parametrize(
    ("change", "text"),
    [
        ({"expected": "above 0.1", "condition": {"above": 0.1, "min_n": 1}}, "above 0.3"),
        ({"severity": "advisory"}, "the spec says blocking"),
        (
            {
                "waiver": {
                    "approver": "N. N.",
                    "reason": "none",
                    "expires": "2999-01-01",
                    "reference": "",
                    "origin": "audits/counts.audit.yaml",
                    "in_force": True,
                }
            },
            "no such waiver",
        ),
    ],
)
def test_a_condition_severity_or_waiver_that_the_spec_does_not_have_is_named(project, change, text):
    def forge(results):
        verdict = next(v for v in results["verdicts"] if v["measure"] == "sensitivity")
        verdict |= change

    project.rewrite(forge)
    found = look(project, "1")
    remarks = [remark for remark in found.remarks if remark.what == "verdict"]
    assert [remark.where for remark in remarks] == ["counts.sensitivity[random]"]
    assert text in remarks[0].text
    assert found.status == 1


def test_a_forged_figure_and_table_are_named(project):
    def forge(results):
        results["audits"][0]["figures"][0]["series"][0]["y"][0] = 0.123
        results["audits"][0]["tables"][0]["rows"][0][1] = "99"

    project.rewrite(forge)
    assert [what for _, what, _ in told(look(project, "1"))] == ["figure", "table"]


def test_a_measurement_that_was_dropped_from_the_record_is_named(project):
    project.rewrite(lambda results: results["audits"][0]["measurements"].pop(0))
    found = look(project, "1")
    assert "is missing in the record" in found.remarks[0].text


def test_a_list_that_results_json_does_not_name_is_named(project):
    project.rewrite(lambda results: results["evidence"].update(sha256="0" * 64))
    assert told(look(project, "1")) == [("differs", "evidence", "evidence.json")]


def test_a_changed_spec_and_card_are_named(project):
    spec = project.root / "audits" / "counts.audit.yaml"
    spec.write_text(spec.read_text().replace("sensitivity, above: 0.3", "sensitivity, above: 0.2"))
    card = project.root / "cards" / "random.model.yaml"
    card.write_text(f"{card.read_text()}# a remark\n")
    found = look(project, "1")
    assert ("differs", "spec", "audits/counts.audit.yaml") in told(found)
    assert ("differs", "model card", "cards/random.model.yaml") in told(found)
    assert ("differs", "verdict", "counts.sensitivity[random]") in told(found)


def test_other_weights_and_other_images_are_named_and_their_evidence_is_not_taken(
    project, networks
):
    weights = project.root / "cards" / "random.safetensors"
    weights.unlink()
    weights.symlink_to(networks["steady"])
    found = look(project, "1")
    assert ("differs", "weights", "random") in told(found)
    assert any("does not list it" in remark.text for remark in found.remarks)
    assert found.status == 2
    weights.unlink()
    weights.symlink_to(networks["random"])
    data = project.root / "cards" / "lesions.data.yaml"
    data.write_text(data.read_text().replace("seed: 5", "seed: 6"))
    assert ("differs", "data", "lesions") in told(look(project, "1"))


def test_a_spec_that_is_gone_is_named_and_the_rest_is_confirmed(project):
    (project.root / "audits" / "light.audit.yaml").unlink()
    found = look(project)
    assert ("not confirmed", "spec", "audits/light.audit.yaml") in told(found)
    assert found.numbers["verdicts"].confirmed == found.numbers["verdicts"].total - 1
    assert {shard.state for shard in found.shards} == {"bit-equal", "not recomputed"}
    assert found.status == 1


def test_without_the_store_all_is_computed_and_held_to_the_digests(project):
    shutil.rmtree(project.store)
    found = look(project)
    assert (found.status, found.arrays, states(found)) == (0, "", {"bit-equal"})
    assert "the recorded arrays are not here" in words(found)


def test_arrays_packed_into_the_runs_folder_are_found_and_others_can_be_given(project):
    elsewhere = project.root / "elsewhere"
    shutil.move(project.store, elsewhere)
    assert look(project, "1", store=elsewhere).arrays == elsewhere.as_posix()
    shutil.move(elsewhere, project.run / "evidence")
    found = look(project, "1")
    assert found.arrays == (project.run / "evidence").as_posix()
    assert found.status == 0


def test_another_version_of_the_code_is_said_and_evidence_is_matched_by_content(
    project, monkeypatch
):
    for place in ("evidence.stage", "recomputing.reproduce"):
        monkeypatch.setattr(f"auditkit.{place}.code_version", lambda: "another")
    found = look(project)
    assert (found.code, states(found), found.status) == ("other", {"bit-equal"}, 0)
    assert "compared within the tolerance" in words(found)


@pytest.mark.parametrize("name", ["results.json", "evidence.json"])
@pytest.mark.parametrize("content", [None, "{}", "not JSON"])
def test_what_is_no_record_is_refused(project, name, content):
    (project.run / name).unlink()
    if content is not None:
        (project.run / name).write_text(content)
    with pytest.raises(AuditError, match=name):
        look(project)


def test_a_store_that_is_not_there_is_refused(project):
    with pytest.raises(AuditError, match="is not a folder"):
        look(project, store=project.root / "nowhere")


def test_the_command_prints_writes_and_exits(project, capsys):
    parser = argparse.ArgumentParser()
    command.add_commands(parser.add_subparsers())
    out = project.root / "look.json"
    common = ["reproduce", str(project.run), "--root", str(project.root), "--sample", "2"]
    given = parser.parse_args([*common, "--seed", "3", "--out", str(out)])
    assert given.run(given) == 0
    printed = capsys.readouterr().out
    assert "2 of 6 shards of evidence were recomputed (sample 2, seed 3): 2 bit-equal" in printed
    written = json.loads(out.read_text())
    assert (written["status"], written["sample"]["seed"]) == (0, 3)
    project.forge("scores", "decision", lambda decision: 1 - decision)
    given = parser.parse_args([*common, "--sample", "all"])
    assert given.run(given) == 1


def of_verdict(**changes):
    return lambda results: results["verdicts"][0].update(changes)


def of_every(kind, **changes):
    return lambda results: [part.update(changes) for part in results[kind]]


def without_verdict(results):
    """One expectation taken out, with all that follows from it."""
    results["verdicts"] = [v for v in results["verdicts"] if v["measure"] != "specificity"]
    results["deviations"].update(planned=4, judged=4)


@pytest.mark.parametrize(
    ("forge", "expected"),
    [
        (without_verdict, ("differs", "verdict", "counts.specificity[random]")),
        (
            of_verdict(reason="1 [1, 1], n = 24"),
            ("differs", "verdict", "counts.sensitivity[random]"),
        ),
        (of_verdict(at={"skin": "dark"}), ("differs", "verdict", "counts.sensitivity[random]")),
        (of_verdict(measure="roc_auc"), ("differs", "verdict", "counts.sensitivity[random]")),
        (of_verdict(why="agreed"), ("differs", "verdict", "counts.sensitivity[random]")),
        (of_every("release", why="All is well."), ("differs", "decision", "random")),
        (lambda results: results.update(release=[]), ("differs", "decision", "random")),
        (of_every("models", title="Cleared"), ("differs", "model", "random")),
        (of_every("models", threshold=0.4), ("differs", "model", "random")),
        (
            of_every("models", card_sha256="0" * 64),
            ("differs", "model card", "cards/random.model.yaml"),
        ),
        (of_every("data", images=24000), ("differs", "data", "lesions")),
        (of_every("data", cleared="by the data office"), ("differs", "data", "lesions")),
        (of_every("data", manifest_sha256=""), ("differs", "data", "lesions")),
        (lambda results: results.update(data=[]), ("differs", "data", "lesions")),
        (of_every("audits", title="All good"), ("differs", "audit", "counts [random]")),
        (of_every("audits", assumes=[]), ("differs", "audit", "light [random]")),
        (
            lambda results: results["deviations"].update(empty_dossier=[]),
            ("differs", "deviations", "dossiers"),
        ),
    ],
)
def test_whatever_else_is_stated_is_held_to_specs_cards_and_data(project, forge, expected):
    project.rewrite(forge)
    found = look(project, "1")
    assert expected in told(found)
    assert found.status == 1


def test_a_stand_in_that_the_record_hides_is_named(project):
    card = project.root / "cards" / "random.model.yaml"
    card.write_text(card.read_text() + "stand_in: drawn at random\n")
    assert ("differs", "deviations", "stand-ins") in told(look(project, "1"))


def test_a_profile_whose_changes_the_record_hides_is_named(project):
    (project.root / "audits" / "soft.profile.yaml").write_text(
        "profile: soft\nwhy: made up\n"
        "expect: [{audit: counts, measure: specificity, above: 0.01, why: softer}]\n"
    )
    options = ("--audit-report", "soft", "--audit-store", "store", "--audit-profile", "soft")
    run_audits(project.root, *options)
    shutil.rmtree(project.run)
    (project.root / "soft").rename(project.run)
    assert look(project, "1").remarks == []
    project.rewrite(lambda results: results["profile"].update(changes=[]))
    assert told(look(project, "1")) == [("differs", "profile", "audits/soft.profile.yaml")]


def test_a_shard_that_is_listed_often_to_fill_the_sample_is_named(project):
    listed = project.listed
    listed["shards"] += listed["shards"][:1] * 20
    text = json.dumps(listed)
    (project.run / "evidence.json").write_text(text)
    seal = hashlib.sha256(text.encode()).hexdigest()
    project.rewrite(lambda results: results["evidence"].update(sha256=seal))
    found = look(project, "1")
    assert ("differs", "evidence", listed["shards"][0]["address"]) in told(found)


def test_conditions_and_precisions_that_are_none_are_no_crash(project):
    project.rewrite(of_every("verdicts", condition={"above": "x"}))
    assert look(project, "1").status == 1
    project.rewrite(lambda results: results["environment"].update(precision="int3"))
    with pytest.raises(AuditError, match="precision is 'int3'"):
        look(project, "1")
