"""A changed byte is found and its file is named; signatures hold for the folder that was signed alone."""

import base64
import json
import os
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealed_world import ed25519_verifies, raw_public_key, sealed_run, sha256, verdict

from auditkit.attestation.dsse import Envelope
from auditkit.attestation.keys import new_keys, read_signing_key, read_trusted_keys
from auditkit.attestation.manifest import write_manifest
from auditkit.attestation.outcome import line
from auditkit.attestation.shards import pack
from auditkit.attestation.signatures import check_signatures
from auditkit.attestation.signing import Signer, sign
from auditkit.attestation.statement import seal
from auditkit.attestation.verifying import verify
from auditkit.cli import main
from auditkit.errors import AuditError
from auditkit.evidence.store import Store
from auditkit.results import read_results, to_json
from auditkit.results.evidence_list import ListedEvidence, evidence_list_json, read_evidence_list
from auditkit.verdict import Verdict

ANNA = Signer("reviewed", "Anna Example", "Clinic of Nowhere")


@pytest.fixture(scope="module")
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    for name in ("anna", "bert"):
        new_keys(folder / name)
    return folder


@pytest.fixture(scope="module")
def world(tmp_path_factory, keys):
    """A packed run, signed by two people."""
    parent = tmp_path_factory.mktemp("world")
    run = sealed_run(parent)
    pack(run)
    sign(run, read_signing_key(keys / "anna.key"), ANNA)
    sign(run, read_signing_key(keys / "bert.key"), Signer("approved", "Bert Example"))
    return parent


@pytest.fixture
def run(world, tmp_path):
    shutil.copytree(world, tmp_path / "world")
    return next((tmp_path / "world").glob("*-steady"))


@pytest.fixture
def trusted(keys):
    return read_trusted_keys([], keys)


def lines(found):
    return {one.subject: one for one in found.lines}


def test_an_untouched_run_is_proven(run, trusted):
    found = verify(run, trusted)
    assert found.status == 0
    assert found.mismatches == ()
    assert {one.state for one in found.lines} == {"holds"}
    assert [(s.role, s.name, s.organisation, s.state) for s in found.signatures] == [
        ("approved", "Bert Example", "", "trusted"),
        ("reviewed", "Anna Example", "Clinic of Nowhere", "trusted"),
    ]


def test_a_signature_by_an_unknown_key_proves_nothing(run, keys):
    assert verify(run).status == 2
    found = verify(run, read_trusted_keys([keys / "anna.pub"]))
    assert found.status == 0
    assert [s.state for s in found.signatures] == ["unknown key", "trusted"]
    (run / "signatures" / found.signatures[1].file.split("/")[1]).unlink()
    assert verify(run, read_trusted_keys([keys / "anna.pub"])).status == 2


def test_an_unsigned_run_is_not_proven(run, trusted):
    shutil.rmtree(run / "signatures")
    found = verify(run, trusted)
    assert (found.status, found.mismatches) == (2, ())


def files_of(run):
    return sorted(path for path in run.rglob("*") if path.is_file())


@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_any_file_is_found_and_named(world, keys, data):
    run = next(world.glob("*-steady"))
    path = data.draw(st.sampled_from(files_of(run)), label="file")
    content = path.read_bytes()
    place = data.draw(st.integers(0, len(content) - 1), label="byte")
    value = data.draw(st.integers(1, 255), label="change")
    changed = bytearray(content)
    changed[place] ^= value
    try:
        path.write_bytes(bytes(changed))
        found = verify(run, read_trusted_keys([], keys))
    finally:
        path.write_bytes(content)
    assert found.status == 1
    if path.name != "MANIFEST.sha256":
        name = path.relative_to(run).as_posix()
        assert any(mismatch.startswith(name) for mismatch in found.mismatches)


def test_every_byte_of_a_signature_counts(run, trusted):
    """All of them, as neither manifest nor list covers these files."""
    path = sorted((run / "signatures").iterdir())[0]
    content = path.read_bytes()
    for place in range(0, len(content), 11):
        for value in (0x01, 0x20):
            changed = bytearray(content)
            changed[place] ^= value
            path.write_bytes(bytes(changed))
            found = check_signatures(run, read_results(run / "results.json"), trusted)
            assert found[0].state == "mismatch", place


@pytest.mark.parametrize(
    "file", ["results.json", "report.html", "statement.json", "evidence.json", "junit.xml"]
)
def test_a_lost_file_is_named(run, trusted, file):
    (run / file).unlink()
    found = verify(run, trusted)
    assert found.status == 1
    assert f"{file} is missing" in found.mismatches


def test_an_added_file_is_named(run, trusted):
    (run / "report.pdf").write_bytes(b"%PDF")
    found = verify(run, trusted)
    assert found.mismatches == ("report.pdf is not listed: it was added after sealing",)


@pytest.mark.parametrize("place", ["evidence/new.txt", "signatures/note.txt"])
def test_nothing_is_added_to_evidence_or_signatures(run, trusted, place):
    (run / place).write_text("x")
    assert any(m.startswith(place) for m in verify(run, trusted).mismatches)


def test_a_lost_manifest_is_a_mismatch_where_something_was_signed(run, trusted):
    (run / "MANIFEST.sha256").unlink()
    assert verify(run, trusted).status == 1


def test_what_was_never_sealed_or_is_no_run_is_bad_input(run, tmp_path):
    (tmp_path / "empty").mkdir()
    with pytest.raises(AuditError, match="a run's folder was expected"):
        verify(tmp_path / "empty")
    for file in ("MANIFEST.sha256", "statement.json"):
        (run / file).unlink()
    shutil.rmtree(run / "signatures")
    with pytest.raises(AuditError, match="never sealed"):
        verify(run)


def forge(run, **changes):
    """Change results.json and make every digest anew, as anybody can who writes the folder."""
    found = read_results(run / "results.json").model_copy(update=changes)
    (run / "results.json").write_text(to_json(found))
    return seal(found, run)


def test_a_forgery_with_consistent_digests_is_stopped_by_the_signatures(run, trusted):
    orphaned = forge(run, verdicts=[verdict("accuracy", Verdict.PASS, value=0.99)])
    assert len(orphaned) == 2
    found = verify(run, trusted)
    assert found.status == 1
    assert {one.state for one in found.lines} == {"holds"}
    assert all("another state of this folder" in s.problem for s in found.signatures)


def test_a_forgery_with_consistent_digests_and_no_signature_is_unproven_at_best(run, trusted):
    forge(run, verdicts=[verdict("accuracy", Verdict.PASS, value=0.99)])
    shutil.rmtree(run / "signatures")
    assert verify(run, trusted).status == 2


def test_a_statement_that_says_another_result_is_found_though_the_manifest_holds(run):
    shutil.rmtree(run / "signatures")
    statement = json.loads((run / "statement.json").read_bytes())
    statement["predicate"]["passedTests"].append("another")
    (run / "statement.json").write_text(json.dumps(statement, indent=1, sort_keys=True) + "\n")
    write_manifest(run)
    found = verify(run)
    assert found.mismatches == ("statement.json is not what results.json and the files give",)


@pytest.mark.parametrize(
    ("file", "subject"),
    [
        ("sources/counts.audit.yaml", "specs and cards"),
        ("requirements.txt", "pictures and tables"),
        ("images/*.png", "pictures and tables"),
        ("samples/*.json", "pictures and tables"),
    ],
)
def test_a_file_that_results_json_does_not_know_is_found_though_the_manifest_holds(
    run, file, subject
):
    shutil.rmtree(run / "signatures")
    (path,) = run.glob(file)
    path.write_bytes(path.read_bytes() + b"\n")
    write_manifest(run)
    found = verify(run)
    assert lines(found)[subject].state == "mismatch"
    assert found.mismatches[0].startswith(path.relative_to(run).as_posix())


def test_an_audit_of_another_spec_than_the_one_kept_is_found(run):
    shutil.rmtree(run / "signatures")
    audits = read_results(run / "results.json").audits
    forge(run, audits=[audits[0].model_copy(update={"sha256": "0" * 64})])
    assert "'counts' is not of the spec kept" in verify(run).mismatches[0]


def test_withheld_pictures_are_counted_and_not_called_checked(run):
    shutil.rmtree(run / "signatures")
    audits = read_results(run / "results.json").audits
    panel = audits[0].examples[0].panels[0]
    panel.file = ""
    forge(run, audits=audits)
    found = verify(run)
    assert found.status == 2
    assert "1 are withheld" in lines(found)["pictures and tables"].says


def test_withheld_specs_are_counted_and_not_called_checked(run):
    shutil.rmtree(run / "signatures")
    sources = read_results(run / "results.json").sources
    sources[1].kept = ""
    (run / "sources/lesions.data.yaml").unlink()
    forge(run, sources=sources)
    assert "1 are withheld" in lines(verify(run))["specs and cards"].says
    sources[0].kept = ""
    forge(run, sources=sources)
    assert lines(verify(run))["specs and cards"].state == "not checked"


def test_evidence_is_found_in_the_store_that_the_run_names(run, trusted):
    shutil.rmtree(run / "evidence")
    found = verify(run, trusted)
    assert found.status == 0
    assert "2 of 2 shards are at hand" in lines(found)["evidence"].says


def test_shards_that_are_not_at_hand_are_counted_as_not_checked(run, trusted):
    shutil.rmtree(run / "evidence")
    sorted((run.parent / "store").rglob("*.safetensors"))[0].unlink()
    found = lines(verify(run, trusted))["evidence"]
    assert found.state == "not checked"
    assert "1 are not at hand and were NOT checked" in found.says
    shutil.rmtree(run.parent / "store")
    assert "0 of 2" in lines(verify(run, trusted))["evidence"].says


def test_a_changed_shard_in_the_store_is_named(run, trusted, tmp_path):
    shutil.rmtree(run / "evidence")
    store = (run.parent / "store").rename(tmp_path / "elsewhere")
    shard = sorted(store.rglob("*.safetensors"))[1]
    shard.write_bytes(b"x" * 40)
    found = verify(run, trusted, store)
    assert found.status == 1
    assert found.mismatches == (f"{shard} is not the shard that was judged",)


def test_a_forged_shard_with_a_forged_list_is_found(run, trusted):
    """evidence/MANIFEST.sha256 is nobody's word: the shards are held against evidence.json too."""
    shard = sorted((run / "evidence").rglob("*.safetensors"))[0]
    shard.write_bytes(b"x" * 40)
    write_manifest(run / "evidence", ("MANIFEST.sha256",))
    assert verify(run, trusted).mismatches == (
        f"{shard.relative_to(run).as_posix()} is not the shard that was judged",
    )


def test_a_list_of_evidence_reads_nothing_outside_the_store(run):
    shutil.rmtree(run / "signatures")
    text = (run / "evidence.json").read_text()
    (run / "evidence.json").write_text(text.replace('"address": "', '"address": "../../'))
    write_manifest(run)
    assert any("is not the address of a shard" in m for m in verify(run).mismatches)


def test_the_page_is_looked_at_only_where_the_folder_is_what_was_sealed(run, trusted):
    asked = []

    def page(results, folder):
        asked.append(results.run.id)
        return line("page", "as it is", "nothing")

    assert lines(verify(run, trusted, page=page))["page"].state == "holds"
    (run / "report.html").write_text("x")
    assert "page" not in lines(verify(run, trusted, page=page))
    assert len(asked) == 1


def envelopes(run):
    return [json.loads(path.read_bytes()) for path in sorted((run / "signatures").iterdir())]


def signed_bytes(envelope):
    """DSSE's encoding, by hand."""
    payload, kind = base64.b64decode(envelope["payload"]), envelope["payloadType"].encode()
    parts = [b"DSSEv1", str(len(kind)).encode(), kind, str(len(payload)).encode(), payload]
    return b" ".join(parts)


def test_signatures_verify_after_rfc_8032(run, keys):
    for envelope, name in zip(envelopes(run), ("bert", "anna"), strict=True):
        public = raw_public_key(keys / f"{name}.pub")
        signature = base64.b64decode(envelope["signatures"][0]["sig"])
        message = signed_bytes(envelope)
        assert ed25519_verifies(public, message, signature)
        assert not ed25519_verifies(public, message + b" ", signature)
        changed = bytes([signature[0] ^ 1]) + signature[1:]
        assert not ed25519_verifies(public, message, changed)


@pytest.mark.parametrize(
    ("public", "message", "signature"),
    [
        (
            "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
            "",
            (
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
                "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b"
            ),
        ),
        (
            "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
            "72",
            (
                "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
                "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00"
            ),
        ),
    ],
)
def test_our_rfc_8032_gives_the_vectors_of_its_section_7(public, message, signature):
    key, text, sig = (bytes.fromhex(part) for part in (public, message, signature))
    assert ed25519_verifies(key, text, sig)
    assert not ed25519_verifies(key, text + b"x", sig)


def _openssl_can():
    """Ed25519 from the command line needs OpenSSL 3."""
    openssl = shutil.which("openssl")
    if not openssl:
        return False
    done = subprocess.run([openssl, "version"], capture_output=True, text=True)
    return done.stdout.startswith("OpenSSL 3")


@pytest.mark.skipif(not _openssl_can(), reason="OpenSSL 3 is not installed")
def test_signatures_verify_with_openssl(run, keys, tmp_path):
    for envelope, name in zip(envelopes(run), ("bert", "anna"), strict=True):
        (tmp_path / "message").write_bytes(signed_bytes(envelope))
        (tmp_path / "sig").write_bytes(base64.b64decode(envelope["signatures"][0]["sig"]))
        command = ["openssl", "pkeyutl", "-verify", "-rawin", "-pubin"]
        command += ["-inkey", keys / f"{name}.pub", "-sigfile", "sig", "-in", "message"]
        assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode == 0
        (tmp_path / "message").write_bytes(signed_bytes(envelope) + b" ")
        assert subprocess.run(command, cwd=tmp_path, capture_output=True).returncode != 0


def test_a_signature_is_over_manifest_results_report_and_weights(run):
    payload = json.loads(base64.b64decode(envelopes(run)[1]["payload"]))
    subjects = {one["name"]: one["digest"]["sha256"] for one in payload["subject"]}
    for file in ("MANIFEST.sha256", "results.json", "report.html"):
        assert subjects.pop(file) == sha256((run / file).read_bytes())
    assert list(subjects) == ["model:steady"]
    assert envelopes(run)[1]["payloadType"] == "application/vnd.in-toto+json"
    sign_off = payload["predicate"].pop("signOff")
    assert payload["predicate"] == json.loads((run / "statement.json").read_bytes())["predicate"]
    assert (sign_off["role"], sign_off["name"]) == ("reviewed", "Anna Example")
    assert sign_off["meaning"]
    assert sign_off["signedAt"].endswith("Z")


def test_the_same_key_signs_once_in_a_role(run, keys):
    key = read_signing_key(keys / "anna.key")
    with pytest.raises(AuditError, match="this key has signed as 'reviewed'"):
        sign(run, key, ANNA)
    sign(run, key, Signer("performed"))
    assert len(envelopes(run)) == 3


def test_a_signature_under_another_role_or_key_is_no_signature(run, trusted):
    path = next((run / "signatures").glob("reviewed-*"))
    path.rename(path.with_name(path.name.replace("reviewed", "approved")))
    assert any("does not have the name of its role" in m for m in verify(run, trusted).mismatches)


def test_a_signature_of_another_run_is_no_signature(run, trusted, keys, tmp_path):
    (tmp_path / "other").mkdir()
    other = sealed_run(tmp_path / "other", [verdict("specificity")])
    theirs = sign(other, read_signing_key(keys / "anna.key"), ANNA)
    shutil.rmtree(run / "signatures")
    (run / "signatures").mkdir()
    shutil.copy(theirs, run / "signatures")
    found = verify(run, trusted)
    assert found.status == 1
    assert "another state of this folder" in found.mismatches[0]


def test_sealing_again_says_which_signatures_no_longer_hold(run):
    assert seal(read_results(run / "results.json"), run) == ()
    (run / "report.pdf").write_bytes(b"%PDF")
    names = tuple(sorted(path.name for path in (run / "signatures").iterdir()))
    assert seal(read_results(run / "results.json"), run) == names


def test_packing_leaves_the_manifest_as_it_is(world, tmp_path):
    run = sealed_run(tmp_path)
    before = {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()}
    folder, shards, size = pack(run)
    assert (folder, shards, size) == (run / "evidence", 2, 80)
    assert {path.name: path.read_bytes() for path in run.iterdir() if path.is_file()} == before
    packed = {path.relative_to(folder) for path in folder.rglob("*") if path.is_file()}
    stored = {p.relative_to(tmp_path / "store") for p in (tmp_path / "store").rglob("*.*")}
    assert packed == stored | {Path("MANIFEST.sha256")}


@pytest.mark.parametrize("damage", ["missing", "changed", "no sidecar", "other sidecar"])
def test_packing_is_whole_or_not_at_all(tmp_path, damage):
    run = sealed_run(tmp_path)
    shard = sorted((tmp_path / "store").rglob("*.safetensors"))[1]
    if damage == "missing":
        shard.unlink()
    elif damage == "changed":
        shard.write_bytes(b"x" * 40)
    elif damage == "no sidecar":
        shard.with_suffix(".json").unlink()
    else:
        shard.with_suffix(".json").write_text("{}")
    before = sorted(run.rglob("*"))
    with pytest.raises(AuditError, match=shard.stem):
        pack(run)
    assert sorted(run.rglob("*")) == before


def in_format_2(folder, tmp_path):
    """The run's store, as it is written now."""
    store = Store(tmp_path / "written")
    shards = []
    for at, shard in enumerate(read_evidence_list(folder / "evidence.json").shards):
        kept = store.write(shard.address, {"x": np.full(3, at)}, {"stage": "s", "images": 8})
        shards.append(shard.model_copy(update={"sha256": kept.sha256, "size": kept.size}))
    listed = ListedEvidence(store="../written", code="0" * 64, shards=shards)
    (folder / "evidence.json").write_text(evidence_list_json(listed))
    return store, shards


def test_shards_of_format_2_are_packed_and_checked(tmp_path):
    folder = sealed_run(tmp_path)
    store, shards = in_format_2(folder, tmp_path)
    packed, count, _ = pack(folder)
    assert count == 2
    names = {path.relative_to(packed).as_posix() for path in packed.rglob("*.*")}
    assert names == {file.name for file in store.stored()} | {"MANIFEST.sha256"}
    assert (
        "2 of 2 shards are at hand (packed with the run)" in lines(verify(folder))["evidence"].says
    )
    first = packed / store.sidecar(shards[0].address).arrays
    first.write_bytes(b"x" * 40)
    assert lines(verify(folder))["evidence"].state == "mismatch"


def test_a_shard_that_was_computed_again_with_other_bits_is_not_packed_as_the_judged_one(tmp_path):
    folder = sealed_run(tmp_path)
    store, shards = in_format_2(folder, tmp_path)
    store.write(shards[0].address, {"x": np.ones(4)}, {"stage": "s", "images": 8})
    with pytest.raises(AuditError, match="is not the shard that was judged"):
        pack(folder)


def test_a_store_elsewhere_is_asked_only_by_the_users_own_word(tmp_path):
    pytest.importorskip("fsspec", reason='pip install "pytest-auditkit[remote]"')
    folder = sealed_run(tmp_path)
    local, _ = in_format_2(folder, tmp_path)
    url = f"memory://{tmp_path.name}"
    for file in local.stored():
        Store(url).files.publish(file.name, local.files.read(file.name))
    text = (folder / "evidence.json").read_text()
    (folder / "evidence.json").write_text(text.replace("../written", url))
    with pytest.raises(AuditError, match=f"name it with --store {url}"):
        pack(folder)
    says = lines(verify(folder))["evidence"].says
    assert "0 of 2" in says
    assert f"asked with --store {url}" in says
    assert main(["pack", str(folder), "--store", url]) == 0
    assert "2 of 2" in lines(verify(folder))["evidence"].says


def test_packing_twice_is_refused(run):
    with pytest.raises(AuditError, match="exists"):
        pack(run)


@pytest.mark.parametrize("name", ["evidence", "signatures"])
def test_a_file_in_the_place_of_what_the_manifest_leaves_out_is_named(run, trusted, name):
    shutil.rmtree(run / name)
    (run / name).write_text("a note")
    assert f"{name} is not a folder" in verify(run, trusted).mismatches


PIPED = [
    "MANIFEST.sha256",
    "results.json",
    "evidence.json",
    "signatures/performed-00000000.dsse.json",
]


@pytest.mark.parametrize("name", PIPED)
def test_a_pipe_is_named_and_not_waited_for(run, trusted, name):
    (run / name).unlink(missing_ok=True)
    os.mkfifo(run / name)
    assert any(name in wrong for wrong in verify(run, trusted).mismatches)


def test_a_signature_elsewhere_is_not_followed(run, trusted):
    path = sorted((run / "signatures").iterdir())[0]
    path.rename(run.parent / path.name)
    path.symlink_to(run.parent / path.name)
    assert f"signatures/{path.name} is not a plain file" in verify(run, trusted).mismatches


@pytest.mark.parametrize(
    "forge",
    [
        lambda payload: payload["predicate"]["signOff"].update(role=["approved"]),
        lambda payload: payload["predicate"]["signOff"].update(role={}),
        lambda payload: payload.pop("_type"),
        lambda payload: payload.pop("predicateType"),
        lambda payload: payload.pop("subject"),
        lambda payload: payload.update(subject=[None]),
    ],
)
def test_a_statement_without_its_parts_is_a_mismatch_and_no_crash(run, trusted, forge):
    path = sorted((run / "signatures").iterdir())[0]
    envelope = Envelope.from_bytes(path.read_bytes())
    payload = json.loads(envelope.payload)
    forge(payload)
    other = Envelope(json.dumps(payload).encode(), envelope.payload_type, "ab" * 32, b"sig")
    file = run / "signatures" / "approved-abababab.dsse.json"
    file.write_bytes(other.to_bytes())
    found = {s.file: s.state for s in check_signatures(run, read_results(run / "results.json"), ())}
    assert found[f"signatures/{file.name}"] == "mismatch"


def test_a_sidecar_of_another_shard_is_named_though_the_list_beside_it_was_made_anew(run, trusted):
    sidecar = sorted((run / "evidence").rglob("*/*.json"))[0]
    about = json.loads(sidecar.read_bytes())
    sidecar.write_text(json.dumps(about | {"images": 800}))
    write_manifest(run / "evidence", ("MANIFEST.sha256",))
    name = sidecar.relative_to(run).as_posix()
    assert verify(run, trusted).mismatches == (f"{name} is not of the shard beside it",)


def test_a_model_of_another_card_than_the_one_kept_is_named(run):
    results = read_results(run / "results.json")
    card = results.sources[1].model_copy(update={"file": results.models[0].card})
    other = results.model_copy(update={"sources": [results.sources[0], card]})
    (run / "results.json").write_text(to_json(other))
    seal(other, run)
    shutil.rmtree(run / "signatures")
    (wrong,) = verify(run).mismatches
    assert "the model 'steady' is not of the card kept" in wrong
