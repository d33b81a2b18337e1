"""Each image is drawn once, whatever asks for it; answers stand where the contract says."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from auditkit.errors import AuditError
from auditkit.evidence.concepts.answers import concept_answers
from auditkit.evidence.concepts.images import concept_picture
from auditkit.evidence.concepts.kinds import Drawing
from auditkit.evidence.concepts.plan import planned

BLOCKS = (("circle",), ("red", "size"))
DRAWING = Drawing("tiny", BLOCKS)


def same(first, second, atol=0.0):
    close = np.allclose(first.plain, second.plain, atol=atol, equal_nan=True)
    names = list(first.blocks)
    return close and all(
        np.allclose(
            first.blocks[name].answers, second.blocks[name].answers, atol=atol, equal_nan=True
        )
        for name in names
    )


def test_answers_stand_at_their_image_value_and_repeat(seen, tmp_path):
    evidence = seen(tmp_path / "store")
    drawing = replace(DRAWING, repeats=2, seed=3)
    found = concept_answers(evidence, drawing)
    assert found.plain.shape == (2, 7, 2)
    circle, mixed = found.blocks["circle"], found.blocks["red + size"]
    assert circle.values == [("0",), ("1",)]
    assert circle.own.tolist() == [1, 0, 1, 0, 1, 0, -1]
    # In the order of the card, where small comes before large, and only what occurs.
    assert mixed.values == [("0", "small"), ("0", "large"), ("1", "small"), ("1", "large")]
    assert mixed.answers.shape == (2, 7, 4, 2)
    for block in found.blocks.values():
        own = block.answers[:, range(6), block.own[:6]]
        assert np.array_equal(own, found.plain[:, :6])
    # What stands there is the model's answer to that very picture.
    for repeat, index, value in ((0, 1, 2), (1, 4, 3), (1, 0, 0)):
        changed = dict(zip(mixed.concepts, mixed.values[value], strict=True))
        picture = concept_picture(evidence, drawing, index, changed, repeat)
        model = evidence.own_model()
        wanted = model.probabilities(model.prepare([picture])).numpy()[0]
        assert np.allclose(mixed.answers[repeat, index, value], wanted)
    assert not np.allclose(found.plain[0, :6], found.plain[1, :6])


def test_an_image_with_an_unknown_value_is_skipped_with_its_reason(seen, tmp_path):
    found = concept_answers(seen(tmp_path / "store"), DRAWING)
    assert found.skipped == ["", "", "", "", "", "", "the value of 'red' is unknown"]
    assert np.isnan(found.plain[:, 6]).all()
    assert np.isnan(found.blocks["circle"].answers[:, 6]).all()
    assert np.isfinite(found.plain[:, :6]).all()
    alone = concept_answers(seen(tmp_path / "store"), replace(DRAWING, blocks=(("circle",),)))
    assert alone.skipped == [""] * 7


def test_each_image_is_drawn_once(seen, tmp_path, counted):
    store = tmp_path / "store"
    concept_answers(seen(store), DRAWING)
    # Six as they are, six with the other value of circle, three times six of the block of two.
    assert len(counted) == 6 * (1 + 1 + 3)
    concept_answers(seen(store, model="another"), DRAWING)
    concept_answers(seen(store), replace(DRAWING, blocks=(("circle",),), repeats=1))
    # Without the block that has an unknown value, the seventh image is drawn beside the others.
    assert 0 < len(counted) - 30 <= 14
    before = len(counted)
    concept_answers(seen(store), DRAWING)
    assert len(counted) == before


def test_answers_that_are_kept_need_no_images(seen, tmp_path, counted, monkeypatch):
    store = tmp_path / "store"
    first = concept_answers(seen(store), DRAWING)
    for sidecar in store.rglob("*.json"):
        if '"concept images"' in sidecar.read_text():
            sidecar.unlink()
    before = len(counted)
    assert same(first, concept_answers(seen(store), DRAWING))
    assert len(counted) == before
    # A picture asked for later draws its shard alone.
    concept_picture(seen(store), DRAWING, 0, {"circle": "0"})
    assert len(counted) == before + 3


def test_captions_that_are_equal_are_drawn_once(seen, tmp_path, counted, monkeypatch):
    evidence = seen(tmp_path / "store")
    silent = evidence.data.card.concepts[2].model_copy(
        update={"phrases": {"small": "", "medium": "", "large": "large"}}
    )
    concepts = [*evidence.data.card.concepts[:2], silent]
    evidence.data.card = evidence.data.card.model_copy(update={"concepts": concepts})
    rows = [
        replace(record, concepts={**record.concepts, "size": size})
        for record, size in zip(evidence.records[:3], ("small", "medium", "large"), strict=True)
    ]
    evidence.records = rows
    drawing = Drawing("tiny", (("size",),))
    found = concept_answers(evidence, drawing)
    # Of each image: large, and one of the two that say nothing.
    assert len(counted) == 6
    answers = found.blocks["size"].answers
    assert np.array_equal(answers[:, :, 0], answers[:, :, 1])
    assert found.captions == len(set(counted))


def test_noise_is_that_of_the_image_and_not_of_its_caption(seen, tmp_path):
    evidence = seen(tmp_path / "store")
    plan = planned(evidence.records, evidence.data.card, replace(DRAWING, repeats=2))
    seeds = {}
    for listed in plan.lists:
        for item in listed.items:
            seeds.setdefault(item.record, set()).add(item.seed)
    assert {record: len(found) for record, found in seeds.items()} == dict.fromkeys(range(6), 2)
    assert len(set.union(*seeds.values())) == 12


def test_shards_threads_and_resuming_change_no_bit(seen, tmp_path):
    one = concept_answers(seen(tmp_path / "1"), DRAWING)
    for batches, threads in ((2, 1), (9, 1), (1, 3)):
        store = tmp_path / f"{batches}-{threads}"
        other = concept_answers(seen(store, batches=batches, threads=threads), DRAWING)
        assert same(one, other)


def test_batch_sizes_agree_within_rounding(seen, tmp_path):
    one = concept_answers(seen(tmp_path / "1", batch=2), DRAWING)
    other = concept_answers(seen(tmp_path / "2", batch=3), DRAWING)
    assert same(one, other, atol=1 / 255)


def test_an_interrupted_drawing_goes_on_where_it_was(seen, tmp_path, counted, monkeypatch):
    from auditkit.evidence.concepts import drawer

    whole = concept_answers(seen(tmp_path / "whole"), DRAWING)
    drawn = len(counted)
    counted.clear()
    draw = drawer.Drawer.draw

    def failing(self, said, seeds):
        if len(counted) >= 9:
            raise KeyboardInterrupt
        return draw(self, said, seeds)

    monkeypatch.setattr(drawer.Drawer, "draw", failing)
    with pytest.raises(KeyboardInterrupt):
        concept_answers(seen(tmp_path / "store"), DRAWING)
    monkeypatch.setattr(drawer.Drawer, "draw", draw)
    assert len(counted) >= 9
    assert same(whole, concept_answers(seen(tmp_path / "store"), DRAWING))
    assert len(counted) == drawn


def test_damaged_evidence_is_drawn_again(seen, tmp_path, counted):
    whole = concept_answers(seen(tmp_path), DRAWING)
    drawn = len(counted)
    for path in tmp_path.rglob("*"):
        if path.is_file() and path.suffix != ".json":
            path.write_bytes(path.read_bytes()[:-1])
    assert same(whole, concept_answers(seen(tmp_path), DRAWING))
    assert len(counted) == 2 * drawn


def test_two_at_once_share_the_work(seen, tmp_path, counted):
    """As two processes do: each with its own engine, on one store."""
    whole = concept_answers(seen(tmp_path / "alone"), DRAWING)
    drawn = len(counted)
    both = [seen(tmp_path / "store", model=name) for name in ("colours", "another")]
    with ThreadPoolExecutor(2) as pool:
        found = list(pool.map(lambda evidence: concept_answers(evidence, DRAWING), both))
    assert all(same(whole, one) for one in found)
    assert len(counted) == 2 * drawn


def test_latents_that_overflow_are_counted_and_no_images(seen, tmp_path, generator_card):
    card = generator_card.model_copy(update={"guidance": 1e300})
    found = concept_answers(seen(tmp_path, card=card), DRAWING)
    assert ["is not finite" in reason for reason in found.skipped] == [True] * 6 + [False]
    assert np.isnan(found.plain).all()


def test_an_image_that_is_not_finite_is_skipped_with_its_reason(seen, tmp_path, monkeypatch):
    from auditkit.evidence.concepts import drawer

    draw = drawer.Drawer.draw

    def broken(self, said, seeds):
        found = draw(self, said, seeds)
        bad = [text == "red, large" for text in said]
        return {**found, "finite": found["finite"] & ~np.array(bad)}

    monkeypatch.setattr(drawer.Drawer, "draw", broken)
    found = concept_answers(seen(tmp_path / "store"), DRAWING)
    spoiled = [bool(reason) for reason in found.skipped]
    # Images without a circle are drawn red and large in the block of two, or are so.
    assert spoiled == [False, True, False, True, False, True, True]
    assert found.skipped[1] == "the image drawn of 'red, large' is not finite"
    assert np.isnan(found.plain[0, 1]).all()
    assert np.isfinite(found.plain[0, 0]).all()


def test_captions_that_were_cut_are_counted_once_each(seen, tmp_path, monkeypatch):
    from auditkit.models.diffusion.small import PixelTextToImage

    def truncated(self, captions):
        return ["large" in said for said in captions]

    monkeypatch.setattr(PixelTextToImage, "truncated", truncated)
    found = concept_answers(seen(tmp_path / "store"), replace(DRAWING, repeats=2))
    # Circle or not, red or not, large or small: all eight are drawn, half of them large.
    assert (found.truncated, found.captions) == (4, 8)


def test_settings_of_the_generator_are_other_images(seen, tmp_path, counted, generator_card):
    store, drawing = tmp_path / "store", Drawing("tiny", (("circle",),))
    concept_answers(seen(store), drawing)
    before = len(counted)
    for change in ({"steps": 3}, {"guidance": 1.0}, {"scheduler": "ddim"}):
        concept_answers(seen(store, card=generator_card.model_copy(update=change)), drawing)
        assert len(counted) == 2 * before, change
        del counted[before:]
    concept_answers(seen(store, card=generator_card.model_copy(update={"title": "new"})), drawing)
    assert len(counted) == before


def test_nothing_is_drawn_of_data_without_known_values(seen, tmp_path):
    evidence = seen(tmp_path / "store")
    evidence.records = evidence.records[6:]
    with pytest.raises(AuditError, match="no image has a known value of each of circle, red, size"):
        concept_answers(evidence, DRAWING)
    with pytest.raises(AuditError, match="the value of 'red' is unknown"):
        concept_picture(seen(tmp_path / "store"), DRAWING, 6, {"circle": "1"})
    with pytest.raises(AuditError, match="no concept 'hue'"):
        concept_answers(evidence, Drawing("tiny", (("hue",),)))


def test_the_generator_is_read_once_for_all_threads(seen, tmp_path, monkeypatch):
    from auditkit.evidence.concepts import drawer
    from auditkit.models.diffusion import load

    monkeypatch.setattr(drawer, "_loaded", {})
    times, read = [], load.load_generator

    def counting(*given):
        times.append(given)
        return read(*given)

    monkeypatch.setattr(load, "load_generator", counting)
    concept_answers(seen(tmp_path / "store", threads=3), DRAWING)
    assert len(times) == 1


def test_a_second_input_stays_with_its_image(seen, tmp_path, monkeypatch):
    from auditkit.evidence.concepts import answers

    asked = []
    monkeypatch.setattr(
        answers, "table_of", lambda _evidence, _model, indices: asked.extend(indices)
    )
    evidence = seen(tmp_path / "store")
    concept_answers(evidence, DRAWING)
    plan = planned(evidence.records, evidence.data.card, DRAWING)
    assert asked == [item.record for listed in plan.lists for item in listed.items]
