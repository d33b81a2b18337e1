"""Addresses with the identity put into text once are the addresses of the whole identity."""

import pickle

import pytest
from hypothesis import given
from hypothesis import strategies as st

from auditkit.evidence.identity import ShardAddresses, address
from auditkit.evidence.stage import Stage
from auditkit.evidence.used import UsedShards
from auditkit.results.evidence_list import ListedShard

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
NAMES = st.text().filter(lambda name: name != "images")


@given(st.dictionaries(NAMES, VALUES, max_size=6), st.lists(st.text(), max_size=4))
def test_any_identity_has_the_address_that_its_whole_text_has(identity, images):
    assert ShardAddresses(identity).of(images) == address({**identity, "images": images})


@pytest.mark.parametrize(
    "identity", [{}, {"a": 1}, {"z": 1}, {"a": [1.5], "imaget": None, "z": "\u00fc"}]
)
def test_keys_on_either_side_of_the_images(identity):
    assert ShardAddresses(identity).of(["x"]) == address({**identity, "images": ["x"]})


def test_a_stage_that_was_sent_asks_for_the_code_where_it_arrives(monkeypatch):
    stage = Stage("s", {"stage": "x"}, ["a", "b"], 2)
    here = stage.where([0, 1])
    sent = pickle.dumps(stage)
    monkeypatch.setattr("auditkit.evidence.stage.code_version", lambda: "another")
    arrived = pickle.loads(sent)
    assert arrived == stage
    assert arrived.where([0, 1]) != here
    assert arrived.content([0, 1]) == stage.content([0, 1])


def shard(address="ab" * 32, sha256="cd" * 32, stage="scores"):
    return ListedShard(
        address=address, sha256=sha256, stage=stage, content="ef" * 32, images=16, size=2**33
    )


def test_packed_shards_are_the_shards_that_were_put_in():
    used = UsedShards()
    every = [
        shard(),
        shard("01" * 32, stage="heatmaps, \u00e4"),
        shard("02" * 32, sha256="not a digest"),
    ]
    for one in every:
        used.put(one)
    assert list(used.values()) == every == used.news()
    assert list(used) == [one.address for one in every]
    assert used.news() == []
    assert used.knows("02" * 32, "not a digest")
    assert not used.knows("02" * 32, "another")
    assert not used.knows("03" * 32, "not a digest")


def test_a_shard_that_changed_is_news_once_as_it_is_now():
    used = UsedShards()
    for sha256 in ("11" * 32, "22" * 32):
        used.put(shard(sha256=sha256))
    assert used.news() == [shard(sha256="22" * 32)]
    assert len(used) == 1
