"""Keys are made once, kept to their owner, and refused where they are not what they should be."""

import base64
import stat
import sys

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import SECP256R1, generate_private_key
from hypothesis import given
from hypothesis import strategies as st
from sealed_world import ed25519_verifies, raw_public_key, sealed_run, sha256

from auditkit.attestation.dsse import Envelope, pae
from auditkit.attestation.keys import PASSPHRASE, new_keys, read_signing_key, read_trusted_keys
from auditkit.attestation.verifying import verify
from auditkit.errors import AuditError


def test_a_pair_of_keys_signs_and_verifies(tmp_path):
    private, public, key_id = new_keys(tmp_path / "anna.example")
    assert (private.name, public.name) == ("anna.example.key", "anna.example.pub")
    assert stat.S_IMODE(private.stat().st_mode) == 0o600
    key, (trusted,) = read_signing_key(private), read_trusted_keys([public])
    assert key.id == trusted.id == key_id
    assert trusted.verifies(key.sign(b"message"), b"message")
    assert not trusted.verifies(key.sign(b"message"), b"another")
    assert ed25519_verifies(raw_public_key(public), b"message", key.sign(b"message"))


def test_a_key_id_is_the_digest_of_the_public_key_as_openssl_writes_it(tmp_path):
    _, public, key_id = new_keys(tmp_path / "anna")
    der = bytes.fromhex("302a300506032b6570032100") + raw_public_key(public)
    assert key_id == sha256(der)


@pytest.mark.parametrize("file", ["anna.key", "anna.pub"])
def test_keys_are_never_overwritten(tmp_path, file):
    (tmp_path / file).write_text("mine")
    with pytest.raises(AuditError, match="never overwritten"):
        new_keys(tmp_path / "anna")
    assert [path.name for path in tmp_path.iterdir()] == [file]
    assert (tmp_path / file).read_text() == "mine"


def test_a_passphrase_is_needed_where_one_was_given(tmp_path, monkeypatch):
    monkeypatch.setenv(PASSPHRASE, "correct horse")
    private, _, key_id = new_keys(tmp_path / "anna")
    assert read_signing_key(private).id == key_id
    monkeypatch.setenv(PASSPHRASE, "wrong")
    with pytest.raises(AuditError, match="is AUDITKIT_KEY_PASSPHRASE right"):
        read_signing_key(private)
    monkeypatch.delenv(PASSPHRASE)
    with pytest.raises(AuditError, match="is encrypted; set AUDITKIT_KEY_PASSPHRASE"):
        read_signing_key(private)


def test_a_passphrase_that_nobody_needs_does_no_harm(tmp_path, monkeypatch):
    private, _, key_id = new_keys(tmp_path / "anna")
    monkeypatch.setenv(PASSPHRASE, "of another key")
    assert read_signing_key(private).id == key_id


def test_what_is_no_ed25519_key_is_refused(tmp_path):
    other = generate_private_key(SECP256R1())
    pem = serialization.Encoding.PEM
    (tmp_path / "p256.key").write_bytes(
        other.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    (tmp_path / "p256.pub").write_bytes(
        other.public_key().public_bytes(pem, serialization.PublicFormat.SubjectPublicKeyInfo)
    )
    (tmp_path / "text.pub").write_text("hello")
    with pytest.raises(AuditError, match="not an Ed25519 key"):
        read_signing_key(tmp_path / "p256.key")
    with pytest.raises(AuditError, match="not an Ed25519 key"):
        read_trusted_keys([tmp_path / "p256.pub"])
    with pytest.raises(AuditError, match="cannot be read as a public key"):
        read_trusted_keys([tmp_path / "text.pub"])
    with pytest.raises(AuditError, match="cannot be read as a private key"):
        read_signing_key(tmp_path / "text.pub")
    with pytest.raises(AuditError, match="cannot be read"):
        read_signing_key(tmp_path / "none.key")
    with pytest.raises(AuditError, match="no public key"):
        read_trusted_keys([], tmp_path / "none")


def test_without_cryptography_the_message_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    with pytest.raises(AuditError, match=r'pip install "pytest-auditkit\[sign\]"'):
        new_keys(tmp_path / "anna")


def test_an_unsigned_run_is_verified_without_cryptography(tmp_path, monkeypatch):
    run = sealed_run(tmp_path)
    monkeypatch.setitem(sys.modules, "cryptography.hazmat.primitives", None)
    assert verify(run).status == 2


def test_the_encoding_is_that_of_the_dsse_specification():
    found = pae("http://example.com/HelloWorld", b"hello world")
    assert found == b"DSSEv1 29 http://example.com/HelloWorld 11 hello world"
    assert pae("é", "é".encode()) == "DSSEv1 2 é 2 é".encode()


envelopes = st.builds(Envelope, st.binary(), st.text(), st.text(), st.binary())


@given(envelopes)
def test_an_envelope_is_read_as_it_was_written(envelope):
    assert Envelope.from_bytes(envelope.to_bytes()) == envelope


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"[]",
        b"{}",
        b'{"payload": "", "payloadType": "", "signatures": []}',
        b'{"payload": "", "payloadType": "", "signatures": [{"keyid": "", "sig": ""}]}',
        b"[" * 100_000,
    ],
)
def test_what_is_no_envelope_is_refused(content):
    with pytest.raises(ValueError, match="is not"):
        Envelope.from_bytes(content)


def test_a_kind_of_key_that_is_not_known_at_all_is_refused(tmp_path):
    der = bytes.fromhex("302a300506032b6573032100") + bytes(32)
    text = base64.b64encode(der).decode()
    for word, read in (
        ("PUBLIC", lambda path: read_trusted_keys([path])),
        ("PRIVATE", read_signing_key),
    ):
        path = tmp_path / word
        path.write_text(f"-----BEGIN {word} KEY-----\n{text}\n-----END {word} KEY-----\n")
        with pytest.raises(AuditError, match=f"as a {word.lower()} key in PEM"):
            read(path)
