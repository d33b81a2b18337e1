"""Which images are for practice, for the study and not needed; and what a seed gives away."""

import math
from types import SimpleNamespace

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from auditkit.errors import AuditError
from auditkit.study.building.drawing import drawn
from auditkit.study.building.names import opaque_names
from auditkit.study.building.seeds import checked_seed, order_seed

SEED = "ab" * 16


def asked(references, practice, models, prescreen=True):
    names = [str(i) for i in range(models)]
    return SimpleNamespace(
        references=references, practice=practice, models=names, prescreen=prescreen, path="x"
    )


@settings(max_examples=200, deadline=None)
@given(st.integers(1, 60), st.integers(1, 30), st.integers(0, 9), st.integers(1, 4), st.booleans())
def test_every_image_has_one_use_and_no_more_than_needed_are_used(
    there, wanted, practice, models, screen
):
    used = min(practice, max(there - wanted, math.ceil(practice / models)))
    assume(used < there)
    found = drawn(there, asked(wanted, practice, models, screen), SEED)
    practised = {image for image, _ in found.practice}
    uses = [*practised, *found.offered, *found.not_drawn]
    assert sorted(uses) == list(range(there)), "each image once"
    assert len(found.practice) == len(set(found.practice)) == practice
    assert all(0 <= model < models for _, model in found.practice)
    limit = math.ceil(1.5 * wanted) if screen else wanted
    assert len(found.offered) == min(limit, there - len(practised))
    if there - wanted >= practice:
        assert len(practised) == practice, "an image of its own for each pair"
        assert len(found.offered) >= min(wanted, there - practice)
    else:
        assert len(practised) == max(there - wanted, math.ceil(practice / models))


def test_practice_that_leaves_nothing_is_refused():
    with pytest.raises(AuditError, match=r"2 reference images .* 2 of them .* practice"):
        drawn(2, asked(10, 4, 2), SEED)


def test_which_images_are_drawn_follows_from_the_seed_and_from_nothing_else():
    plan = asked(5, 3, 2)
    assert drawn(30, plan, SEED) == drawn(30, plan, SEED)
    assert drawn(30, plan, SEED) != drawn(30, plan, "cd" * 16)


def test_practice_is_on_all_models_alike():
    models = [
        model for n in range(200) for _, model in drawn(9, asked(4, 4, 2), f"{n:032x}").practice
    ]
    # 800 fair coins: four standard deviations are 57.
    assert abs(models.count(0) - 400) < 57


def test_seeds_are_drawn_or_long_enough_not_to_be_guessed():
    assert checked_seed(SEED) == SEED
    drawn_seed, other = checked_seed(None), checked_seed(None)
    assert len(drawn_seed) == 32
    assert drawn_seed != other
    for short in ("1", "AB" * 16, "a" * 31, "a" * 129, "g" * 32, ""):
        with pytest.raises(AuditError, match="seed: 32 to 128 of the digits"):
            checked_seed(short)


def test_the_seed_of_orders_is_a_digest_of_the_seed():
    assert len(order_seed(SEED)) == 64
    assert SEED not in order_seed(SEED)
    assert order_seed(SEED) == order_seed(SEED) != order_seed("cd" * 16)


def test_opaque_names_are_never_the_same_whatever_generators_are_seeded_with():
    import random

    import numpy as np

    def names():
        random.seed(1)
        np.random.seed(1)  # noqa: NPY002 the global one is what is meant
        return opaque_names(200)

    first, second = names(), names()
    assert len({*first, *second}) == 400
    assert all(len(name) == 24 and int(name, 16) >= 0 for name in first)
    assert sorted(first) != first
