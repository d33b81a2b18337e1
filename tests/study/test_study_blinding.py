"""Whatever a browser receives but decoded pixels tells neither side nor model, and would be found out."""

import zlib

import numpy as np
import pytest
import study_pairs_world as world
from scipy.stats import binom
from study_blinding_crawl import Browser, Response, served
from study_blinding_leaks import LEAKS
from study_blinding_told import Question, Told, leaks, of_png, questions, told

from auditkit.study.building.pictures import encoded

REFERENCES = {"side": 16, "model": 34}
QUESTIONS = {
    "screening: side",
    "screening: model",
    "stage-1: side",
    "stage-1: model",
    "stage-1: repeat",
}


def study(folder, references, **settings):
    folder.mkdir()
    world.pairs(folder, references)
    found, _, _ = world.built(folder, references=references, seed=None, set_size=10, **settings)
    return found.folder


def asked(folder, phases, rng, **leaking):
    """All that is told by the phases of a study, as its first expert sees them."""
    found = []
    with served(folder, **leaking) as running:
        browser = Browser(running, "ada")
        for phase in phases:
            if running.store.phase != phase:
                running.store.advance(running.store.people()[-1], "the other one is late")
            seen, truths = browser.crawl(), running.truths("ada", phase)
            found += [
                one for question in questions(seen, truths, rng) for one in told(question, rng)
            ]
    return found


def test_nothing_but_pixels_tells_side_model_or_repeat(tmp_path):
    """What is told in one study counts if it is told in another one too: chance does not repeat itself."""
    rng = np.random.default_rng(0)
    phases = ("screening", "stage-1")
    found = asked(study(tmp_path / "first", REFERENCES["model"], repeats=0.5), phases, rng)
    assert {one.question for one in found} == QUESTIONS
    # So many that a leak which is always right is found; how many repeats stand beside fresh pairs is drawn.
    assert min(one.n for one in found if not one.question.endswith("repeat")) >= 16
    suspected = leaks(found)
    if suspected:
        again = asked(study(tmp_path / "again", REFERENCES["model"], repeats=0.5), phases, rng)
        suspected &= leaks(again)
    assert not suspected


@pytest.mark.parametrize("name", LEAKS)
def test_a_planted_leak_is_found(tmp_path, name):
    leak = LEAKS[name]
    references = REFERENCES[leak.question.partition(": ")[2]]
    folder = study(tmp_path / "leaking", references, prescreen=False, repeats=0.0)
    if leak.folder:
        leak.folder(folder)
    rng = np.random.default_rng(0)
    found = asked(folder, ("stage-1",), rng, wrapped=leak.wrapped, prepared=leak.prepared)
    assert leak.question in {question for question, _ in leaks(found)}, found


def test_what_is_read_of_a_picture_does_not_depend_on_its_pixels():
    flat = np.zeros((9, 7, 3), np.uint8)
    noisy = np.random.default_rng(0).integers(0, 256, flat.shape, dtype=np.uint8)
    assert of_png(encoded(flat)) == of_png(encoded(noisy))


def test_right_answers_have_the_binomial_distribution_if_there_is_nothing_to_tell():
    """Features that are noise, and coins: 10 questions to either classifier, at the usual sizes."""
    rng = np.random.default_rng(1)
    found = []
    for _ in range(10):
        names = np.repeat(np.arange(12), 2)
        question = Question("q", rng.normal(size=(24, 4)), rng.integers(2, size=24) == 1, names)
        found += told(question, rng)
    for classifier in ("logistic regression", "gradient boosting"):
        own = [one for one in found if one.classifier == classifier]
        assert {one.n for one in own} == {12}
        right = sum(one.right for one in own)
        # Two-sided at 1e-4, so that the seed above does not matter.
        assert binom.cdf(right, 10 * 12, 0.5) > 5e-5
        assert binom.sf(right - 1, 10 * 12, 0.5) > 5e-5


def test_the_numbers_of_what_is_told_are_those_of_the_binomial_distribution():
    one = Told("q", "c", 9, 10)
    assert one.p == pytest.approx(11 / 1024)
    # Clopper and Pearson (1934): ends at which 9 of 10 or more, and 9 or fewer, have probability 2.5 %.
    low, high = one.interval
    assert binom.sf(8, 10, low) == pytest.approx(0.025)
    assert binom.cdf(9, 10, high) == pytest.approx(0.025)
    sure = Told("q", "c", 20, 20)
    assert leaks([sure, one]) == {("q", "c")}
    assert leaks([one]) == set()


def test_checksums_of_pixels_are_all_that_is_left_out():
    """What differs between two pictures of a study lies in the lines of pixels or in checksums of them."""
    flat, noisy = np.zeros((4, 5, 3), np.uint8), np.full((4, 5, 3), 255, np.uint8)
    first, second = (np.frombuffer(encoded(one), np.uint8) for one in (flat, noisy))
    differs = set(np.flatnonzero(first != second).tolist())
    start = 8 + 25 + 8 + 2 + 5  # signature, IHDR, head of IDAT, of zlib and of the block
    lines = {start + row * 16 + 1 + byte for row in range(4) for byte in range(15)}
    adler, crc = start + 64, start + 68
    assert differs <= lines | set(range(adler, adler + 4)) | set(range(crc, crc + 4))
    assert zlib.decompress(encoded(flat)[41:-16]) == bytes(64)


def test_a_response_is_read_whole():
    from study_blinding_told import of_response

    one = Response(200, [("etag", "x"), ("date", "y")], b"abc", 1.0)
    assert of_response("page", one) == {
        "page status": 200,
        "page bytes": 3,
        "page seconds": 0.0,
        "page headers": "etag,date",
        "page header etag": "x",
        "page header date": "y",
    }
