"""The shards that were used, packed: there may be 10^5 of them, each a third of a kilobyte here."""

import struct
from collections.abc import Iterator, Mapping

from auditkit.results.evidence_list import ListedShard

# Content, bytes of the file, images, place of the stage's name; behind it the digest as the sidecar has it.
_ENTRY = struct.Struct("<32sQII")


class UsedShards(Mapping[str, ListedShard]):
    """Listed shards by address, in the order in which they were first used."""

    def __init__(self) -> None:
        self._entries: dict[bytes, bytes] = {}
        self._names: dict[str, int] = {}
        self._untold: list[bytes] = []

    def put(self, shard: ListedShard) -> None:
        """Remember a shard, in place of what was known of its address."""
        key = bytes.fromhex(shard.address)
        name = self._names.setdefault(shard.stage, len(self._names))
        entry = _ENTRY.pack(bytes.fromhex(shard.content), shard.size, shard.images, name)
        self._entries[key] = entry + shard.sha256.encode()
        self._untold.append(key)

    def knows(self, address: str, sha256: str) -> bool:
        """Whether this file lay at this address before."""
        entry = self._entries.get(bytes.fromhex(address))
        return entry is not None and entry[_ENTRY.size :] == sha256.encode()

    def news(self) -> list[ListedShard]:
        """What was put here since the last call; each address once, as it is now."""
        untold, self._untold = self._untold, []
        names = list(self._names)
        return [self._listed(key, names) for key in dict.fromkeys(untold)]

    def __getitem__(self, address: str) -> ListedShard:
        return self._listed(bytes.fromhex(address), list(self._names))

    def __iter__(self) -> Iterator[str]:
        return (key.hex() for key in self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def _listed(self, key: bytes, names: list[str]) -> ListedShard:
        entry = self._entries[key]
        content, size, images, name = _ENTRY.unpack_from(entry)
        return ListedShard(
            address=key.hex(),
            sha256=entry[_ENTRY.size :].decode(),
            stage=names[name],
            content=content.hex(),
            images=images,
            size=size,
        )
