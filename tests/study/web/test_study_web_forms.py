"""Forms and rates by themselves: whatever is sent, the outcome is a form in bounds or a refusal."""

from urllib.parse import urlencode

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from starlette.exceptions import HTTPException

from auditkit.study.answers import ScreeningAnswer
from auditkit.study.web.forms import FORM, MAX_FIELDS, MAX_VALUE, Fields, checked, parse
from auditkit.study.web.rates import SIGNED_IN, Buckets, Rate, Rates

FIELDS = Fields(("a", "b"), ("row",))
PRINTABLE = st.text(st.characters(categories=("L", "N", "P", "S", "Zs"))).map(
    lambda text: text if text.isascii() else "é"
)


@given(st.binary(max_size=300))
@settings(max_examples=200)
def test_any_bytes_are_a_form_in_bounds_or_refused(body):
    try:
        form = parse(body, FORM, FIELDS)
    except HTTPException as refused:
        if refused.status_code == 422:
            return
        raise
    assert set(form.values) <= {"a", "b", "row"}
    assert all(len(form.all(name)) <= 1 for name in ("a", "b"))


@given(PRINTABLE, st.lists(PRINTABLE, max_size=20))
@settings(max_examples=100)
def test_what_a_browser_sends_is_what_is_read(single, rows):
    form = parse(urlencode([("a", single), *(("row", row) for row in rows)]).encode(), FORM, FIELDS)
    assert (form.one("a"), form.all("row"), form.one("b")) == (single, tuple(rows), "")


def test_newlines_and_composed_letters_are_told_alike():
    form = parse(urlencode({"a": "one\r\ntwo\rthree", "b": "cafe\u0301"}).encode(), FORM, FIELDS)
    assert (form.one("a"), form.one("b")) == ("one\ntwo\nthree", "caf\u00e9")


def test_the_number_and_length_of_fields_are_bounded():
    parse(b"&".join([b"row=x"] * MAX_FIELDS), FORM, FIELDS)
    parse(b"a=" + b"x" * MAX_VALUE, FORM, FIELDS)
    for body in (b"&".join([b"row=x"] * (MAX_FIELDS + 1)), b"a=" + b"x" * (MAX_VALUE + 1)):
        with pytest.raises(HTTPException) as refused:
            parse(body, FORM, FIELDS)
        assert refused.value.status_code == 422


def test_an_answer_that_does_not_do_is_named():
    with pytest.raises(HTTPException, match="comment") as refused:
        checked(ScreeningAnswer, {"comment": "x" * 3000})
    assert refused.value.status_code == 422


class Clock:
    now = 0.0

    def __call__(self):
        return self.now


def test_a_bucket_gives_its_burst_and_then_its_rate():
    clock = Clock()
    buckets = Buckets(Rate(3, 0.5), clock)
    assert [buckets.spend("x") for _ in range(4)] == [0, 0, 0, 2]
    assert buckets.spend("y") == 0
    clock.now = 1.9
    assert buckets.spend("x") == 1
    clock.now = 2.1
    assert [buckets.spend("x"), buckets.spend("x")] == [0, 2]
    clock.now = 1e6
    assert [buckets.spend("x") for _ in range(4)] == [0, 0, 0, 2]


def test_buckets_forget_rather_than_grow():
    buckets = Buckets(Rate(1, 1), Clock(), most=100)
    for n in range(1000):
        buckets.spend(str(n))
    assert len(buckets) == 100
    assert "999" in buckets
    assert "0" not in buckets


def test_a_flood_of_addresses_and_sessions_stays_in_bounds():
    rates = Rates(clock=Clock())
    for n in range(30_000):
        rates.spend(f"10.{n >> 16}.{n >> 8 & 255}.{n & 255}", f"token{n}", entering=bool(n % 2))
        rates.know(f"token{n}")
    held = [len(each) for each in (rates._entering, rates._strangers, rates._sessions)]
    assert max(held) <= 10_000


def test_twenty_simulated_experts_of_one_address_are_never_sent_away():
    clock = Clock()
    rates = Rates(clock=clock)
    waits = [rates.spend("127.0.0.1", "", entering=True) for _ in range(40)]  # page and button each
    waits += [rates.spend("127.0.0.1", f"s{n}", entering=False) for n in range(20)]
    for n in range(20):
        rates.know(f"s{n}")
    for step in range(60 * 20):
        clock.now = step / 20
        # Twenty answers a second, each with its page and two pictures.
        waits += [
            rates.spend("127.0.0.1", f"s{n}", entering=False) for n in range(20) for _ in range(4)
        ]
    assert max(waits) == 0
    assert SIGNED_IN.per_second >= 80


def test_ipv6_counts_by_network_and_nonsense_together():
    rates = Rates(entering=Rate(2, 0.001), clock=Clock())
    assert [rates.spend(f"2001:db8::{n}", "", entering=True) > 0 for n in range(4)] == [
        False,
        False,
        True,
        True,
    ]
    assert rates.spend("2001:db8:0:1::1", "", entering=True) == 0
    assert [rates.spend(name, "", entering=True) > 0 for name in ("", "?", "evil")] == [
        False,
        False,
        True,
    ]
