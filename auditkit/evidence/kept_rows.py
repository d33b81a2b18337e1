"""One array of a stage that is in the store, image by image: nobody has to hold, or send, all of it."""

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from auditkit.errors import AuditError
from auditkit.evidence.settling import workroom
from auditkit.evidence.stage import Stage


@dataclass
class KeptRows:
    """What ``array[index]`` of a gathered stage is, in a worker: one shard at a time is read.

    Attributes:
        stage: gathered before this was sent.
        name: of the array.
    """

    stage: Stage
    name: str
    _read: tuple[int, npt.NDArray[np.generic]] | None = field(default=None, repr=False)

    def __getitem__(self, index: int) -> npt.NDArray[np.generic]:
        """One image's values.

        Raises:
            AuditError: its shard is not in the store any more.
        """
        number, row = divmod(index, self.stage.shard)
        if self._read is None or self._read[0] != number:
            found = workroom().engine.shard(self.stage, self.stage.indices(number))
            if found is None:
                raise AuditError(
                    f"{self.stage.name}: a shard is not in {workroom().engine.store}, or was damaged, while "
                    "other evidence is computed from it; run again"
                )
            self._read = (number, found[self.name])
        values: npt.NDArray[np.generic] = self._read[1][row]
        return values

    def __reduce__(self) -> tuple[type["KeptRows"], tuple[Stage, str]]:
        """Sent on, it is what it is of."""
        return KeptRows, (self.stage, self.name)
