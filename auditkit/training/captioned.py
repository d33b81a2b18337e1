"""Captioned images of a data card, with their token ids: what a text-to-image model is trained on."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import torch

from auditkit.data.captions import caption
from auditkit.data.dataset import Dataset, manifest_digest
from auditkit.data.load import load_data
from auditkit.errors import AuditError
from auditkit.models.diffusion.parts import TextToImage, Tokens
from auditkit.spec.data_card import DataCard
from auditkit.training.images import Images

_AT_ONCE = 1024


@dataclass(frozen=True)
class Captioned:
    """A data set with captions.

    Attributes:
        dataset: the pictures.
        captions: one per picture.
        images: the pictures at the model's size.
        tokens: ids of all different captions, the null caption last.
        rows: (n,) which row of ``tokens`` belongs to a picture.
        truncated: captions longer than the tokenizer takes.
    """

    dataset: Dataset
    captions: Sequence[str]
    images: Images
    tokens: Mapping[str, torch.Tensor] = field(repr=False)
    rows: torch.Tensor = field(repr=False)
    truncated: Sequence[str]

    def __len__(self) -> int:
        return len(self.captions)

    @property
    def null(self) -> int:
        """The row of the null caption."""
        return len(next(iter(self.tokens.values()))) - 1

    @property
    def digest(self) -> str:
        """The identity of pictures and captions."""
        captions = json.dumps(list(self.captions)).encode()
        whole = manifest_digest(self.dataset.records).encode() + captions
        return hashlib.sha256(whole).hexdigest()

    def chosen(self, rows: torch.Tensor) -> Tokens:
        """Token ids of some rows."""
        return {name: ids[rows] for name, ids in self.tokens.items()}


def captioned(card: DataCard, parts: TextToImage) -> Captioned:
    """The data set of a card with its captions.

    Raises:
        AuditError: it is empty, or nothing is said of any picture.
    """
    dataset = load_data(card)
    captions = [caption(card, record) for record in dataset.records]
    if not any(captions):
        raise AuditError(
            f"{card.path}: no picture has a caption; declare `concepts` or `captions: {{text: COLUMN}}`"
        )
    different = sorted(set(captions))
    place = {text: row for row, text in enumerate(different)}
    long = dict(zip(different, parts.truncated(different), strict=True))
    return Captioned(
        dataset,
        captions,
        Images(dataset, parts.size),
        _tokens(parts, [*different, ""]),
        torch.tensor([place[text] for text in captions]),
        [text for text in captions if long[text]],
    )


def _tokens(parts: TextToImage, captions: Sequence[str]) -> Tokens:
    starts = range(0, len(captions), _AT_ONCE)
    batches = [parts.tokens(captions[start : start + _AT_ONCE]) for start in starts]
    return {name: torch.cat([batch[name] for batch in batches]) for name in batches[0]}
