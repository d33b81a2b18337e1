"""Whether something stands still."""

from dataclasses import dataclass


@dataclass
class Still:
    """For how long something has looked the same, by the clock of whoever looks at it.

    Attributes:
        most: seconds that count between two looks. Whoever was stopped for an hour, with all of its machine
            perhaps, has not watched for an hour.
    """

    most: float
    _looks: object = None
    _at: float = 0.0
    _seconds: float = 0.0

    def seconds(self, looks: object, now: float) -> float:
        """Seconds for which it has looked as it does now, as far as that was watched."""
        if self._looks != looks:
            self._looks, self._at, self._seconds = looks, now, 0.0
        self._seconds += min(now - self._at, self.most)
        self._at = now
        return self._seconds
