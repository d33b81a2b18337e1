"""The exceptions that are meant for users."""


class AuditError(Exception):
    """Something a user can mend: the message says what was wrong, where, what was expected, what to do."""


class Unavailable(AuditError):  # noqa: N818 a verdict, not an error
    """What a check rests on is not there (a runtime refuses the file): the verdict is *not run*."""
