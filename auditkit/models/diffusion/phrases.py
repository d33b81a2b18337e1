"""A small text encoder for captions that are lists of phrases."""

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Self

import torch
from safetensors.torch import save_file
from torch import nn

from auditkit.errors import AuditError
from auditkit.models.diffusion.components import state_of
from auditkit.models.diffusion.folder import read_settings

_WORD = re.compile(r"[^\W_]+|[+-]?\d+")
_UNKNOWN, _FIRST = 1, 2
_MOST = 10_000


class PhraseEncoder(nn.Module):
    """Every comma-separated phrase becomes one token of the U-Net's attention.

    Phrases do not see each other, so that what one says (a colour) cannot be taken for what another one
    says (a shape). Word ids: 0 no word, 1 a word that is not in the vocabulary, then the vocabulary.

    Args:
        vocabulary: words, lower case.
        width: of words and phrases.
        layers: transformer layers over the words of a phrase.
        heads: attention heads.
        phrases: phrases that a caption may have.
        words: words that a phrase may have.
    """

    def __init__(
        self,
        vocabulary: Sequence[str],
        width: int = 64,
        layers: int = 2,
        heads: int = 4,
        phrases: int = 8,
        words: int = 8,
    ) -> None:
        super().__init__()
        self.settings = {
            "vocabulary": list(vocabulary),
            "width": width,
            "layers": layers,
            "heads": heads,
            "phrases": phrases,
            "words": words,
        }
        self.known = {word: index for index, word in enumerate(vocabulary, start=_FIRST)}
        self.shape = (phrases, words)
        self.word = nn.Embedding(len(vocabulary) + _FIRST, width)
        self.place = nn.Parameter(0.02 * torch.randn(words, width))
        layer = nn.TransformerEncoderLayer(
            width,
            heads,
            2 * width,
            dropout=0.0,
            activation="gelu",
            batch_first=True,
            norm_first=True,
        )
        self.transformer = nn.TransformerEncoder(layer, layers, enable_nested_tensor=False)
        self.norm = nn.LayerNorm(width)
        self.nothing = nn.Parameter(0.02 * torch.randn(width))
        self.null = nn.Parameter(0.02 * torch.randn(width))

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Read what `save` wrote.

        Raises:
            AuditError: files are damaged, or the weights are of another network.
        """
        settings = read_settings(folder / "config.json")
        state = state_of(folder)
        _refuse_odd(folder, settings)
        try:
            with torch.device("meta"):
                found = cls(**settings)
            found.load_state_dict(state, assign=True)
        # Sizes that are none fail in many ways in PyTorch's own code.
        except (ArithmeticError, AssertionError, RuntimeError, TypeError, ValueError) as error:
            raise AuditError(
                f"{folder}: no PhraseEncoder can be built from config.json and its weights "
                f"({error!s:.300}); give the files that belong together"
            ) from error
        return found.eval()

    def save(self, folder: Path) -> None:
        """Write settings and weights, in the precision that they have."""
        folder.mkdir(parents=True, exist_ok=True)
        text = json.dumps(self.settings, indent=1, ensure_ascii=False) + "\n"
        (folder / "config.json").write_text(text, encoding="utf-8")
        weights = {name: value.contiguous() for name, value in self.state_dict().items()}
        save_file(weights, folder / "model.safetensors")

    @staticmethod
    def split(caption: str) -> list[list[str]]:
        """The words of each phrase of a caption."""
        found = [_WORD.findall(phrase.lower()) for phrase in caption.split(",")]
        return [phrase for phrase in found if phrase]

    def ids(self, captions: Sequence[str]) -> torch.Tensor:
        """Word ids (N, phrases, words); what does not fit is left out."""
        phrases, words = self.shape
        table = torch.zeros(len(captions), phrases, words, dtype=torch.long)
        for row, caption in enumerate(captions):
            for place, phrase in enumerate(self.split(caption)[:phrases]):
                known = [self.known.get(word, _UNKNOWN) for word in phrase[:words]]
                table[row, place, : len(known)] = torch.tensor(known)
        return table

    def too_long(self, caption: str) -> bool:
        """Whether a caption has more phrases, or a phrase more words, than there is room for."""
        found = self.split(caption)
        phrases, words = self.shape
        return len(found) > phrases or any(len(phrase) > words for phrase in found)

    def forward(self, ids: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """States (N, phrases, width) and their mean over the phrases that are there (N, width).

        Args:
            ids: (N, phrases, words) from `ids`; a caption without a word is the null caption.
        """
        there = ids != 0
        spoken = there.any(dim=2)
        # A phrase without words would leave attention nothing to see: it sees its first empty place.
        seen = there.clone()
        seen[..., 0] = True
        flat, hidden = ids.flatten(0, 1), ~seen.flatten(0, 1)
        states = self.transformer(self.word(flat) + self.place, src_key_padding_mask=hidden)
        weight = seen.flatten(0, 1).unsqueeze(2).to(states.dtype)
        pooled = self.norm((states * weight).sum(1) / weight.sum(1))
        phrases = pooled.view(*ids.shape[:2], -1)
        silent = torch.where(spoken.any(dim=1)[:, None, None], self.nothing, self.null)
        phrases = torch.where(spoken.unsqueeze(2), phrases, silent.to(phrases.dtype))
        share = spoken.unsqueeze(2).to(phrases.dtype)
        mean = (phrases * share).sum(1) / share.sum(1).clamp(min=1.0)
        return phrases, torch.where(spoken.any(dim=1, keepdim=True), mean, self.null.to(mean.dtype))


def _refuse_odd(folder: Path, settings: Mapping[str, Any]) -> None:
    """Hold the settings to what `PhraseEncoder.save` writes."""
    vocabulary = settings.get("vocabulary")
    words = isinstance(vocabulary, list) and all(isinstance(word, str) for word in vocabulary)
    if not words or len(set(vocabulary or ())) < len(vocabulary or ()):
        raise AuditError(
            f"{folder}/config.json: 'vocabulary' is no list of different words; give the file that was saved "
            "with the weights"
        )
    for name in ("width", "layers", "heads", "phrases", "words"):
        number = settings.get(name)
        if type(number) is not int or not 1 <= number <= _MOST:
            raise AuditError(
                f"{folder}/config.json: '{name}' is {number!s:.50}; a whole number from 1 to {_MOST} was "
                "expected: give the file that was saved with the weights"
            )
