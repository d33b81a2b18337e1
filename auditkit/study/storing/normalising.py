"""When two free texts are the same."""

import unicodedata


def normalised(text: str) -> str:
    """A free text without its case and superfluous spaces: texts that are equal so are one text.

    Unicode's composed form (NFC) is taken, and what cannot be printed counts as a space.
    """
    composed = unicodedata.normalize("NFC", unicodedata.normalize("NFD", text).casefold())
    return " ".join("".join(one if one.isprintable() else " " for one in composed).split())
