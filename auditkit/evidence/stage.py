"""One kind of evidence for one model and data set, cut into shards of images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from auditkit.evidence.identity import ShardAddresses, code_version
from auditkit.evidence.store import Arrays

Compute = Callable[[Sequence[int]], Arrays]


@dataclass(frozen=True)
class Stage:
    """One kind of evidence for one model and data set.

    Attributes:
        name: for people.
        identity: all that determines the arrays, but the images; without the keys ``images`` and ``code``.
        digests: per image, its content (and whatever else of it matters); they complete the identity.
        shard: images per shard.
    """

    name: str
    identity: Mapping[str, Any]
    digests: Sequence[str]
    shard: int

    @property
    def count(self) -> int:
        """Number of shards."""
        return -(-len(self.digests) // self.shard)

    def indices(self, number: int) -> list[int]:
        """The images of a shard; the last one may have fewer."""
        start = number * self.shard
        return list(range(start, min(start + self.shard, len(self.digests))))

    def shards(self) -> Iterator[tuple[str, list[int]]]:
        """Each shard's address and the indices of its images."""
        for number in range(self.count):
            indices = self.indices(number)
            yield self.where(indices), indices

    def where(self, indices: Sequence[int]) -> str:
        """The address of the shard that holds these images."""
        return self._places.of([self.digests[i] for i in indices])

    def content(self, indices: Sequence[int]) -> str:
        """What the shard is of, whatever code computed it and whatever machine was timed."""
        return self._contents.of([self.digests[i] for i in indices])

    def __reduce__(self) -> tuple[Any, ...]:
        """Sent to another process, it is what it was made of: the code's version is asked for there."""
        return Stage, (self.name, self.identity, self.digests, self.shard)

    @cached_property
    def _places(self) -> ShardAddresses:
        assert not {"images", "code"} & set(self.identity), "these keys are the shard's own"
        return ShardAddresses({**self.identity, "code": code_version()})

    @cached_property
    def _contents(self) -> ShardAddresses:
        return ShardAddresses({key: _machineless(value) for key, value in self.identity.items()})


def _machineless(value: Any) -> Any:
    return {k: v for k, v in value.items() if k != "machine"} if isinstance(value, dict) else value
