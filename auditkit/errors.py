"""The one exception that is meant for users."""


class AuditError(Exception):
    """Something a user can mend: the message says what was wrong, where, what was expected, what to do."""
