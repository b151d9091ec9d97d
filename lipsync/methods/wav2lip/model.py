"""The Wav2Lip generator (Prajwal et al., ACM MM 2020) and M-CSAWav2Lip's additions to it.

Module and parameter names equal those of the published ``wav2lip.pth`` and ``wav2lip_gan.pth``.
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

import torch
import torch.nn.functional as F
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from lipsync.methods.wav2lip.config import Wav2LipConfig
from lipsync.nn.attention import ChannelAttention, SpatialAttention
from lipsync.nn.blocks import ConvBlock, UpBlock, residual
from lipsync.nn.towers import audio_tower


class Generator(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["lip-sync", "talking-face"],
):
    """Face crops lip-synced to the speech.

    The identity encoder takes (B, 6, S, S): the frame with its lower half zeroed (pose prior), then a
    reference frame of the same person, RGB in 0..1. The speech encoder takes (B, 1, rows, 16). The
    output is (B, 3, S, S) in 0..1.
    """

    def __init__(self, config: Wav2LipConfig):
        super().__init__()
        self.config = config
        c16, c32, c64, c128, c256, c512 = (config.channels(c) for c in (16, 32, 64, 128, 256, 512))
        c384, grow = config.channels(384), config.size // 32
        self.face_encoder_blocks = nn.ModuleList([
            nn.Sequential(ConvBlock(6 + config.audio_channel, c16, 7, 1, 3)),            # S
            nn.Sequential(ConvBlock(c16, c32, 3, 2, 1), *residual(c32, 2)),              # S/2
            nn.Sequential(ConvBlock(c32, c64, 3, 2, 1), *residual(c64, 3)),              # S/4
            nn.Sequential(ConvBlock(c64, c128, 3, 2, 1), *residual(c128, 2)),            # S/8
            nn.Sequential(ConvBlock(c128, c256, 3, 2, 1), *residual(c256, 2)),           # S/16
            nn.Sequential(ConvBlock(c256, c512, 3, 2, 1), *residual(c512, 1)),           # S/32 = grow
            nn.Sequential(ConvBlock(c512, c512, grow, 1, 0), ConvBlock(c512, c512, 1)),  # 1
        ])  # fmt: skip
        self.audio_encoder = nn.Sequential(*audio_tower(config.audio, (c32, c64, c128, c256, c512), deep=1))
        self.face_decoder_blocks = nn.ModuleList([
            nn.Sequential(ConvBlock(c512, c512, 1)),                                          # 1
            nn.Sequential(UpBlock(2 * c512, c512, grow, 1, 0), *residual(c512, 1)),           # S/32
            nn.Sequential(UpBlock(2 * c512, c512, 3, 2, 1, 1), *residual(c512, 2)),           # S/16
            nn.Sequential(UpBlock(c512 + c256, c384, 3, 2, 1, 1), *residual(c384, 2)),        # S/8
            nn.Sequential(UpBlock(c384 + c128, c256, 3, 2, 1, 1), *residual(c256, 2)),        # S/4
            nn.Sequential(UpBlock(c256 + c64, c128, 3, 2, 1, 1), *residual(c128, 2)),         # S/2
            nn.Sequential(UpBlock(c128 + c32, c64, 3, 2, 1, 1), *residual(c64, 2)),           # S
        ])  # fmt: skip
        self.output_block = nn.Sequential(
            ConvBlock(c64 + c16, c32, 3, 1, 1), nn.Conv2d(c32, 3, 1), nn.Sigmoid()
        )
        # Attention sits after the last block of a stage: speech encoder at 256 channels (block 10),
        # identity encoder at 32 (stage 1) and at 256 (stage 4).
        self.audio_attention = _attention(config, c256)
        self.face_attention = nn.ModuleDict({"1": _attention(config, c32), "4": _attention(config, c256)})

    def forward(self, audio: Tensor, faces: Tensor) -> Tensor:
        """(B, 1, rows, 16) speech features and (B, 6, S, S) faces to (B, 3, S, S) frames."""
        return self.draw(self.encode_audio(audio), self.with_audio(faces, audio))

    def with_audio(self, faces: Tensor, audio: Tensor) -> Tensor:
        """What the identity encoder takes of (B, 6, S, S) faces and their (B, 1, rows, 16) speech features.

        The faces alone; with ``audio_channel`` (M-CSAWav2Lip, section 3.1.1) a seventh channel has the
        features stretched over the picture, their -4..4 as 0..1.
        """
        if not self.config.audio_channel:
            return faces
        laid = F.interpolate(audio / 8 + 0.5, size=faces.shape[-2:], mode="bilinear", align_corners=False)
        return torch.cat([faces, laid.to(faces.dtype)], dim=1).contiguous(memory_format=torch.channels_last)

    def draw(self, embedding: Tensor, faces: Tensor) -> Tensor:
        """(B, C, 1, 1) encoded speech and faces as ``with_audio`` gives them to (B, 3, S, S) frames."""
        skips, x = [], faces
        for index, stage in enumerate(self.face_encoder_blocks):
            x = stage(x)
            if str(index) in self.face_attention:
                x = self.face_attention[str(index)](x)
            skips.append(x)
        x = embedding
        for stage in self.face_decoder_blocks:
            x = torch.cat([stage(x), skips.pop()], dim=1)
        return self.output_block(x)

    def encode_audio(self, audio: Tensor) -> Tensor:
        """(B, 1, rows, 16) speech features to (B, C, 1, 1)."""
        x = self.audio_encoder[:11](audio)  # through the 256-channel stage
        return self.audio_encoder[11:](self.audio_attention(x))


def _attention(config: Wav2LipConfig, channels: int) -> nn.Sequential:
    """Channel, then spatial attention; empty for plain Wav2Lip, so that no key is added."""
    return nn.Sequential(
        *([ChannelAttention(channels)] if config.channel_attention else []),
        *([SpatialAttention()] if config.spatial_attention else []),
    )
