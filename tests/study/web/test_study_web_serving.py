"""Serving: safe addresses alone, links for everybody, no secrets in logs, and an end without loss."""

import http.client
import os
import re
import signal
import socket
import ssl
import subprocess
import sys
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from study_web_world import ADA, BEN, COORDINATOR, Browser, blinded, choice, draw

from auditkit.errors import AuditError
from auditkit.study.folder import write_blinded
from auditkit.study.place import Place
from auditkit.study.serving import check_pictures, database_of, invite, serve
from auditkit.study.storing import Store

LINK = re.compile(r"^(\w+) \((\w+)\): (\S+)/invitation/(\S+)$")
RUNNING = """
import sys
from pathlib import Path
from auditkit.study.place import Place
from auditkit.study.serving import serve
place = eval(sys.argv[2], {"Place": Place, "Path": Path})
serve(Path(sys.argv[1]), place, say=lambda line: print(line, flush=True))
print("ended", flush=True)
"""


@pytest.fixture
def folder(tmp_path):
    study = blinded()
    write_blinded(tmp_path, study)
    draw(tmp_path / "pictures", study)
    return tmp_path


@pytest.fixture(scope="module")
def certified(tmp_path_factory):
    """A certificate for localhost, and its key."""
    x509 = pytest.importorskip("cryptography.x509", reason="cryptography is not installed")
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    for file, locked in (
        ("key.pem", serialization.NoEncryption()),
        ("locked.pem", serialization.BestAvailableEncryption(b"x")),
    ):
        (folder / file).write_bytes(
            key.private_bytes(pem, serialization.PrivateFormat.PKCS8, locked)
        )
    return folder


class Running:
    """The server as a process of its own."""

    def __init__(self, folder, place):
        self.process = subprocess.Popen(
            [sys.executable, "-c", RUNNING, str(folder), place],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=os.environ | {"OMP_NUM_THREADS": "1"},
        )
        self.said = [self.process.stdout.readline().rstrip("\n") for _ in range(5)]
        self.links = {found[1]: found for found in map(LINK.match, self.said[:3])}

    @property
    def port(self):
        return int(self.said[4].partition(";")[0].rpartition(":")[2])

    def end(self, with_signal):
        """What it still said, what it logged, and with which status it ended."""
        self.process.send_signal(with_signal)
        out, err = self.process.communicate(timeout=20)
        return out, err, self.process.returncode


@pytest.mark.parametrize("with_signal", [signal.SIGTERM, signal.SIGINT])
def test_a_study_is_served_with_links_and_ends_in_peace(folder, with_signal):
    running = Running(folder, "Place(port=0)")
    assert set(running.links) == {ADA, BEN, COORDINATOR}
    assert running.said[3].startswith("Links hold for 72 hours.")
    browser = Browser("127.0.0.1", running.port)
    token = running.links[ADA][4]
    assert running.links[ADA][3] == f"http://127.0.0.1:{running.port}"
    assert browser.get(f"/invitation/{token}").status == 200
    assert browser.enter(token).status == 303
    slug = browser.get("/next")["Location"].rpartition("/")[2]
    reply = browser.post(f"/task/{slug}", choice(browser), json=True)
    assert reply.json == {"revision": 1}
    assert "Server" not in reply
    browser.get("/%0aFAKED%20LINE/x")
    out, err, status = running.end(with_signal)
    assert (out, status) == ("ended\n", 0)
    for secret in (
        *(link[4] for link in running.links.values()),
        browser.cookie.partition("=")[2],
        slug,
        browser.csrf,
    ):
        assert secret not in err
    lines = err.splitlines()
    assert [line.split()[3:6] for line in lines[:3]] == [
        ["GET", "/invitation/...", "200"],
        ["POST", "/invitation/...", "303"],
        ["GET", "/next", "303"],
    ]
    assert not any(line.startswith("FAKED") for line in lines)
    assert Store(database_of(folder, ""), blinded()).revisions(ADA, slug)[0].answer.choice == "A"


def test_over_tls_everything_is_secure(folder, certified):
    certificate, key = (
        f"Path({str(certified / name)!r})" for name in ("certificate.pem", "key.pem")
    )
    place = f"Place(port=0, certificate={certificate}, key={key}, names=('localhost',))"
    running = Running(folder, place)
    address, token = running.links[ADA].groups()[2:]
    assert address == f"https://localhost:{running.port}"
    trust = ssl.create_default_context(cafile=certified / "certificate.pem")
    line = http.client.HTTPSConnection("localhost", running.port, context=trust, timeout=10)
    line.request(
        "POST", f"/invitation/{token}", "", {"Origin": address, "Sec-Fetch-Site": "same-origin"}
    )
    entered = line.getresponse()
    entered.read()
    cookie = entered.getheader("Set-Cookie")
    assert (entered.status, cookie.startswith("__Host-auditkit-")) == (303, True)
    assert "secure" in cookie.lower()
    assert "max-age=" in entered.getheader("Strict-Transport-Security")
    line.request("GET", "/", headers={"Cookie": cookie.partition(";")[0]})
    assert line.getresponse().status == 200
    line.close()
    assert running.end(signal.SIGTERM)[2] == 0


def test_a_proxy_is_believed_and_nobody_else(folder):
    place = "Place(port=0, proxy='127.0.0.1', names=('study.example.org',))"
    running = Running(folder, place)
    assert running.links[ADA][3] == "https://study.example.org"
    port = _port_of(running)
    browser = Browser("127.0.0.1", port)
    given = {"Host": "study.example.org", "X-Forwarded-For": "203.0.113.9"}
    assert browser.get("/invitation/x", **given).status == 403  # no word of TLS
    assert browser.get("/invitation/x", **given, **{"X-Forwarded-Proto": "http"}).status == 403
    assert browser.get("/invitation/x", **given, **{"X-Forwarded-Proto": "https"}).status == 200
    _, err, _ = running.end(signal.SIGTERM)
    assert all(line.split()[2] == "203.0.113.9" for line in err.splitlines())


def test_whoever_is_not_the_proxy_is_not_believed(folder):
    running = Running(folder, "Place(port=0, proxy='10.9.8.7', names=('study.example.org',))")
    browser = Browser("127.0.0.1", _port_of(running))
    given = {
        "Host": "study.example.org",
        "X-Forwarded-For": "203.0.113.9",
        "X-Forwarded-Proto": "https",
    }
    assert browser.get("/invitation/x", **given).status == 403
    _, err, _ = running.end(signal.SIGTERM)
    assert "203.0.113.9" not in err


def _port_of(running):
    """The port behind a proxy, which no link names; from the system."""
    wanted = {f"socket:[{entry.rpartition('[')[2]}" for entry in _sockets(running.process.pid)}
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
            parts = line.split()
            if parts[3] == "0A" and f"socket:[{parts[9]}]" in wanted:
                return int(parts[1].partition(":")[2], 16)
        time.sleep(0.05)
    raise AssertionError("it does not listen")


def _sockets(process):
    for entry in Path(f"/proc/{process}/fd").iterdir():
        try:
            yield str(entry.readlink())
        except OSError:
            continue


@pytest.mark.parametrize(
    "host",
    [
        "0.0.0.0",
        "192.168.1.5",
        "::",
        "2001:db8::1",
        "study.example.org",
        "10.0.0.1",
        "",
        "127.0.0.1.nip.io",
    ],
)
def test_an_address_that_others_can_reach_is_refused_without_tls(host):
    with pytest.raises(AuditError, match="overheard"):
        Place(host=host)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.7.6", "::1", "localhost"])
def test_the_machines_own_addresses_need_no_tls(host):
    place = Place(host=host)
    assert not place.secure
    assert ("[::1]" if host == "::1" else host) in place.hosts


def test_tls_files_have_to_do(certified, tmp_path):
    whole, key, locked = (certified / f"{name}.pem" for name in ("certificate", "key", "locked"))
    assert Place(host="10.0.0.1", certificate=whole, key=key).secure
    for certificate, own in (
        (key, None),
        (whole, None),
        (tmp_path / "none.pem", key),
        (whole, locked),
        (whole, whole),
    ):
        with pytest.raises(AuditError, match="expected PEM files"):
            Place(certificate=certificate, key=own)
    with pytest.raises(AuditError, match="without its certificate"):
        Place(key=key)


@pytest.mark.parametrize("proxy", ["*", "everybody", "10.0.0.0/99", "10.0.0.7,*"])
def test_a_proxy_is_an_address(proxy):
    with pytest.raises(AuditError, match="--behind-proxy"):
        Place(proxy=proxy, names=("x.org",))


def test_behind_a_proxy_or_on_all_addresses_a_name_is_needed(certified):
    with pytest.raises(AuditError, match="--name"):
        Place(proxy="10.0.0.7")
    with pytest.raises(AuditError, match="--name"):
        Place(host="0.0.0.0", certificate=certified / "certificate.pem", key=certified / "key.pem")


@pytest.mark.parametrize(
    "name", ["https://x.org", "x.org/", "x org", "", "x.org:port", "-x.org", "x@y", "*.org", "a\nb"]
)
def test_names_are_names(name):
    with pytest.raises(AuditError, match="--name"):
        Place(names=(name,))


def test_links_begin_with_what_browsers_reach():
    assert Place().address(5) == "http://127.0.0.1:5"
    assert Place(host="::1").address(5) == "http://[::1]:5"
    assert Place(names=("Here",)).address(5) == "http://here:5"
    assert Place(names=("here:80", "there")).address(5) == "http://here:80"
    behind = Place(proxy="10.0.0.0/24", names=("study.org",))
    assert (behind.address(5), behind.hosts) == ("https://study.org", {"study.org"})
    assert Place(proxy="::1", names=("study.org:444",)).address(5) == "https://study.org:444"


def test_a_port_in_use_is_said(folder):
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        with pytest.raises(AuditError, match="another port"):
            serve(folder, Place(port=other.getsockname()[1]), say=pytest.fail)


@pytest.mark.parametrize("library", ["uvicorn", "auditkit.study.web"])
def test_missing_libraries_are_named_before_anything_is_said(folder, monkeypatch, library):
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(AuditError, match=r"pytest-auditkit\[study\]"):
        serve(folder, Place(port=0), say=pytest.fail)


def test_a_folder_without_a_study_is_said(tmp_path):
    with pytest.raises(AuditError, match="auditkit study new"):
        serve(tmp_path, Place(), say=pytest.fail)


def test_an_invitation_can_be_made_later(folder):
    address = invite(folder, ADA, "https://study.org", valid=timedelta(hours=1))
    head, _, token = address.rpartition("/")
    assert head == "https://study.org/invitation"
    store = Store(database_of(folder, ""), blinded())
    assert store.sign_in(token, timedelta(hours=1))
    with pytest.raises(AuditError, match="nobody-here"):
        invite(folder, "nobody-here", "https://study.org")


def test_pictures_that_could_tell_something_are_not_served(tmp_path):
    study = blinded()
    pictures = draw(tmp_path / "pictures", study)
    check_pictures(study, pictures)
    one = pictures / "picture0-0.png"
    one.write_bytes(one.read_bytes() + b"\0")
    with pytest.raises(AuditError, match="differ in length"):
        check_pictures(study, pictures)
    one.unlink()
    with pytest.raises(AuditError, match=r"picture0-0\.png"):
        check_pictures(study, pictures)
    (tmp_path / "key.json").write_text("{}")
    items = ({"item": "x", "reference": "r", "pictures": ("../key.json", "picture1-0.png")},)
    with pytest.raises(AuditError, match="is not a picture"):
        check_pictures(blinded(items=items), pictures)
