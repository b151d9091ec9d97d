"""The two-way fusion of speech and pictures (figure 2 of the patent, steps a to g)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.weights.renamed import accept_old_weights


class Listener(nn.Module):
    """Steps a to f: (B, F, D) features of speech to (B, F, C) tokens with attention over their neighbours."""

    def __init__(self, config: MultiReferenceConfig):
        super().__init__()
        channels = config.channels(config.levels)
        self.adapter = nn.Sequential(
            nn.Linear(config.audio.dimension, channels), nn.GELU(), nn.Linear(channels, channels)
        )
        self.register_buffer("positions", positions(config.audio.count, channels), persistent=False)
        self.attention = nn.MultiheadAttention(channels, config.heads, batch_first=True)
        self.norm = nn.LayerNorm(channels)

    def forward(self, audio_features: Tensor, opening: Tensor | float = 1.0) -> Tensor:
        """
        Args:
            audio_features: (B, F, D).
            opening: mouth-opening factor, one for all or (B,); 1 as the speech has it.
        """
        if isinstance(opening, Tensor):
            opening = opening.to(audio_features.dtype)[:, None, None]
        tokens = self.adapter(audio_features * opening) + self.positions  # (B, F, C), steps a, b, c
        attended, _ = self.attention(tokens, tokens, tokens, need_weights=False)  # steps d, e
        return self.norm(tokens + attended)  # step f


class Fusion(nn.Module):
    """Step g and its way back: speech attends to the lower half of the pictures, then pictures to speech.

    The patent's text gives the first direction and calls the module bidirectional; the way back has the same
    form, with the tokens after attention. Besides, the frame's own token is added to every pixel: attention
    alone first has to find out which of the tokens that is, which takes several times the steps.
    """

    def __init__(self, config: MultiReferenceConfig):
        super().__init__()
        channels, side = config.channels(config.levels), config.network_size // 2**config.levels
        self.look = nn.MultiheadAttention(channels, config.heads, batch_first=True)
        self.look_norm = nn.LayerNorm(channels)
        self.audio_attention = nn.MultiheadAttention(channels, config.heads, batch_first=True)
        self.audio_norm = nn.LayerNorm(channels)
        self.register_buffer("mask", upper_half(side, config.audio.count), persistent=False)
        accept_old_weights(self)

    def forward(self, tokens: Tensor, features: Tensor) -> Tensor:
        """(B, F, C) tokens of speech and (B, C, H, W) features of pictures to (B, C, H, W)."""
        height, width = features.shape[-2:]
        pixels = features.flatten(2).transpose(1, 2)  # (B, H*W, C)
        mask = self.mask.to(tokens.dtype)  # type: ignore[operator]
        attended_pixels, _ = self.look(tokens, pixels, pixels, attn_mask=mask, need_weights=False)
        tokens = self.look_norm(tokens + attended_pixels)
        attended_audio, _ = self.audio_attention(pixels, tokens, tokens, need_weights=False)
        own = tokens[:, tokens.shape[1] // 2, None]  # (B, 1, C)
        pixels = self.audio_norm(pixels + attended_audio + own)
        return pixels.transpose(1, 2).unflatten(2, (height, width))


def positions(count: int, channels: int) -> Tensor:
    """(count, channels): PE(p, 2i) = sin(p / 10000^(2i / channels)), PE(p, 2i + 1) = cos of the same."""
    place = torch.arange(count, dtype=torch.float32)[:, None]
    angle = place / 10_000 ** (torch.arange(0, channels, 2, dtype=torch.float32) / channels)
    return torch.stack([angle.sin(), angle.cos()], dim=2).flatten(1)[:, :channels]


def upper_half(side: int, count: int) -> Tensor:
    """(count, side * side) that is added to attention: -inf at pixels of the upper half, 0 at the others."""
    mask = torch.zeros(count, side * side)
    mask[:, : side * side // 2] = -torch.inf
    return mask
