"""The paper's own loop, for tests and the benchmark: every permutation draws every image anew.

Jabbour et al., arXiv:2407.14509, Section 3.2: permute a concept over the captions, draw the whole set,
and again P times.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from auditkit.data.captions import caption
from auditkit.data.dataset import Record
from auditkit.evidence.concepts.drawer import Drawer
from auditkit.evidence.concepts.plan import noise_seed
from auditkit.evidence.identity import seed_of
from auditkit.evidence.kinds import Integers
from auditkit.evidence.store import Arrays
from auditkit.spec.data_card import DataCard


@dataclass(frozen=True)
class Permuted:
    """A drawn set.

    Attributes:
        order: (N,) whose value of the block each image has; the identity in the reference.
        drawn: ``image`` uint8 (N, H, W, 3), ``finite`` and ``truncated``.
    """

    order: Integers
    drawn: Arrays


def random_orders(n: int, permutations: int, seed: int) -> list[Integers]:
    """Random permutations of n images."""
    random = np.random.default_rng(seed_of("naive permutations", n, seed))
    return [random.permutation(n) for _ in range(permutations)]


def naive_loop(
    drawer: Drawer,
    card: DataCard,
    records: Sequence[Record],
    block: tuple[str, ...],
    orders: Sequence[Integers],
    *,
    seed: int = 0,
    fresh_noise: bool = True,
) -> Iterator[Permuted]:
    """The reference set and one set per permutation: N (P + 1) images, which ``drawer.drawn`` counts.

    Args:
        drawer: draws, and counts what it drew.
        card: the data card.
        records: N records, with known values.
        block: concepts permuted together.
        orders: P permutations of 0 .. N - 1; image i is given the block's value of record order[i].
        seed: declared seed of the noise.
        fresh_noise: each set has noise of its own, as in the paper; else image i keeps its noise, which
            is that of a `Drawing` with this seed in its first repeat.
    """
    for time, order in enumerate([np.arange(len(records)), *orders]):
        changes = [{name: records[j].concepts[name] for name in block} for j in order]
        pairs = zip(records, changes, strict=True)
        captions = [caption(card, record, change) for record, change in pairs]
        seeds = [
            seed_of("fresh noise", record.digest, time, seed)
            if fresh_noise
            else noise_seed(record, 0, seed)
            for record in records
        ]
        yield Permuted(order, drawer.draw(captions, seeds))
