"""A second look in words, for the terminal."""

from collections.abc import Iterator
from typing import Final

from auditkit.recomputing.outcome import SecondLook, State
from auditkit.recomputing.sampling import chance

_STATES: Final[tuple[State, ...]] = (
    "bit-equal",
    "within tolerance",
    "differs",
    "not recomputed",
    "measured",
)
_FORGED = (1, 10, 100)


def words(look: SecondLook) -> str:
    """All that is to be read, a line each."""
    return "\n".join(
        [
            *_head(look),
            *_shards(look),
            *_chances(look),
            *_numbers(look),
            *_remarks(look),
            _end(look),
        ]
    )


def _head(look: SecondLook) -> Iterator[str]:
    yield f"second look at {look.run} (results.json sha256 {look.results_sha256})"
    yield f"here: {look.hardware}; device {look.device}; recorded arrays in {look.arrays or 'no place'}"
    if look.code == "other":
        yield (
            "auditkit's code or its packages have other versions than those of the record: evidence is "
            "matched by what it is of, and compared within the tolerance"
        )
    if not look.arrays:
        yield (
            "the recorded arrays are not here: everything that is judged was computed anew, and is held to "
            "the recorded sha256 (give --store to read them)"
        )
    yield f"tolerance where bits differ: {look.tolerance}"


def _shards(look: SecondLook) -> Iterator[str]:
    sample = look.sample
    counts = ", ".join(f"{look.count(state)} {state}" for state in _STATES if look.count(state))
    yield (
        f"{look.compared} of {sample.shards} shards of evidence were recomputed (sample {sample.asked}, "
        f"seed {sample.seed}): {counts}"
    )
    further = sum(not shard.sampled for shard in look.shards)
    if further:
        yield f"{further} more had to be computed, since the record's could not be read"
    for shard in look.shards:
        if shard.reason:
            yield f"  {shard.state}: {shard.address} ({shard.stage}): {shard.reason}"


def _chances(look: SecondLook) -> Iterator[str]:
    shards, size = look.sample.shards, look.compared
    if look.whole:
        return
    found = ", ".join(
        f"{forged}: {100 * chance(shards, size, forged):.1f} %"
        for forged in _FORGED
        if forged <= shards
    )
    yield f"chance that this sample finds forged shards, by how many there are: {found}"


def _numbers(look: SecondLook) -> Iterator[str]:
    for kind, count in look.numbers.items():
        yield f"{kind}: {count.confirmed} of {count.total} follow from the evidence as recorded"


def _remarks(look: SecondLook) -> Iterator[str]:
    for remark in look.remarks:
        yield f"  {remark.kind}: {remark.what} {remark.where}: {remark.text}"


def _end(look: SecondLook) -> str:
    if look.status == 2:
        return "NOTHING could be recomputed"
    if look.status == 1:
        return "NOT CONFIRMED: see above what differs, or could not be looked at"
    if not look.whole:
        return "CONFIRMED as far as the sample reaches"
    measured = look.count("measured")
    return f"CONFIRMED, but for {measured} shards of measured times" if measured else "CONFIRMED"
