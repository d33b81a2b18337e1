"""Requests that nobody's browser sends: too large, too many, from elsewhere, out of form."""

import secrets

import pytest
from study_web_world import ADA, BEN, COORDINATOR, VALID, blinded, choice, served

from auditkit.study.answers import MAX_COMMENT, MAX_NAME, MAX_ROWS
from auditkit.study.web.forms import FORM, MAX_BODY, MAX_FIELDS, MAX_VALUE
from auditkit.study.web.headers import HEADERS
from auditkit.study.web.rates import Rate, Rates

PLENTY = Rate(10_000, 10_000)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    rates = Rates(PLENTY, PLENTY, PLENTY)
    with served(tmp_path_factory.mktemp("requests"), blinded(), rates=rates) as world:
        yield world


@pytest.fixture(scope="module")
def ada(world):
    return world.signed_in(ADA)


@pytest.fixture
def target(world):
    """The address of a task, of which it is seen to that nothing is kept."""
    slug = world.tasks(ADA)[0].slug
    yield f"/task/{slug}"
    assert world.answers(ADA, slug) == []


def hardened(reply):
    return all(reply[name] == value for name, value in HEADERS.items()) and "Server" not in reply


def rows(count, attribute="pinker"):
    given = [("category", "lesion"), ("attribute", attribute), ("comparator", "A > B")]
    return [pair for n in range(count) for pair in given]


@pytest.mark.parametrize("json", [False, True])
def test_a_body_that_is_too_large_is_refused(ada, target, json):
    for size in (MAX_BODY + 1, 3 * MAX_BODY):
        reply = ada.post(target, "comment=" + "x" * (size - 8), json=json)
        assert reply.status == 413
        assert hardened(reply)
        assert "256 KiB" in reply.text


def test_a_body_that_says_it_is_huge_is_not_waited_for(ada, target):
    head = f"POST {target} HTTP/1.1\r\nHost: localhost\r\nCookie: {ada.cookie}\r\nContent-Type: {FORM}\r\n"
    assert ada.raw(f"{head}Content-Length: 99999999999\r\n\r\nx") == 413
    assert ada.raw(f"{head}Content-Length: 99999999999999999999999\r\n\r\nx") == 400
    assert ada.raw(f"{head}Content-Length: -1\r\n\r\nx") == 400


def test_a_body_in_pieces_is_counted(ada, target):
    piece = b"x" * 65536
    reply = ada.ask("POST", target, iter([b"comment="] + [piece] * 5), {"Content-Type": FORM})
    assert reply.status == 413


@pytest.mark.parametrize(
    "changed",
    [
        {"comment": "x" * (MAX_COMMENT + 1)},
        {"comment": "x" * (MAX_VALUE + 1)},
        {"choice": "C"},
        {"choice": "a"},
        {"unable": "maybe"},
        {"submitted": "true"},
        {"unknown": "1"},
        {"item": "item0"},
        {"expert": BEN},
        {"kind": "screening"},
        {"order": "1,0"},
        {"comment": "a\0b"},
        {"comment": "a\x1b[31mb"},
        {"comment": "evil\u202etxt.exe"},
    ],
    ids=lambda changed: repr(changed)[:30],
)
def test_fields_that_do_not_belong_or_do_not_do_are_refused(ada, target, changed):
    assert ada.post(target, choice(ada, **changed), json=True).status == 422


def test_rows_that_do_not_do_are_refused(ada, target):
    whole = list(choice(ada).items())
    many = ada.post(target, [*whole, *rows(MAX_ROWS + 1)], json=True)
    assert many.status == 422
    assert str(MAX_ROWS) in many.json["error"]
    more = ada.post(target, [*whole, *rows(MAX_FIELDS)], json=True)
    assert more.status == 422
    long = ada.post(target, [*whole, *rows(1, "x" * (MAX_NAME + 1))], json=True)
    assert long.status == 422
    uneven = ada.post(target, [*whole, *rows(1), ("attribute", "alone")], json=True)
    assert uneven.status == 422
    strange = [("category", "elsewhere"), ("attribute", "x"), ("comparator", "A > B")]
    assert ada.post(target, [*whole, *strange], json=True).status == 422
    compared = [("category", "lesion"), ("attribute", "x"), ("comparator", "A >> B")]
    assert ada.post(target, [*whole, *compared], json=True).status == 422


@pytest.mark.parametrize("repeated", ["csrf", "nonce", "choice", "submitted", "comment"])
def test_a_field_that_comes_twice_is_refused(ada, target, repeated):
    given = choice(ada, comment="")
    assert ada.post(target, [*given.items(), (repeated, given[repeated])], json=True).status == 422


@pytest.mark.parametrize(
    "body", [b"\xff\xfe", b"comment=%ff", b"comment=%ed%a0%80", b"comment", b"&&", b"a=1;b=2"]
)
def test_what_is_no_form_is_refused(ada, target, body):
    assert ada.post(target, body, json=True).status == 422


@pytest.mark.parametrize(
    "kind", ["application/json", "multipart/form-data; boundary=x", "text/plain", ""]
)
def test_other_kinds_of_bodies_are_refused(ada, target, kind):
    reply = ada.post(target, choice(ada), headers={"Content-Type": kind})
    assert reply.status == 415


def host(browser, *lines, path="/"):
    given = "".join(f"{line}\r\n" for line in lines)
    return browser.raw(
        f"GET {path} HTTP/1.1\r\n{given}Cookie: {browser.cookie}\r\nConnection: close\r\n\r\n"
    )


@pytest.mark.parametrize(
    "name",
    ["evil.example", "localhost.evil.example", "127.0.0.1.evil.example", "evil@localhost",
     "localhost:8000@evil", "localhost, evil.example", "169.254.169.254", "", "localhost:99999999",
     "[::1].evil", "localhost."],
)  # fmt: skip
def test_other_hosts_are_refused(ada, name):
    assert host(ada, f"Host: {name}") in {400, 421}


def test_one_host_is_expected(ada):
    assert host(ada, "Host: localhost") == 200
    assert host(ada, "Host: LOCALHOST:1234") == 200
    assert host(ada, "Host: localhost", "Host: evil.example") == 400
    assert host(ada, "Host: evil.example", "X-Forwarded-Host: localhost") == 421


def test_names_can_be_given(tmp_path):
    with served(tmp_path, blinded(), hosts=["Study.example.org"]) as world:
        assert host(world.stranger(), "Host: study.example.org", path="/invitation/x") == 200
        assert host(world.stranger(), "Host: localhost", path="/invitation/x") == 421


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "https://evil.example"},
        {"Origin": "http://localhost:1"},
        {"Origin": "null"},
        {"Origin": ""},
        {"Origin": "https://127.0.0.1:PORT"},
        {"Origin": "http://127.0.0.1:PORT.evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Sec-Fetch-Site": "same-site"},
        {"Sec-Fetch-Site": ""},
        {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "cross-site"},
        {"Origin": "null", "Sec-Fetch-Site": "cross-site"},
    ],
    ids=str,
)
def test_forms_of_other_sites_are_refused(world, ada, target, headers):
    given = {name: value.replace("PORT", str(world.port)) for name, value in headers.items()}
    reply = ada.post(target, choice(ada), headers=given)
    assert reply.status == 403
    assert "another site" in reply.text
    invited = world.store.invite(ADA, VALID)
    assert "Set-Cookie" not in world.stranger().post(f"/invitation/{invited}", "", headers=given)


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Origin": "http://127.0.0.1:PORT"},
        {"Origin": "http://127.0.0.1:PORT", "Sec-Fetch-Site": "same-origin"},
        {"Origin": "null", "Sec-Fetch-Site": "same-origin"},
    ],
    ids=str,
)
def test_forms_of_ones_own_pages_are_taken(world, ada, headers):
    given = {name: value.replace("PORT", str(world.port)) for name, value in headers.items()}
    reply = ada.post(f"/task/{world.tasks(ADA)[1].slug}", choice(ada), headers=given)
    assert reply.status == 303


def test_methods_are_not_confused(world, ada, target):
    token = world.store.invite(ADA, VALID)
    for path in ("/advance", "/sign-out", "/grouping/agree"):
        assert ada.get(f"{path}?csrf={ada.csrf}").status == 405
    for path in ("/", "/next", "/static/x", target.replace("task", "picture") + "/0.png"):
        assert ada.post(path, choice(ada)).status == 405
    for method in ("PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "FOO"):
        for path in (target, f"/invitation/{token}", "/"):
            reply = ada.ask(method, path, headers={"Content-Length": "0"})
            assert reply.status in {400, 404, 405}
            assert hardened(reply) or reply.status == 400
    override = {"X-HTTP-Method-Override": "POST", "X-Method-Override": "POST"}
    assert ada.get(target, **override).status == 200
    assert "Set-Cookie" not in world.stranger().get(f"/invitation/{token}?_method=post", **override)


def test_fields_in_the_address_are_no_form(ada, target):
    given = choice(ada)
    query = "&".join(f"{name}={value}" for name, value in given.items())
    assert ada.post(f"{target}?{query}", "").status in {403, 415, 422}


@pytest.mark.parametrize(
    "path",
    ["/%0d%0aSet-Cookie:%20a=b", "/task/%0d%0aX-Injected:%201", "/invitation/%0d%0aX-Injected:1"],
)
def test_nothing_that_is_sent_becomes_a_header(ada, path):
    for reply in (ada.get(path), ada.post(path, "")):
        assert "X-Injected" not in reply
        assert "Set-Cookie" not in reply
        assert hardened(reply)


def test_redirects_stay_here_whatever_host_is_named(world, ada):
    for reply in (ada.get("/next"), ada.get("//evil.example/"), ada.get("/task/x/")):
        assert reply["Location"] is None or reply["Location"].startswith("/task/")


def filled(route):
    path = route.path
    for name in route.param_convertors:
        path = path.replace("{" + name + "}", "x")
    return path


def test_every_route_answers_everybody_with_all_headers(world):
    coordinator = world.signed_in(COORDINATOR)
    people = (world.stranger(), world.signed_in(BEN), coordinator)
    for route in world.app.routes:
        for method in sorted(route.methods):
            for who in people:
                reply = who.ask(method, filled(route), "", {"Content-Type": FORM})
                assert hardened(reply), (route.path, method)
                assert reply["Cache-Control"] == "no-store"
                assert reply.status in {200, 303, 403, 404, 422}
                assert reply.status == 200 or method != "GET" or "Traceback" not in reply.text


def test_what_is_drawn_with_is_served_from_memory_and_kept_by_browsers(world):
    assets = world.app.state.context.assets
    for name, asset in assets.files.items():
        reply = world.stranger().get(f"/static/{name}")
        assert (reply.status, reply.body) == (200, asset.content)
        assert reply["Content-Type"] == asset.content_type
        assert "immutable" in reply["Cache-Control"]
        assert hardened(reply)
    for name in ("style.css", "", "app.py", "..%2fapp.py", "style-0000000000000000.css"):
        assert world.stranger().get(f"/static/{name}").status == 404


def test_pages_load_nothing_from_elsewhere_and_run_nothing_inline(world, ada):
    pages = [ada.get("/"), ada.get(f"/task/{world.tasks(ADA)[1].slug}"), ada.get("/nothing")]
    for page in [*pages, world.signed_in(COORDINATOR).get("/")]:
        assert "//" not in page.text.replace("<!doctype", "").split("<body")[0]
        assert " style=" not in page.text
        assert "<style" not in page.text
        assert " on" not in {part[:3] for part in page.text.split("<")}
        assert "<script>" not in page.text


def test_a_fault_of_ours_is_said_plainly_and_hardened(world, ada, monkeypatch):
    secret = secrets.token_hex(8)

    def broken(*_):
        raise RuntimeError(secret)

    monkeypatch.setattr(world.store, "session", broken)
    for headers in ({}, {"Accept": "application/json"}):
        reply = ada.get("/", **headers)
        assert reply.status == 500
        assert hardened(reply)
        assert reply["Cache-Control"] == "no-store"
        assert secret not in reply.text
        assert "fault of this program" in reply.text


def test_too_many_requests_are_sent_away_until_later(tmp_path):
    rates = Rates(entering=Rate(3, 0.1), strangers=Rate(6, 0.1), signed_in=Rate(9, 0.1))
    with served(tmp_path, blinded(), rates=rates) as world:
        ada = world.signed_in(ADA)
        statuses = [world.stranger().get("/invitation/guess").status for _ in range(4)]
        assert statuses == [200, 200, 429, 429]
        late = world.stranger().post("/invitation/guess", "", json=True)
        assert late.status == 429
        assert 1 <= int(late["Retry-After"]) <= 10
        assert late.json["error"]
        assert hardened(late)
        forged = [ada.get("/nothing").status]  # a session is known from its first page on
        for _ in range(7):
            stranger = world.stranger()
            stranger.cookie = f"{ada.cookie.partition('=')[0]}={secrets.token_urlsafe(32)}"
            forged.append(stranger.get("/").status)
        assert forged == [404] + [403] * 5 + [429] * 2
        own = [ada.get("/").status for _ in range(10)]
        assert own == [200] * 9 + [429]
        assert int(ada.get("/")["Retry-After"]) >= 1
