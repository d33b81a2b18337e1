"""What a store answers when something cannot be done; the texts are for people."""


class Refused(Exception):  # noqa: N818 the word of the domain: it is an answer, not a fault
    """What cannot be done in this state of the study; the text is for people."""


class NotReady(Refused):
    """A phase cannot be ended yet."""


class Conflict(Refused):
    """A nonce was used for something else, or another phase has begun than the one that is to end."""
