"""Silence for what decoders say beside their errors: of a damaged file one thing is said, by us."""

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

_LOGGERS: Final = ("PIL", "nibabel.global", "pydicom")
_MODULES: Final = r"(PIL|nibabel|pydicom|numpy)\b"


@contextmanager
def quiet() -> Iterator[None]:
    """Neither warnings nor logged remarks of the decoders; errors are raised as ever.

    Of all threads: for the time of a command, not for parts of one.
    """
    loggers = [logging.getLogger(name) for name in _LOGGERS]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", module=_MODULES)
        for logger in loggers:
            logger.setLevel(logging.CRITICAL + 1)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
