"""A record of specs only grows, says no more than it can, and is found from the specs."""

import base64
import json
import shutil
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sealed_world import ed25519_verifies, raw_public_key, sha256

from auditkit.attestation import registration as module
from auditkit.attestation.keys import new_keys, read_signing_key, read_trusted_keys
from auditkit.attestation.record import PAYLOAD_TYPE, Record, read_record, total_of
from auditkit.attestation.registration import default_record, register, registration, wording
from auditkit.attestation.verifying_record import verify_record
from auditkit.errors import AuditError

TOOL = "auditkit 0.1.0"


@pytest.fixture
def root(tmp_path):
    for name in ("a", "b", "deep/c"):
        path = tmp_path / "audits" / f"{name}.audit.yaml"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"audit: {name}\n")
    return tmp_path


def digests(root, *names):
    paths = [root / "audits" / f"{name}.audit.yaml" for name in names]
    return {path: sha256(path.read_bytes()) for path in paths}


def add(root, *names, reason="", key=None):
    return register(digests(root, *names), {}, root / "audits/REGISTRATION.json", TOOL, reason, key)


def states(found):
    return {
        spec.file.removeprefix("audits/").removesuffix(".audit.yaml"): spec.state
        for spec in found.specs
    }


def test_specs_are_unchanged_changed_or_not_registered(root):
    add(root, "a", "b")
    (root / "audits/b.audit.yaml").write_text("audit: b # another threshold\n")
    found = registration(digests(root, "a", "b", "deep/c"), root)
    assert states(found) == {"a": "unchanged", "b": "changed", "deep/c": "not registered"}
    assert found.file == "audits/REGISTRATION.json"
    assert found.sha256 == sha256((root / found.file).read_bytes())
    assert found.commit == ""


def test_a_spec_is_held_against_what_was_read_not_against_what_lies_there_now(root):
    add(root, "a")
    read = digests(root, "a")
    (root / "audits/a.audit.yaml").write_text("audit: a # changed after the run began\n")
    assert states(registration(read, root)) == {"a": "unchanged"}


def test_without_a_record_there_is_none(root):
    assert registration(digests(root, "a"), root) is None
    assert registration({}, root) is None


def test_a_record_is_found_above_the_specs_but_not_above_the_root(root):
    register(digests(root, "deep/c"), {}, root / "REGISTRATION.json", TOOL)
    assert states(registration(digests(root, "deep/c"), root)) == {"deep/c": "unchanged"}
    assert registration(digests(root, "deep/c"), root / "audits") is None


def test_a_record_of_some_of_the_specs_is_found(root):
    register(digests(root, "deep/c"), {}, root / "audits/deep/REGISTRATION.json", TOOL)
    found = registration(digests(root, "a", "deep/c"), root)
    assert states(found) == {"a": "not registered", "deep/c": "unchanged"}


@pytest.fixture
def clock(monkeypatch):
    """Minutes that pass from entry to entry."""

    class Clock:
        minute = 0

        @classmethod
        def now(cls, zone):
            from datetime import datetime

            cls.minute += 1
            return datetime(2026, 11, 22, 12, cls.minute, tzinfo=zone)

    monkeypatch.setattr(module, "datetime", Clock)


def test_a_spec_counts_from_the_entry_since_which_it_is_the_same(root, clock):
    add(root, "a", "b")
    (root / "audits/b.audit.yaml").write_text("audit: b # better\n")
    add(root, "a", "b", reason="the interval was too wide")
    add(root, "a", "b", "deep/c", reason="a third spec")
    found = registration(digests(root, "a", "b", "deep/c"), root)
    assert [(spec.recorded, spec.reason) for spec in found.specs] == [
        ("2026-11-22T12:01:00Z", ""),
        ("2026-11-22T12:02:00Z", "the interval was too wide"),
        ("2026-11-22T12:03:00Z", "a third spec"),
    ]
    assert found.recorded == "2026-11-22T12:03:00Z"


def test_a_spec_that_came_back_counts_from_when_it_came_back(root, clock):
    add(root, "a")
    before = (root / "audits/a.audit.yaml").read_text()
    (root / "audits/a.audit.yaml").write_text("audit: a # tried\n")
    add(root, "a", reason="a trial")
    (root / "audits/a.audit.yaml").write_text(before)
    add(root, "a", reason="back again")
    (found,) = registration(digests(root, "a"), root).specs
    assert (found.state, found.recorded, found.reason) == (
        "unchanged",
        "2026-11-22T12:03:00Z",
        "back again",
    )


def test_a_second_entry_needs_a_reason_and_something_new(root):
    add(root, "a")
    content = (root / "audits/REGISTRATION.json").read_bytes()
    assert add(root, "a") is None
    with pytest.raises(AuditError, match="say why there is another, with --reason"):
        add(root, "a", "b")
    assert (root / "audits/REGISTRATION.json").read_bytes() == content


def three(root):
    for names in (["a"], ["a", "b"], ["a", "b", "deep/c"]):
        add(root, *names, reason="more")
    return root / "audits/REGISTRATION.json"


def test_an_entry_that_was_changed_breaks_the_chain_at_the_next(root):
    path = three(root)
    data = json.loads(path.read_bytes())
    data["entries"][1]["reason"] = "another"
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
    with pytest.raises(AuditError, match="entry 3: the chain is broken"):
        registration(digests(root, "a"), root)


@pytest.mark.parametrize(("taken", "named"), [(0, 1), (1, 2)])
def test_an_entry_that_was_taken_out_is_missed(root, taken, named):
    path = three(root)
    data = json.loads(path.read_bytes())
    del data["entries"][taken]
    path.write_text(json.dumps(data, indent=1, sort_keys=True) + "\n")
    with pytest.raises(AuditError, match=f"entry {named}: the chain is broken"):
        read_record(path)


def test_the_total_is_what_sha256sum_would_list(root):
    entry = register(
        digests(root, "a"),
        {root / "cards/x.data.yaml": "f" * 64},
        root / "audits/REGISTRATION.json",
        TOOL,
    )
    a = sha256(b"audit: a\n")
    listed = f"{'f' * 64}  ../cards/x.data.yaml\n{a}  a.audit.yaml\n"
    assert entry.total == sha256(listed.encode())


@pytest.fixture
def keys(tmp_path_factory):
    folder = tmp_path_factory.mktemp("keys")
    new_keys(folder / "anna")
    return folder


def test_a_signed_entry_verifies_after_rfc_8032(root, keys):
    entry = add(root, "a", key=read_signing_key(keys / "anna.key"))
    payload = entry.signed_bytes
    message = b"DSSEv1 %d %s %d %s" % (
        len(PAYLOAD_TYPE),
        PAYLOAD_TYPE.encode(),
        len(payload),
        payload,
    )
    public = raw_public_key(keys / "anna.pub")
    assert ed25519_verifies(public, message, base64.b64decode(entry.signature.sig))
    assert json.loads(payload)["specs"] == [
        {"file": "a.audit.yaml", "sha256": sha256(b"audit: a\n")}
    ]


def test_verifying_a_record_says_who_signed_it(root, keys):
    add(root, "a")
    path = root / "audits/REGISTRATION.json"
    assert verify_record(path, read_trusted_keys([], keys)).status == 2
    add(root, "a", "b", reason="more", key=read_signing_key(keys / "anna.key"))
    assert verify_record(path).status == 2
    found = verify_record(path, read_trusted_keys([], keys))
    assert found.status == 0
    assert found.signatures[0].file == "REGISTRATION.json, entry 2:"


def test_a_signature_of_the_last_entry_is_what_counts(root, keys):
    add(root, "a", key=read_signing_key(keys / "anna.key"))
    add(root, "a", "b", reason="by somebody else")
    path = root / "audits/REGISTRATION.json"
    assert verify_record(path, read_trusted_keys([], keys)).status == 2


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_any_changed_byte_of_a_signed_record_is_found(tmp_path_factory, data):
    folder = tmp_path_factory.getbasetemp() / "record"
    path = folder / "REGISTRATION.json"
    if not path.exists():
        folder.mkdir()
        new_keys(folder / "anna")
        spec = {folder / "a.audit.yaml": "a" * 64}
        register(spec, {}, path, TOOL, key=read_signing_key(folder / "anna.key"))
    content = path.read_bytes()
    changed = bytearray(content)
    changed[data.draw(st.integers(0, len(content) - 1))] ^= data.draw(st.integers(1, 255))
    try:
        path.write_bytes(bytes(changed))
        assert verify_record(path, read_trusted_keys([], folder)).status == 1
    finally:
        path.write_bytes(content)


def test_the_record_lies_in_the_folder_that_holds_all_paths(root):
    audits = root / "audits"
    assert default_record([audits]) == audits / "REGISTRATION.json"
    assert default_record([audits / "a.audit.yaml"]) == audits / "REGISTRATION.json"
    both = [audits / "deep", audits / "a.audit.yaml"]
    assert default_record(both) == audits / "REGISTRATION.json"


def git(folder, *arguments):
    names = ["-c", "user.name=t", "-c", "user.email=t@example.org", "-c", "commit.gpgsign=false"]
    command = ["git", "-C", folder, *names, *arguments]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    return done.stdout.strip()


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_the_commit_is_the_first_in_which_the_record_stands_as_it_is(root):
    git(root, "init", "-q")
    add(root, "a")
    specs = digests(root, "a")
    assert registration(specs, root).commit == ""
    git(root, "add", ".")
    assert registration(specs, root).commit == ""
    git(root, "commit", "-q", "-m", "recorded")
    first = git(root, "rev-parse", "HEAD")
    (root / "other.txt").write_text("later")
    git(root, "add", ".")
    git(root, "commit", "-q", "-m", "later")
    found = registration(specs, root)
    assert found.commit == first
    assert f"existed no later than commit {first}, if that commit's date is trusted" in wording(
        found
    )
    entry = add(root, "a", "b", reason="more")
    assert entry.commit == git(root, "rev-parse", "HEAD")
    assert registration(specs, root).commit == ""


def test_the_wording_claims_no_more_than_a_clock_without_a_commit(root):
    add(root, "a")
    text = wording(registration(digests(root, "a", "b"), root))
    assert text.startswith(
        "Of 2 specs against audits/REGISTRATION.json: 1 unchanged, 1 not registered."
    )
    assert "it stands in no commit" in text


def test_an_entry_that_names_a_spec_twice_is_refused(root):
    """Whichever of the two a run then had, one of them would be the recorded one."""
    add(root, "a")
    path = root / "audits/REGISTRATION.json"
    (entry,) = read_record(path).entries
    twice = [entry.specs[0], entry.specs[0].model_copy(update={"sha256": "0" * 64})]
    forged = entry.model_copy(update={"specs": twice, "total": total_of(twice)})
    path.write_bytes(Record(entries=[forged]).to_bytes())
    with pytest.raises(AuditError, match="names a file twice"):
        read_record(path)
