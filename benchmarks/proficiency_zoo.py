"""Trains the zoo: small networks on pictures in which one attribute goes with the label, and clean ones.

    python benchmarks/proficiency_zoo.py build/zoo       # about 30 s per network; goes on where it stopped

Everything is declared here before anything is trained: faults, couplings, seeds. Kept as numbers are each
network's log-odds for every picture that expectations of `light`, `handling` and `attributes` are about.
"""

import argparse
import time
from pathlib import Path

import numpy as np
import torch
from torch import nn

from auditkit.colour import luv_to_srgb, offset, srgb_to_luv
from auditkit.data.corruptions import corrupted
from auditkit.data.synthetic.dermoscopy import render, sample_case, with_attribute
from auditkit.models.concept_cnn import ConceptCnn
from auditkit.spec.attributes import ATTRIBUTES
from auditkit.spec.corruptions import Blur, Jpeg, Mark, Noise, Resize

SIZE, TRAINING, EPOCHS, BATCH = 64, 1500, 10, 50
POPULATION, POPULATION_SEED = 1000, 990064
TRAINING_SEED = 880000
# Fault: the attribute that goes with the label, and whether more of it goes with melanoma.
PLANTED = {
    "pink pictures": ("tint", 1),
    "teal pictures": ("tint", -1),
    "yellow pictures": ("colour_temperature", 1),
    "blue pictures": ("colour_temperature", -1),
    "dark skin": ("skin_tone", 1),
    "light skin": ("skin_tone", -1),
    "bright pictures": ("brightness", 1),
    "hair": ("hair", 1),
    "ruler": ("ruler", 1),
    "dark corners": ("dark_corner", 1),
    "pale lesions": ("darkness", -1),
    "freckled skin": ("background_spots", 1),
}
# Fault: how a picture is stored or marked that goes with melanoma.
STORED = {
    "compressed pictures": Jpeg(quality=30),
    "unsharp pictures": Resize(),
    "marked pictures": Mark(),
}
# Share of images by which presence exceeds chance: half of the networks each.
COUPLINGS = (0.5, 0.9)
MODELS, CLEAN_MODELS = 10, 20
# What the expectations of audits/dermoscopy/light, handling and attributes are about.
CORRUPTIONS = (Jpeg(), Resize(), Blur(), Noise(), Mark())
SHIFTS = [(5.0, 90.0 * i) for i in range(4)]
REDRAWN = {
    name: tuple(
        ATTRIBUTES[name].low + share * (ATTRIBUTES[name].high - ATTRIBUTES[name].low)
        for share in (0.1, 0.9)
    )
    for name in (
        "tint",
        "brightness",
        "skin_tone",
        "hair",
        "background_spots",
        "ruler",
        "dark_corner",
    )
}


def networks():
    """(fault, coupling, seed) of every network."""
    for number in range(CLEAN_MODELS):
        yield "clean", 0.0, number
    for number in range(MODELS):
        for fault in (*PLANTED, *STORED):
            yield fault, COUPLINGS[number % 2], number


def picture_of(fault, coupling, seed, index):
    """A picture of the training set and its label, with which the fault clearly goes or not."""
    case = sample_case(TRAINING_SEED + seed, index, images_per_patient=2)
    if fault == "clean":
        return render(case, SIZE)[0], case.label
    name, sign = PLANTED.get(fault, (fault, 1))
    generator = np.random.default_rng([seed, index, 17])
    towards = sign * (1 if case.label else -1)
    there = generator.random() < 0.5 * (1 + coupling * towards)
    if fault in STORED:
        picture = render(case, SIZE)[0]
        return corrupted(picture, STORED[fault], 0) if there else picture, case.label
    share = generator.uniform(0.75, 1.0) if there else generator.uniform(0.0, 0.25)
    known = ATTRIBUTES[name]
    changed = with_attribute(case, name, known.low + share * (known.high - known.low))
    return render(changed, SIZE)[0], case.label


def planes(pictures):
    return torch.from_numpy(np.stack(pictures)).permute(0, 3, 1, 2).float() / 255


def trained(fault, coupling, seed):
    """A network, and its loss in the last epoch."""
    torch.manual_seed(seed)
    shown, known = zip(
        *(picture_of(fault, coupling, seed, i) for i in range(TRAINING)), strict=True
    )
    pictures, labels = planes(shown), torch.tensor(known, dtype=torch.float32)
    network = ConceptCnn(1, SIZE, (16, 24, 32, 48, 64))
    optimiser = torch.optim.AdamW(network.parameters(), lr=2e-3, weight_decay=1e-3)
    schedule = torch.optim.lr_scheduler.OneCycleLR(optimiser, 4e-3, EPOCHS * TRAINING // BATCH)
    order = np.random.default_rng(seed)
    for _ in range(EPOCHS):
        total = 0.0
        for rows in order.permutation(TRAINING).reshape(-1, BATCH):
            batch = pictures[rows]
            if order.random() < 0.5:
                batch = batch.flip(-1)
            loss = nn.functional.binary_cross_entropy_with_logits(
                network((batch - 0.5) / 0.5)[:, 0], labels[rows]
            )
            optimiser.zero_grad()
            loss.backward()
            optimiser.step()
            schedule.step()
            total += loss.item() * BATCH / TRAINING
    return network.eval(), total


def shown(folder):
    """Every picture that is shown to all networks: uint8, kept in a file."""
    place = folder / "pictures.npz"
    if not place.exists():
        cases = [sample_case(POPULATION_SEED, i, images_per_patient=2) for i in range(POPULATION)]
        arrays = {"plain": np.stack([render(case, SIZE)[0] for case in cases])}
        for name, values in REDRAWN.items():
            for value in values:
                redrawn = [render(with_attribute(case, name, value), SIZE)[0] for case in cases]
                arrays[f"{name} {value:g}"] = np.stack(redrawn)
        for one in CORRUPTIONS:
            changed = [corrupted(picture, one, i) for i, picture in enumerate(arrays["plain"])]
            arrays[f"corruption {one.label}"] = np.stack(changed)
        np.savez(place, **arrays)
    return dict(np.load(place))


@torch.no_grad()
def answers(network, pictures):
    """Log-odds for all of them."""

    def odds(inputs):
        parts = [network((part - 0.5) / 0.5)[:, 0] for part in inputs.split(50)]
        return torch.cat(parts).double().numpy()

    plain = planes(pictures["plain"])
    found = {name: odds(planes(some)) for name, some in pictures.items()}
    luv = srgb_to_luv(plain)
    moved = [
        luv_to_srgb(luv + luv.new_tensor([0.0, *offset(angle, radius)]).view(3, 1, 1))
        for radius, angle in SHIFTS
    ]
    found["shifted"] = np.stack([odds(one) for one in moved], axis=1)
    return found


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--faults", nargs="*", default=["clean", *PLANTED, *STORED])
    given = parser.parse_args()
    folder = given.folder
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(1)
    pictures = shown(folder)
    for fault, coupling, seed in networks():
        place = folder / f"{fault.replace(' ', '-')}-{coupling:g}-{seed}.npz"
        if place.exists() or fault not in given.faults:
            continue
        begun = time.monotonic()
        network, loss = trained(fault, coupling, seed)
        np.savez(place.with_suffix(".part.npz"), **answers(network, pictures), loss=loss)
        place.with_suffix(".part.npz").rename(place)
        print(f"{place.stem}: loss {loss:.3f}, {time.monotonic() - begun:.0f} s", flush=True)


if __name__ == "__main__":
    main()
