"""A value of its own: the image that a metric cannot be asked about."""


class NotEvaluable(Exception):  # noqa: N818 - the project's term for a result, not a fault
    """An image for which a metric is not defined; callers count it under its reason.

    Attributes:
        reason: why, in words that a table of counts can use ("empty explanation").
    """

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
