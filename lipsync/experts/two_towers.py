"""What the sync experts share: a tower for mouths and one for speech, and one space for both."""

from __future__ import annotations

import torch.nn.functional as F
from torch import Tensor, nn

from lipsync.errors import ConfigError
from lipsync.registry import unknown

GUARDS = ("epsilon", "sigmoid")


def check_guard(guard: str) -> None:
    """Refuse a reading of eq 11 that there is not, see ``lipsync.training.losses.sync_probability``.

    Raises:
        ConfigError: it is none of ``GUARDS``.
    """
    if guard not in GUARDS:
        raise ConfigError(unknown("kind.eq11", guard, GUARDS))


class TwoTowers(nn.Module):
    """Embeds mouths and speech so that a mouth and its own speech have similar vectors.

    Attributes:
        face_encoder: takes (B, 15, 48, 96) lower halves of five frames on the channels, 0..1.
        audio_encoder: takes the speech of these frames; its shape is the expert's own.
    """

    face_encoder: nn.Sequential
    audio_encoder: nn.Sequential

    def embed_faces(self, faces: Tensor) -> Tensor:
        """(B, 15, 48, 96) lower halves of five frames on the channels, 0..1, to (B, D) of length 1."""
        return F.normalize(self.face_encoder(faces).flatten(1), dim=1)

    def embed_audio(self, audio: Tensor) -> Tensor:
        """(B, ...) speech to (B, D) of length 1."""
        return F.normalize(self.audio_encoder(audio).flatten(1), dim=1)

    def forward(self, audio: Tensor, faces: Tensor) -> tuple[Tensor, Tensor]:
        return self.embed_audio(audio), self.embed_faces(faces)
