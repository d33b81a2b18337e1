"""Tasks over HTTP: one's own alone, each answer once, and pictures that tell nothing but pixels."""

import secrets

import pytest
from study_web_world import ADA, BEN, BYTES, COORDINATOR, blinded, choice, served

from auditkit.study.web.rates import Rate, Rates

PLENTY = Rate(10_000, 10_000)
SCRIPT = "<script>alert(1)</script><img src=x onerror=alert(1)>\"'{{7*7}}"


def unlimited():
    return Rates(PLENTY, PLENTY, PLENTY)


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    study = blinded()
    with served(tmp_path_factory.mktemp("tasks"), study, rates=unlimited()) as world:
        yield world


@pytest.fixture(scope="module")
def ada(world):
    return world.signed_in(ADA)


def test_an_answer_is_kept_and_leads_on(world, ada):
    task = world.tasks(ADA)[0]
    assert ada.get("/next")["location"] == f"/task/{task.slug}"
    reply = ada.post(f"/task/{task.slug}", choice(ada, choice="B", seconds="12.5"))
    assert (reply.status, reply["location"]) == (303, "/next")
    kept = world.store.revisions(ADA, task.slug)[-1]
    assert (kept.answer.choice, kept.submitted, kept.seconds) == ("B", True, 12.5)
    assert ada.get("/next")["location"] == f"/task/{world.tasks(ADA)[1].slug}"


def test_the_start_page_shows_set_phase_and_the_way_on(tmp_path):
    with served(tmp_path, blinded(), rates=unlimited()) as world:
        ada, tasks = world.signed_in(ADA), world.tasks(ADA)
        assert "Set 1 of 2: 0 of 2 done." in ada.get("/").text
        for task in tasks[:2]:
            ada.post(f"/task/{task.slug}", choice(ada))
        page = ada.get("/").text
        assert "Set 2 of 2: 0 of 1 done." in page
        assert "2 of 3" in page
        assert f'href="/task/{tasks[2].slug}"' in page
        ada.post(f"/task/{tasks[2].slug}", choice(ada))
        assert "done with this phase" in ada.get("/").text


def test_a_draft_is_kept_and_stays_here(world, ada):
    slug = world.tasks(ADA)[1].slug
    draft = choice(ada, submitted="", comment="not sure")
    reply = ada.post(f"/task/{slug}", draft)
    assert (reply.status, reply["location"]) == (303, f"/task/{slug}")
    assert world.store.revisions(ADA, slug)[-1].submitted is False


def test_a_script_hears_the_revision(world, ada):
    slug = world.tasks(ADA)[1].slug
    before = len(world.answers(ADA, slug))
    reply = ada.post(f"/task/{slug}", choice(ada), json=True)
    assert (reply.status, reply.json) == (200, {"revision": before + 1})


def test_a_form_sent_again_is_acknowledged_once(world, ada):
    slug = world.tasks(ADA)[1].slug
    given = choice(ada, comment="again and again")
    first = ada.post(f"/task/{slug}", given, json=True)
    count = len(world.answers(ADA, slug))
    again = [ada.post(f"/task/{slug}", given, json=True) for _ in range(3)]
    assert {reply.body for reply in again} == {first.body}
    assert ada.post(f"/task/{slug}", given).status == 303
    assert len(world.answers(ADA, slug)) == count


@pytest.mark.parametrize("json", [False, True])
def test_a_form_sent_again_with_another_answer_is_a_conflict(world, ada, json):
    first, other = (task.slug for task in world.tasks(ADA)[:2])
    given = choice(ada)
    assert ada.post(f"/task/{first}", given, json=json).status in {200, 303}
    count = len(world.answers(ADA, first))
    assert ada.post(f"/task/{first}", given | {"choice": "B"}, json=json).status == 409
    assert ada.post(f"/task/{first}", given | {"submitted": ""}, json=json).status == 409
    assert ada.post(f"/task/{other}", given, json=json).status == 409
    assert len(world.answers(ADA, first)) == count


@pytest.mark.parametrize("nonce", ["", "short", "x" * 65, "a b c d e f", "ß" * 10, "../../etc"])
def test_a_form_without_a_nonce_of_its_own_is_refused(world, ada, nonce):
    reply = ada.post(f"/task/{world.tasks(ADA)[0].slug}", choice(ada, nonce=nonce), json=True)
    assert reply.status == 422
    assert "nonce" in reply.json["error"]


@pytest.mark.parametrize("seconds", ["-1", "nan", "inf", "-inf", "soon", "1e999"])
def test_impossible_times_are_refused(world, ada, seconds):
    reply = ada.post(f"/task/{world.tasks(ADA)[0].slug}", choice(ada, seconds=seconds), json=True)
    assert reply.status == 422


def test_what_is_missing_is_said_on_the_page_again(world, ada):
    slug = world.tasks(ADA)[1].slug
    reply = ada.post(f"/task/{slug}", choice(ada, choice="", comment="half done"))
    assert reply.status == 422
    assert 'role="alert"' in reply.text
    assert "half done" in reply.text


def test_another_experts_task_is_like_one_that_does_not_exist(world, ada):
    theirs = world.tasks(BEN)[0].slug
    for slug in (theirs, "a" * len(theirs)):
        for method, path in (
            ("GET", f"/task/{slug}"),
            ("GET", f"/picture/{slug}/0.png"),
            ("HEAD", f"/picture/{slug}/0.png"),
        ):
            assert ada.ask(method, path).status == 404
        assert ada.post(f"/task/{slug}", choice(ada)).status == 404
    pages = [ada.get(f"/task/{slug}") for slug in (theirs, "a" * len(theirs))]
    plain = [[pair for pair in page.headers if pair[0] != "date"] for page in pages]
    assert pages[0].body == pages[1].body
    assert plain[0] == plain[1]
    assert world.answers(BEN, theirs) == []


def test_a_task_of_a_later_phase_is_like_one_that_does_not_exist(world, ada):
    later = world.tasks(ADA, "stage-2")[0].slug
    assert ada.get(f"/task/{later}").status == 404
    assert ada.get(f"/picture/{later}/0.png").status == 404
    assert ada.post(f"/task/{later}", choice(ada)).status == 404


def test_both_sides_are_shown_in_the_tasks_order(world, ada):
    for task in world.tasks(ADA):
        item = next(item for item in world.study.items if item.item == task.item)
        for place, index in enumerate(task.order):
            body = ada.get(f"/picture/{task.slug}/{place}.png").body
            assert item.pictures[index].encode() in body


def test_a_picture_comes_with_nothing_that_tells_it_from_others(world, ada):
    seen = set()
    for task in world.tasks(ADA):
        for place in (0, 1):
            reply = ada.get(f"/picture/{task.slug}/{place}.png")
            seen.add(tuple((n.lower(), v) for n, v in reply.headers if n.lower() != "date"))
    (headers,) = seen
    named = dict(headers)
    assert named["content-length"] == str(BYTES)
    assert named["content-type"] == "image/png"
    assert named["cache-control"] == "no-store"
    assert not {"etag", "last-modified", "content-disposition", "server", "accept-ranges"} & set(
        named
    )


@pytest.mark.parametrize(
    "place",
    ["2.png", "-1.png", "00.png", "0", "0.PNG", "0.png.png", "0.png%00", "%30.png/", "0%2Epng/x", "٠.png",
     "1e0.png", "9" * 5000 + ".png", "..%2f..%2fkey.json", "%2e%2e%2f0.png", "../../key.json", "..",
     "picture0-0.png", ""],
)  # fmt: skip
def test_no_other_place_can_be_asked_for(world, ada, place):
    slug = world.tasks(ADA)[0].slug
    path = f"/picture/{slug}/{place}".encode().decode("latin-1")
    assert ada.raw(
        f"GET {path} HTTP/1.1\r\nHost: localhost\r\nCookie: {ada.cookie}\r\nConnection: close\r\n\r\n"
    ) in {400, 404}


@pytest.mark.parametrize(
    "slug", ["..", "../..", "%2e%2e", "..%2f..", "..%5c..", ".%00", "%2e%2e%2fkey.json", "key.json"]
)
@pytest.mark.parametrize(
    "path", ["/task/{}", "/picture/{}/0.png", "/static/{}", "/{}/key.json", "//{}"]
)
def test_no_path_leads_out(world, ada, slug, path):
    asked = path.format(slug)
    reply = ada.raw(
        f"GET {asked} HTTP/1.1\r\nHost: localhost\r\nCookie: {ada.cookie}\r\nConnection: close\r\n\r\n"
    )
    assert reply == 404


def test_free_text_is_text_wherever_it_is_shown(world, ada):
    slug = world.tasks(ADA)[2].slug
    row = {"category": "lesion", "attribute": SCRIPT, "comparator": "A > B"}
    reply = ada.post(f"/task/{slug}", choice(ada, comment=SCRIPT, **row))
    assert reply.status == 303
    refused = ada.post(f"/task/{slug}", choice(ada, choice="", comment=SCRIPT, **row))
    assert refused.status == 422
    for page in (ada.get(f"/task/{slug}").text, refused.text):
        assert "<script>alert" not in page
        assert "<img src=x" not in page
        assert "&lt;script&gt;" in page
        assert "{{7*7}}" in page


def test_the_coordinator_sees_no_task_no_picture_no_grouping(world):
    coordinator, slug = world.signed_in(COORDINATOR), world.tasks(ADA)[0].slug
    for path in (f"/task/{slug}", f"/picture/{slug}/0.png", "/grouping"):
        assert coordinator.get(path).status == 403
    unknown = [coordinator.get(f"/task/{slug}").body, coordinator.get("/task/unknown").body]
    assert unknown[0] == unknown[1]
    assert coordinator.post(f"/task/{slug}", choice(coordinator)).status == 403


def test_nothing_changes_after_its_phase(tmp_path):
    with served(tmp_path, blinded(), rates=unlimited()) as world:
        for name in (ADA, BEN):
            world.answer_all(name)
        ada, task = world.signed_in(ADA), world.tasks(ADA)[0]
        world.store.advance(world.store.people()[-1])
        before = world.answers(ADA, task.slug)
        for json in (False, True):
            reply = ada.post(f"/task/{task.slug}", choice(ada, choice="B"), json=json)
            assert reply.status == 422
            assert "over" in reply.text
        assert world.answers(ADA, task.slug) == before


def test_no_heatmap_before_ones_own_prediction(tmp_path):
    with served(tmp_path, blinded("heatmaps"), rates=unlimited()) as world:
        ada, (task, other) = world.signed_in(ADA), world.tasks(ADA)[:2]
        assert ada.get(f"/picture/{task.slug}/0.png").status == 200
        for place in (1, 2):
            assert ada.get(f"/picture/{task.slug}/{place}.png").status == 404
        shown = ada.get(f"/task/{task.slug}").text
        assert "melanoma" in shown  # one of the classes
        first = {
            "csrf": ada.csrf,
            "nonce": secrets.token_urlsafe(12),
            "decision": "nevus",
            "confidence": "70",
        }
        assert ada.post(f"/task/{task.slug}", first).status == 303
        for place in (1, 2):
            assert ada.get(f"/picture/{task.slug}/{place}.png").status == 200
            assert ada.get(f"/picture/{other.slug}/{place}.png").status == 404
