"""The network of the patent "high-quality digital-human lip synthesis driven by speech", figure by figure.

Figure 1: speech encoder -> selector -> fusion <- image encoder, fusion -> image decoder <- skips of the
encoder.
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

from pathlib import Path
from typing import Any, Self

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin, hf_hub_download
from torch import Tensor, nn

from lipsync.audio.speech_input import LEARNED
from lipsync.methods.multi_reference.config import MultiReferenceConfig
from lipsync.methods.multi_reference.fusion import Fusion, Listener
from lipsync.methods.multi_reference.moving import Motion, blend
from lipsync.nn.spade import SpadeResBlock
from lipsync.nn.speech_encoder import LearnedEncoder
from lipsync.texts import Message
from lipsync.weights.pretrained import read_config
from lipsync.weights.renamed import accept_old_weights

CONFIG = "config.json"
HUB_OPTIONS = ("revision", "token", "cache_dir", "force_download", "local_files_only")


class MultiReference(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["lip-sync", "talking-face"],
):
    """Face crops lip-synced to the speech, from several references of the same person.

    The image encoder takes (B, 3 (R + 1), S, S): R references, then the frame with its lower half zeroed,
    RGB in 0..1. The fusion takes (B, F, D) speech features. The output is (B, 3, S, S) in 0..1.

    Frames of one video share their references: they are given once, as (W, 3 R, S, S), where each of the W
    serves the next B / W of the B frames.
    """

    def __init__(self, config: MultiReferenceConfig):
        super().__init__()
        self.config = config
        learned = config.audio.encoder == LEARNED
        audio = config.audio
        self.speech = (
            LearnedEncoder(audio.features, audio.dimension, audio.context) if learned else nn.Identity()
        )
        self.listener = Listener(config)
        self.image_encoder = ImageEncoder(config)
        self.fusion = Fusion(config)
        self.image_decoder = ImageDecoder(config)

    @classmethod
    def from_pretrained(cls, pretrained_model_name_or_path: str | Path, **options: Any) -> Self:
        """As of ``PyTorchModelHubMixin``, which alone would pass over the settings of earlier versions."""
        if "config" not in options:
            known = {key: value for key, value in options.items() if key in HUB_OPTIONS}
            file = Path(pretrained_model_name_or_path) / CONFIG
            if not file.parent.is_dir():
                file = Path(hf_hub_download(str(pretrained_model_name_or_path), CONFIG, **known))
            options["config"] = read_config(file, MultiReferenceConfig, Message("multi_reference.network"))
        return super().from_pretrained(pretrained_model_name_or_path, **options)

    def forward(
        self, audio_features: Tensor, frames: Tensor, references: Tensor, opening: Tensor | float = 1.0
    ) -> Tensor:
        """(B, 3, S, S) frames lip-synced to the speech.

        Args:
            audio_features: (B, F, D) features of the speech around each frame.
            frames: (B, 3, S, S); below ``config.visible`` they are not looked at.
            references: (W, 3 R, S, S).
            opening: mouth-opening factor, one for all or (B,).
        """
        return self.draw(self.listener(audio_features, opening), frames, references)

    def draw(self, tokens: Tensor, frames: Tensor, references: Tensor) -> Tensor:
        """As ``forward``, with the (B, F, C) tokens that the listener made."""
        config = self.config
        rows = round(config.network_size * config.visible)
        prior = F.pad(
            self._downscaled(frames[:, :, : rows * config.shrink]), (0, 0, 0, config.network_size - rows)
        )
        small = self._downscaled(references)
        each = small.repeat_interleave(len(frames) // len(small), dim=0)
        images = torch.cat([each.to(prior.dtype), prior], dim=1)
        features, skips = self.image_encoder(images.contiguous(memory_format=torch.channels_last))
        own = tokens[:, tokens.shape[1] // 2]  # (B, C)
        drawn = self.image_decoder(self.fusion(tokens, features), skips, small, references, own)
        if not config.lower_half:
            return drawn
        return torch.cat([frames[:, :, : config.size // 2].to(drawn.dtype), drawn], dim=2)

    def _downscaled(self, pictures: Tensor) -> Tensor:
        return F.avg_pool2d(pictures, self.config.shrink) if self.config.shrink > 1 else pictures


class ImageEncoder(nn.Module):
    """Stages that halve the picture: convolution, group norm of R + 1 groups, activation; once more."""

    def __init__(self, config: MultiReferenceConfig):
        super().__init__()
        groups, before = config.references + 1, 3 * (config.references + 1)
        self.stages = nn.ModuleList()
        for level in range(1, config.levels + 1):
            channels = config.channels(level)
            down = ConvNorm(before, channels, groups, kernel=5 if level == 1 else 3, stride=2)
            self.stages.append(nn.Sequential(down, ConvNorm(channels, channels, groups, residual=True)))
            before = channels

    def forward(self, images: Tensor) -> tuple[Tensor, list[Tensor]]:
        """Features (B, C, H, W) of (B, 3 (R + 1), S, S), and what each stage was given, finest first."""
        skips, x = [], images
        for stage in self.stages:
            skips.append(x)
            x = stage(x)
        return x, skips


class ImageDecoder(nn.Module):
    """M x (double, convolution, SPADE block), LeakyReLU, convolution, sigmoid (figure 4).

    A SPADE block's label is the encoder's picture of that size: the skip connection of figure 1. With
    ``warp_references`` the last block is shown the references where they were moved to, and what is painted
    joins them.
    """

    def __init__(self, config: MultiReferenceConfig):
        super().__init__()
        self.config = config
        groups = config.references + 1
        self.motion: Motion | None = None
        self.convs, self.blocks, self.modulation = nn.ModuleList(), nn.ModuleList(), nn.ModuleList()
        before = config.channels(config.levels)
        for step in range(config.levels):
            level = config.levels - 1 - step  # halvings of the picture after this stage
            finest = level == 0
            channels = config.channels(max(level, 1)) // (2 if finest else 1)
            skip = 3 * (config.references + 1) if finest else config.channels(level)
            spade = step < config.spade
            if finest and config.warp_references:
                self.motion = Motion(before, config)
            self.convs.append(nn.Conv2d(before, channels, 3, padding=1))
            self.blocks.append(
                SpadeResBlock(channels, channels, skip, hidden=max(16, round(64 * config.width)))
                if spade
                else PlainBlock(channels, 0 if finest and not config.warp_references else skip, groups)
            )
            self.modulation.append(
                nn.Linear(config.channels(config.levels), 2 * channels)
                if config.token_modulation
                else nn.Identity()
            )
            before = channels
        shares = config.references + 1 if config.warp_references else 0
        self.paint = nn.Conv2d(before, 3 + shares, 3, padding=1)
        accept_old_weights(self)

    def forward(
        self, x: Tensor, skips: list[Tensor], small: Tensor, references: Tensor, own: Tensor
    ) -> Tensor:
        """(B, 3, S, S), or its lower half.

        Args:
            x: (B, C, h, w) features.
            skips: of the encoder.
            small: (W, 3 R, s, s) references as the encoder sees them.
            references: (W, 3 R, S, S) at full size.
            own: (B, C) the frame's own token.
        """
        # One row of features above the lower half goes along: the seam is drawn knowing what is above it.
        first = x.shape[2] // 2 - 1 if self.config.lower_half else 0
        x = x[:, :, first:]
        flow = None
        stages = zip(self.convs, self.blocks, self.modulation, reversed(skips), strict=True)
        for conv, block, modulation, skip in stages:
            first *= 2
            label = skip[:, :, first:]
            if self.motion is not None and skip is skips[0]:
                flow = self.motion(x)
                label = torch.cat([self.motion.move(flow, small, first), label[:, -3:]], dim=1)
                label = label.to(x.dtype, memory_format=torch.channels_last)
            x = block(conv(F.interpolate(x, scale_factor=2.0, mode="nearest")), label)
            if self.config.token_modulation:
                scale, shift = modulation(own)[:, :, None, None].chunk(2, dim=1)  # (B, C', 1, 1) each
                x = x * (1 + scale) + shift
        drawn = self.paint(F.leaky_relu(x, 0.2))
        if self.config.lower_half:  # the row of features above it has served
            above = self.config.network_size // 2 - first
            drawn, first = drawn[:, :, above:], first + above
            flow = flow[:, :, above // 2 :] if flow is not None else None
        painted = drawn[:, :3].sigmoid()
        if self.motion is not None and flow is not None:
            moved = self.motion.move(flow, references, first * self.config.shrink)
            return blend(drawn[:, 3:], moved, painted)
        if self.config.shrink > 1:
            painted = F.interpolate(painted, scale_factor=float(self.config.shrink), mode="bilinear")
        return painted


class PlainBlock(nn.Module):
    """What stands in for a SPADE block to save computing: the skip is joined on the channels."""

    def __init__(self, channels: int, skip: int, groups: int):
        super().__init__()
        self.skip = skip
        self.block = nn.Sequential(
            ConvNorm(channels + skip, channels, groups),
            *([ConvNorm(channels, channels, groups, residual=True)] if skip else []),
        )

    def forward(self, x: Tensor, skip: Tensor) -> Tensor:
        return self.block(torch.cat([x, skip], dim=1) if self.skip else x)


class ConvNorm(nn.Module):
    """Convolution -> group norm (-> + input) -> LeakyReLU."""

    def __init__(
        self, cin: int, cout: int, groups: int, kernel: int = 3, stride: int = 1, residual: bool = False
    ):
        super().__init__()
        self.conv = nn.Conv2d(cin, cout, kernel, stride, kernel // 2)
        self.norm = nn.GroupNorm(groups, cout)
        self.residual = residual

    def forward(self, x: Tensor) -> Tensor:
        out = self.norm(self.conv(x))
        return F.leaky_relu(out + x if self.residual else out, 0.2)
