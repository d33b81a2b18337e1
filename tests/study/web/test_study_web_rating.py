"""The form of a heatmap: the order of its steps, what is sent twice, and what cannot be given."""

import pytest
from study_web_world import ADA, blinded, served

from auditkit.study.answers import Decision
from auditkit.study.folder import Item

FIRST = {"step": "first", "decision": "nevus", "confidence": "60"}
SECOND = {"step": "second", "decision": "melanoma", "confidence": "80", "rating": "7"}


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    # Each test uses up one.
    items = tuple(
        Item(
            item=f"i{n}",
            reference=f"r{n}",
            pictures=(f"{n}a", f"{n}b", f"{n}c"),
            told={"prediction": "melanoma", "probability": "86 %"},
        )
        for n in range(30)
    )
    study = blinded("heatmaps", items=items, set_size=30)
    with served(tmp_path_factory.mktemp("rating"), study) as found:
        yield found


@pytest.fixture(scope="module")
def browser(world):
    return world.signed_in(ADA)


@pytest.fixture
def slug(world):
    """A task to which nobody has answered yet."""
    return next(one.slug for one in world.tasks(ADA) if not world.answers(ADA, one.slug))


def send(browser, slug, nonce, **fields):
    body = {"csrf": browser.csrf, "nonce": f"nonce-{nonce}-{slug}", **fields}
    return browser.post(f"/task/{slug}", body, json=True)


def test_what_is_sent_again_because_its_answer_was_lost_is_no_second_step(world, browser, slug):
    for _ in range(2):
        assert send(browser, slug, "a", **FIRST).json == {"revision": 1}
    (kept,) = world.answers(ADA, slug)
    assert kept.before == Decision(decision="nevus", confidence=60)
    assert kept.after is None


def test_a_first_step_from_another_tab_takes_nothing_away(world, browser, slug):
    send(browser, slug, "a", **FIRST)
    assert send(browser, slug, "b", **SECOND).status == 200
    assert send(browser, slug, "c", **FIRST).status == 200
    assert world.answers(ADA, slug)[-1].rating == 7.0
    for changed in ({"decision": "melanoma"}, {"confidence": "61"}):
        reply = send(browser, slug, f"d{len(changed)}", **(FIRST | changed))
        assert reply.status == 422
        assert "cannot change" in reply.json["error"]
    assert {one.before for one in world.answers(ADA, slug)} == {
        Decision(decision="nevus", confidence=60)
    }


def test_a_form_that_names_no_step_is_of_the_one_that_is_due(world, browser, slug):
    first, second = ({**one} for one in (FIRST, SECOND))
    first.pop("step")
    second.pop("step")
    assert send(browser, slug, "a", **first).status == 200
    assert send(browser, slug, "b", **second, submitted="yes").status == 200
    whole = world.answers(ADA, slug)[-1]
    assert (whole.before.decision, whole.after.decision) == ("nevus", "melanoma")


def test_neither_prediction_nor_pictures_are_given_before_the_first_step(world, browser, slug):
    assert send(browser, slug, "a", **SECOND).status == 422
    assert "86 %" not in browser.get(f"/task/{slug}?begin").text
    assert browser.get(f"/picture/{slug}/2.png").status == 404
    assert world.answers(ADA, slug) == []
    send(browser, slug, "b", **FIRST)
    assert browser.get(f"/picture/{slug}/2.png").status == 200
    assert "probability 86 %" in browser.get(f"/task/{slug}?begin").text


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"decision": "mole"}, "not one of nevus, melanoma"),
        ({"decision": ""}, "how confident"),
        ({"confidence": ""}, "how confident"),
        ({"confidence": "101"}, "from 0 to 100"),
        ({"confidence": "-1"}, "from 0 to 100"),
        ({"confidence": "1e1"}, "from 0 to 100"),
        ({"confidence": "٣"}, "from 0 to 100"),
        ({"confidence": "9" * 150}, "from 0 to 100"),
        ({"rating": "1_0"}, "a number"),
        ({"rating": "١"}, "a number"),
        ({"rating": "11"}, "scale"),
        ({"rating": "6.5"}, "scale"),
        ({"rating": "nan"}, "a number"),
        ({"rating": "good"}, "a number"),
        ({"step": "third"}, "first or second"),
        ({"rating": "", "submitted": "yes"}, "missing"),
        ({"unable": "perhaps"}, "yes"),
    ],
)
def test_what_cannot_be_given_is_refused_with_the_reason(world, browser, slug, changed, message):
    send(browser, slug, "a", **FIRST)
    before = world.answers(ADA, slug)
    reply = send(browser, slug, "b", **(SECOND | changed))
    assert reply.status == 422
    assert message in reply.json["error"]
    assert world.answers(ADA, slug) == before


def test_who_cannot_rate_hands_in_without_a_rating(world, browser, slug):
    send(browser, slug, "a", **FIRST)
    given = SECOND | {"rating": "", "unable": "yes", "submitted": "yes"}
    assert send(browser, slug, "b", **given).status == 200
    assert next(one for one in world.tasks(ADA) if one.slug == slug).done
