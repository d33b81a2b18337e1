"""What is asked of a generator, and what models answered to the images that it drew. No torch."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from auditkit.evidence.kinds import Floats, Integers
from auditkit.spec.concepts import SEPARATOR

Value = tuple[str, ...]
"""One value of each concept of a block."""


@dataclass(frozen=True)
class Drawing:
    """Which images are drawn: every caption as it is, and with each block at each of its values.

    Attributes:
        generator: name of a generator card.
        blocks: concepts that are permuted together.
        repeats: images per caption, each with noise of its own.
        seed: declared seed of the noise.
    """

    generator: str
    blocks: tuple[tuple[str, ...], ...]
    repeats: int = 1
    seed: int = 0


@dataclass(frozen=True)
class BlockAnswers:
    """Answers to images drawn with one block at each of the values that occur in the data.

    Attributes:
        concepts: the block.
        values: the V distinct values (tuples over the block's concepts) that occur, in the order in which
            the data card declares each concept's values.
        own: (N,) which of them each image has; -1 where one is unknown.
        answers: (R, N, V, K) answer to image i drawn with the block at value v, its noise held fixed;
            at ``own`` it is the answer to the image drawn from its own caption. NaN where not evaluable.
    """

    concepts: tuple[str, ...]
    values: Sequence[Value]
    own: Integers
    answers: Floats

    @property
    def name(self) -> str:
        """The block's name, as in measures."""
        return SEPARATOR.join(self.concepts)


@dataclass(frozen=True)
class ConceptAnswers:
    """Answers of one model to everything that was drawn.

    K are the model's decisions (two for a model with a score: the score is the last), or its classes if
    they do not exclude one another (a concept classifier: one probability per concept).

    Attributes:
        plain: (R, N, K) answers to images drawn from the captions as they are.
        blocks: by block name.
        skipped: (N,) why an image could not be evaluated ("" if it could): a value that is permuted is
            unknown, or something drawn for it was not finite. Its rows are NaN.
        truncated: number of captions that the tokenizer had to cut.
        captions: number of distinct captions drawn.
    """

    plain: Floats
    blocks: Mapping[str, BlockAnswers]
    skipped: Sequence[str]
    truncated: int
    captions: int
