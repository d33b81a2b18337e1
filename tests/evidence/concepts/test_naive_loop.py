"""The paper's loop draws what the kept images hold, at P + 1 times the images."""

import numpy as np

from auditkit.evidence.concepts.drawer import drawer_of
from auditkit.evidence.concepts.images import concept_picture
from auditkit.evidence.concepts.kinds import Drawing
from auditkit.evidence.concepts.naive import naive_loop, random_orders
from auditkit.models.geometry import picture_to_input


def looped(evidence, generator_card, orders, **settings):
    drawer = drawer_of(generator_card, evidence.settings)
    sets = list(
        naive_loop(drawer, evidence.data.card, evidence.records, ("circle",), orders, **settings)
    )
    return sets, drawer.drawn


def test_with_fixed_noise_it_draws_the_images_that_are_kept(seen, tmp_path, generator_card):
    evidence = seen(tmp_path / "store", batch=4)
    evidence.records = evidence.records[:6]
    drawing = Drawing("tiny", (("circle",),), seed=5)
    orders = random_orders(6, 3, 1)
    sets, drawn = looped(evidence, generator_card, orders, seed=5, fresh_noise=False)
    assert drawn == 6 * 4
    assert len(sets) == 4
    for found in sets:
        for index, image in enumerate(found.drawn["image"]):
            value = evidence.records[found.order[index]].concepts["circle"]
            kept = concept_picture(evidence, drawing, index, {"circle": value})
            shown = picture_to_input(image, evidence.card.input)
            assert np.abs(kept.astype(int) - shown.astype(int)).max() <= 1
    assert sets[0].order.tolist() == list(range(6))


def test_with_fresh_noise_every_set_is_another(seen, tmp_path, generator_card):
    evidence = seen(tmp_path / "store", batch=4)
    evidence.records = evidence.records[:4]
    same_order = [np.arange(4)] * 2
    sets, _ = looped(evidence, generator_card, same_order)
    images = [found.drawn["image"].astype(int) for found in sets]
    assert np.abs(images[0] - images[1]).max() > 1
    assert np.abs(images[1] - images[2]).max() > 1
    again, _ = looped(evidence, generator_card, same_order)
    assert np.array_equal(sets[2].drawn["image"], again[2].drawn["image"])


def test_orders_are_permutations_and_follow_the_seed():
    orders = random_orders(5, 4, 2)
    assert all(sorted(order) == list(range(5)) for order in orders)
    again = random_orders(5, 4, 2)
    assert all(np.array_equal(a, b) for a, b in zip(orders, again, strict=True))
    assert any(
        not np.array_equal(a, b) for a, b in zip(orders, random_orders(5, 4, 3), strict=True)
    )
