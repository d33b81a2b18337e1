"""Which coalitions are asked for: pairs of a coalition and its complement, stratified by size."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import chain, combinations
from math import comb, inf, lgamma

import numpy as np
import torch

# Random keys that are sorted at once: bounds the memory of drawing to some tens of megabytes.
_KEYS = 1 << 22
# Pairs whose float64 rows are held at once.
_CHUNK = 8192


@dataclass(frozen=True, eq=False)
class PairDesign:
    """Pairs (S, complement) without repetition; any beginning of it is a design too.

    Stratum t holds the pairs whose smaller coalition has t + 1 players. Within a stratum, pairs are a simple
    random sample without replacement, in random order; the order of the strata is fixed. A beginning
    that holds all pairs of a stratum enumerates it.

    Attributes:
        members: bool (pairs, P), the smaller coalition of each pair, of two halves either one.
        stratum: int64 (pairs,).
        available: float64 (strata,), how many pairs of each stratum there are.
    """

    members: torch.Tensor
    stratum: torch.Tensor
    available: torch.Tensor

    def __len__(self) -> int:
        return len(self.members)

    @property
    def players(self) -> int:
        """P."""
        return self.members.shape[1]

    @property
    def sizes(self) -> torch.Tensor:
        """int64 (pairs,), players of the smaller coalition."""
        return self.stratum + 1

    @property
    def taken(self) -> torch.Tensor:
        """float64 (strata,), how many pairs of each stratum are in the design."""
        return torch.bincount(self.stratum, minlength=len(self.available)).double()

    @property
    def enumerated(self) -> torch.Tensor:
        """Bool (strata,), whether the design holds all pairs of the stratum."""
        return self.taken >= self.available

    @property
    def centred(self) -> torch.Tensor:
        """float64 (pairs, P): who is present, 0 or 1, less the share of players who are."""
        return self.members.double() - (self.sizes.double() / self.players)[:, None]

    def part(self, rows: slice) -> "PairDesign":
        """Some of the pairs: their members and strata; what is said of whole strata does not hold."""
        return PairDesign(self.members[rows], self.stratum[rows], self.available)

    def beginning(self, pairs: int) -> "PairDesign":
        """The first pairs, as a design of their own."""
        return self.part(slice(0, pairs))

    def coalitions(self, rows: slice) -> torch.Tensor:
        """Bool (2 pairs, P): the smaller coalitions of some of the pairs, then their complements."""
        return torch.cat([self.members[rows], ~self.members[rows]])


def chunks(stop: int, start: int = 0) -> Iterator[slice]:
    """Consecutive ranges, so short that float64 matrices with a row per pair fit into memory."""
    for first in range(start, stop, _CHUNK):
        yield slice(first, min(first + _CHUNK, stop))


def pairs_of(players: int) -> int:
    """Pairs of a coalition and its complement, without the pair of nobody and everybody."""
    return int(2 ** (players - 1)) - 1


@lru_cache(maxsize=64)
def paired_design(players: int, pairs: int, rates: tuple[float, ...], seed: int) -> PairDesign:
    """A stratified sample of pairs.

    The j-th pair of stratum t comes at time (j - 1/2) / rate_t, so that at any time strata hold pairs in
    proportion to their rates, until a stratum is exhausted and leaves its share to the others.

    Args:
        players: P.
        pairs: of the longest design that is wanted, at most `pairs_of` the players.
        rates: one per stratum, positive; the share of the pairs that it gets.
        seed: of the draws.
    """
    counts = [_pairs_of_size(players, size) for size in range(1, players // 2 + 1)]
    stratum = _sequence(counts, rates, pairs)
    members = torch.empty(len(stratum), players, dtype=torch.bool)
    generator = np.random.default_rng(seed)
    for place, count in enumerate(counts):
        rows = stratum == place
        wanted = int(rows.sum())
        if wanted:
            members[rows] = torch.from_numpy(_drawn(players, place + 1, count, wanted, generator))
    return PairDesign(members, stratum, torch.tensor(counts, dtype=torch.float64))


def _pairs_of_size(players: int, size: int) -> float:
    """Pairs whose smaller coalition has so many players; infinity beyond what a float counts."""
    log = lgamma(players + 1) - lgamma(size + 1) - lgamma(players - size + 1)
    if log > 36:
        return inf
    return float(comb(players, size) // (2 if 2 * size == players else 1))


def _sequence(counts: Sequence[float], rates: Sequence[float], pairs: int) -> torch.Tensor:
    """int64 (pairs,): the stratum of each pair."""
    if pairs == 0:
        return torch.zeros(0, dtype=torch.int64)
    limit = np.minimum(np.array(counts), pairs)
    rate = np.array(rates)
    low, high = 0.0, float(((limit + 0.5) / rate).max())
    for _ in range(200):
        middle = (low + high) / 2
        enough = np.minimum(limit, np.floor(middle * rate + 0.5)).sum() >= pairs
        low, high = (low, middle) if enough else (middle, high)
    taken = np.minimum(limit, np.floor(high * rate + 0.5)).astype(np.int64)
    time = np.concatenate([(np.arange(k) + 0.5) / r for k, r in zip(taken, rate, strict=True)])
    order = np.argsort(time, kind="stable")[:pairs]
    return torch.from_numpy(np.repeat(np.arange(len(taken)), taken)[order])


def _drawn(
    players: int, size: int, available: float, wanted: int, generator: np.random.Generator
) -> np.ndarray:
    """Bool (wanted, players): distinct coalitions of a size in random order."""
    if available <= 4 * wanted:
        every = _every(players, size, int(available))
        return every[generator.permutation(len(every))[:wanted]]
    found = np.zeros((0, players), dtype=bool)
    while len(found) < wanted:
        more = _random(players, size, int(1.2 * (wanted - len(found))) + 16, generator)
        found = _distinct(np.concatenate([found, more]))
    return found[:wanted]


def _every(players: int, size: int, available: int) -> np.ndarray:
    """All coalitions of a size; of two halves the one with the first player."""
    half = 2 * size == players
    others = combinations(range(half, players), size - half)
    index = np.fromiter(chain.from_iterable(others), dtype=np.int64)
    found = np.zeros((available, players), dtype=bool)
    np.put_along_axis(found, index.reshape(available, size - half), values=True, axis=1)
    if half:
        found[:, 0] = True
    return found


def _random(players: int, size: int, rows: int, generator: np.random.Generator) -> np.ndarray:
    """Coalitions of a size: who comes first in random orders; of two halves the one with the first player."""
    found = np.zeros((rows, players), dtype=bool)
    step = max(1, _KEYS // players)
    for start in range(0, rows, step):
        keys = generator.random((min(step, rows - start), players), dtype=np.float32)
        first = np.argpartition(keys, size - 1, axis=1)[:, :size]
        np.put_along_axis(found[start : start + step], first, values=True, axis=1)
    return found ^ ~found[:, :1] if 2 * size == players else found


def _distinct(coalitions: np.ndarray) -> np.ndarray:
    """Rows without repetition, each where it came first: what is kept is still a random sequence."""
    packed = np.ascontiguousarray(np.packbits(coalitions, axis=1))
    keys = packed.view(np.dtype((np.void, packed.shape[1]))).ravel()
    _, first = np.unique(keys, return_index=True)
    return coalitions[np.sort(first)]
