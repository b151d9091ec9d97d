"""The lip-reading expert of the multi-reference patent: a video of a mouth in, letters out.

The patent names neither network nor text units. Here: convolutions over space and time, a two-way recurrent
layer, letters by connectionist temporal classification (CTC; Graves et al. 2006), as LipNet (Assael et al.
2016). English is read as letters, Chinese as pinyin without tones: both with one alphabet.
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from lipsync.errors import ConfigError

ALPHABET = " 'abcdefghijklmnopqrstuvwxyz"  # class k + 1; class 0 is CTC's blank
SIZE = 48  # pixels, side of the mouth's square


@dataclass(frozen=True)
class LipReaderConfig:
    width: float = 1.0  # factor on channels; 1 has 32, 64, 96 and 256 recurrent units
    dropout: float = 0.3

    def channels(self, full: int) -> int:
        return max(8, round(full * self.width))


class LipReader(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["lip-reading"],
):
    """(B, T, 3, S, S) squares of a mouth in 0..1 at 25 fps to (B, T, 29) log-probabilities of letters."""

    def __init__(self, config: LipReaderConfig):
        super().__init__()
        self.config = config
        channels = [3, *(config.channels(c) for c in (32, 64, 96))]
        layers: list[nn.Module] = []
        for index, (cin, cout) in enumerate(pairwise(channels)):
            kernel = 5 if index == 0 else 3
            # Norms over each clip's own channels: batches are small, and frames at the ends are as good.
            layers += [nn.Conv3d(cin, cout, kernel, (1, 2, 2), kernel // 2), nn.GroupNorm(1, cout), nn.ReLU()]
        self.looks = nn.Sequential(*layers)  # (B, C, T, 6, 6)
        units = config.channels(256)
        self.drop = nn.Dropout(config.dropout)
        self.reads = nn.GRU(channels[-1] * (SIZE // 8) ** 2, units, batch_first=True, bidirectional=True)
        self.spells = nn.Linear(2 * units, 1 + len(ALPHABET))

    def forward(self, mouths: Tensor) -> Tensor:
        if mouths.shape[-1] != SIZE:
            shape = mouths.shape
            mouths = F.interpolate(
                mouths.flatten(0, 1).float(), (SIZE, SIZE), mode="bilinear", antialias=True
            )
            mouths = mouths.unflatten(0, shape[:2])
        features = self.looks(mouths.transpose(1, 2))  # (B, C, T, 6, 6)
        read, _ = self.reads(self.drop(features.permute(0, 2, 1, 3, 4).flatten(2)))  # (B, T, 2 units)
        return self.spells(self.drop(read)).float().log_softmax(2)


def lip_reading_loss(probabilities: Tensor, texts: Sequence[str]) -> Tensor:
    """CTC's -log P(Y | V) for each letter of the texts (the patent's -Y log P(Y | V)), mean over texts.

    Args:
        probabilities: (B, T, 29) log-probabilities.
        texts: as ``spell`` gives them. Empty ones, and ones too long for T frames, do not count.
    """
    targets = [torch.tensor([ALPHABET.index(c) + 1 for c in text], dtype=torch.long) for text in texts]
    lengths = torch.tensor([len(target) for target in targets])
    losses = F.ctc_loss(
        probabilities.transpose(0, 1),  # (T, B, 29)
        torch.cat(targets).to(probabilities.device),
        torch.full((len(texts),), probabilities.shape[1], dtype=torch.long),
        lengths,
        reduction="none",
        zero_infinity=True,
    )
    each = losses / lengths.clamp(min=1).to(losses.device)
    counted = (lengths > 0).to(losses.device) & (losses > 0)
    return (each * counted).sum() / counted.sum().clamp(min=1)


def read_off(probabilities: Tensor) -> list[str]:
    """The likeliest letters of (B, T, 29): best class per frame, repeats merged, blanks left out."""
    texts = []
    for best in probabilities.argmax(2).tolist():
        collapsed = [c for c, before in zip(best, [0, *best], strict=False) if c != before and c]
        texts.append("".join(ALPHABET[c - 1] for c in collapsed))
    return texts


def spell(text: str) -> str:
    """A text in the expert's alphabet: small letters without accents, Chinese as pinyin, single spaces.

    Raises:
        ConfigError: there are Chinese characters and the package pypinyin is not installed.
    """
    if any("\u4e00" <= c <= "\u9fff" for c in text):
        try:
            from pypinyin import lazy_pinyin
        except ImportError as problem:
            raise ConfigError("lip_reader.no_pypinyin") from problem
        text = " ".join(lazy_pinyin(text, v_to_u=False))
    plain = unicodedata.normalize("NFKD", text.replace("’", "'")).lower()
    letters = "".join(c if c in ALPHABET else " " for c in plain if not unicodedata.combining(c))
    return " ".join(letters.split())


def letter_errors(read: str, written: str) -> int:
    """Letters to insert, delete or replace in ``read`` until it is ``written`` (Levenshtein distance)."""
    row = list(range(len(written) + 1))
    for i, a in enumerate(read, 1):
        before, row[0] = row[0], i
        for j, b in enumerate(written, 1):
            before, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, before + (a != b))
    return row[-1]
