"""Finding ids and paths in texts: all of them, and nothing else."""

import hashlib
import hmac
import re
import stat
from concurrent.futures import ThreadPoolExecutor

import pytest
import shared_world
from hypothesis import given
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.results import DataResult, IdentifierFinding
from auditkit.sharing import (
    DECLARED,
    Renaming,
    held_back,
    pseudonym,
    read_key,
    uncleared,
    withheld,
)
from auditkit.sharing.paths import paths_in, without_paths
from auditkit.sharing.vocabulary import Vocabulary, is_common

KEY = bytes(range(32))


def vocabulary(*ids):
    return Vocabulary(KEY, {"d": ids})


def test_a_pseudonym_is_a_keyed_digest():
    expected = hmac.digest(KEY, b"d\0ISIC_1", hashlib.sha256).hex()[:10]
    assert pseudonym(KEY, "d", "ISIC_1") == expected
    others = {pseudonym(KEY, "e", "ISIC_1"), pseudonym(bytes(32), "d", "ISIC_1")}
    assert len({expected, *others}) == 3


def test_the_key_is_made_once_and_is_its_owners(tmp_path):
    store = tmp_path / ".auditkit" / "store"
    with ThreadPoolExecutor(8) as pool:
        keys = set(pool.map(read_key, [store] * 16))
    assert len(keys) == 1
    path = tmp_path / ".auditkit" / "pseudonyms.key"
    assert len(keys.pop()) == 32
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    path.write_text("damaged")
    with pytest.raises(AuditError, match="is not a key of pseudonyms"):
        read_key(store)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ISIC_1", ["ISIC_1"]),
        ("ISIC_12, xISIC_1, ISIC_1x", []),
        ("(ISIC_1.png) and ISIC_1_mask", ["ISIC_1.png", "ISIC_1"]),
        ("12345678 and 0.12345678 and 12345678.5 and 12345678.", ["12345678", "12345678"]),
        ("2026 images, image 2026, patient: '2026', id=2026", ["2026", "2026", "2026"]),
        ("left and patient left", ["left"]),
        ("-xy- a-xy-b", ["-xy-", "-xy-"]),
    ],
)
def test_ids_are_found_where_no_letter_or_digit_is_beside_them(text, found):
    words = vocabulary("ISIC_1", "ISIC_1.png", "12345678", "2026", "left", "-xy-")
    assert [span.id for span in words.found(text)] == found


ID = st.text("abAB12_-. ", min_size=4, max_size=8).filter(
    lambda text: text == text.strip() and not is_common(text) and re.search(r"[^\W_]", text)
)


@given(st.lists(ID, min_size=1, max_size=6), st.text("abAB12_-. ,", max_size=40))
def test_the_index_finds_what_trying_every_place_finds(ids, text):
    """Against brute force: the first id from the left, the longest at its place, then on behind it."""

    def alone(start, word):
        before, after = text[:start], text[start + len(word) :]
        if (word[0].isalnum() and before[-1:].isalnum()) or (
            word[-1].isalnum() and after[:1].isalnum()
        ):
            return False
        decimal = re.search(r"\d[.,]$", before) or re.match(r"[.,]\d", after)
        return not (word.isdecimal() and decimal)

    expected, place = [], 0
    while place < len(text):
        here = [word for word in ids if text.startswith(word, place) and alone(place, word)]
        if here:
            longest = max(here, key=len)
            expected.append((place, longest))
        place += len(max(here, key=len)) if here else 1
    assert [(span.start, span.id) for span in vocabulary(*ids).found(text)] == expected


@given(st.lists(ID, min_size=1, max_size=6), st.text("abAB12_-. ,", max_size=40))
def test_no_id_is_left_in_a_renamed_text(ids, text):
    words = vocabulary(*ids)
    left = [span.id for span in words.found(words.in_text(text, "d"))]
    made = {pseudonym(KEY, "d", word) for word in ids}
    # A pseudonym joins its neighbours as the id did.
    assert not left or made.intersection(left)


def test_many_ids_of_one_form_are_found_quickly():
    words = vocabulary(*(f"synthetic-2026-{i:05d}.png" for i in range(20_000)))
    text = " ".join(f"synthetic-2026-{i:05d}.png 0.5" for i in range(0, 20_000, 10))
    assert len(words.found(text * 10)) == 19_991


@pytest.mark.parametrize(
    ("text", "paths"),
    [
        ("/home/anna/data/x.png cannot be read", ["/home/anna/data/x.png"]),
        ("see '/mnt/ward 7/a'", ["/mnt/ward 7/a"]),
        ('"/mnt/ward 7/a" and "b"', ["/mnt/ward 7/a"]),
        ("see /mnt/ward 7/a", ["/mnt/ward"]),
        ("error:/home/anna/a and /x/a:/home/anna/b", ["/home/anna/a", "/x/a", "/home/anna/b"]),
        ("in ../../../home/anna/store, not ../a/b", ["../../../home/anna/store"]),
        ("smb://ward7/share/a", ["smb://ward7/share/a"]),
        (r"C:\Users\Anna\x.csv: line 3", [r"C:\Users\Anna\x.csv:"]),
        (r"\\server\share\x", [r"\\server\share\x"]),
        ("~anna/audits and ~/audits/a.yaml", ["~anna/audits", "~/audits/a.yaml"]),
        ("--store=/data/x/y.", ["/data/x/y"]),
        ("file:///home/anna/a", ["file:///home/anna/a"]),
        ("https://doi.org/10.1038/s41551 and arxiv.org/abs/1 and a/b/c and ../a/b and n/a", []),
        ("cd/m2, 1/2/3, and/or, ~3 s, audits/x.audit.yaml::m[a]", []),
    ],
)
def test_absolute_paths_are_told_from_addresses_and_fractions(text, paths):
    assert list(paths_in(text)) == paths
    for path in paths:
        assert path not in without_paths(text, lambda _: "0123456789")


def finding(where="EXIF"):
    return IdentifierFinding(where=where, what="Artist", count=1)


def test_findings_hold_a_data_set_back_until_somebody_answers_for_them():
    assert uncleared([finding()], "") == [finding()]
    assert uncleared([finding()], "  ") == [finding()]
    assert uncleared([finding()], "data office, 2026-01-02") == ()
    assert uncleared([finding(DECLARED)], "") == []
    data = DataResult.model_construct(identifiers=[finding()], cleared="")
    assert held_back(data)
    assert not held_back(data.model_copy(update={"cleared": "data office"}))


def test_a_withheld_picture_has_the_digest_of_its_file():
    assert withheld(b"png").file == ""
    assert withheld(b"png").sha256 == hashlib.sha256(b"png").hexdigest()


def test_a_run_whose_ids_are_held_back_keeps_its_own_paths():
    verdict = shared_world.verdict()
    renaming = Renaming(vocabulary(shared_world.ESCAPED, shared_world.SHOWN), paths=False)
    renamed = renaming.verdict(verdict, "d")
    name = pseudonym(KEY, "d", shared_world.ESCAPED)
    assert renamed.reason == verdict.reason.replace(shared_world.ESCAPED, name)
    assert shared_world.HOME in renamed.reason
    assert shared_world.SHOWN not in renamed.node
