"""The generator of LSTM-CBAM (Hong & Zhang 2023, section 2.1, figure 2): "similar to LipGAN's".

The synchronisation discriminator is :class:`lipsync.experts.sync_expert.SyncExpert` with ``lstm`` and
``cbam`` (figure 3); ``lipsync.methods.lstm_cbam.config`` has one configuration per row of Table 1.

What the paper leaves open, and what was chosen:
- which of LipGAN's two generators: the residual one, which its training uses by default;
- LipGAN's residual unit skips two convolutions; here every convolution has its own skip, as in the rest of
  this family, and there are as many units as in LipGAN;
- LipGAN takes 12 x 35 MFCC; the paper compares with Wav2Lip, so this takes Wav2Lip's 80 x 16 mel window
  through Wav2Lip's speech tower (16 to 1 columns instead of 35), which ends in the same 512 channels.
"""

# No postponed annotations here: PyTorchModelHubMixin reads the type of ``config`` off the signature to
# turn config.json back into it, and a string would leave it a dict.

import torch
from huggingface_hub import PyTorchModelHubMixin
from torch import Tensor, nn

from lipsync.methods.lstm_cbam.config import LstmCbamConfig
from lipsync.nn.blocks import ConvBlock, UpBlock, residual
from lipsync.nn.towers import audio_tower


class LipGANGenerator(
    nn.Module,
    PyTorchModelHubMixin,
    library_name="lipsync-portal",
    tags=["lip-sync", "talking-face"],
):
    """Face crops lip-synced to the speech.

    The face encoder takes (B, 6, S, S): the frame with its lower half zeroed (pose prior), then a
    reference frame of the same person, RGB in 0..1. The audio encoder takes (B, 1, rows, 16). The
    output is (B, 3, S, S) in 0..1.
    """

    def __init__(self, config: LstmCbamConfig):
        super().__init__()
        self.config = config
        c16, c32, c64, c128, c256, c512 = (config.channels(c) for c in (16, 32, 64, 128, 256, 512))
        grow = config.size // 32
        self.face_encoder = nn.ModuleList([
            nn.Sequential(ConvBlock(6, c32, 7, 1, 3)),                                   # S
            nn.Sequential(ConvBlock(c32, c64, 5, 2, 2), *residual(c64, 2)),              # S/2
            nn.Sequential(ConvBlock(c64, c128, 3, 2, 1), *residual(c128, 3)),            # S/4
            nn.Sequential(ConvBlock(c128, c256, 3, 2, 1), *residual(c256, 2)),           # S/8
            nn.Sequential(ConvBlock(c256, c512, 3, 2, 1), *residual(c512, 2)),           # S/16
            nn.Sequential(ConvBlock(c512, c512, 3, 2, 1)),                               # S/32 = grow
            nn.Sequential(ConvBlock(c512, c512, grow, 1, 0), ConvBlock(c512, c512, 1)),  # 1
        ])  # fmt: skip
        self.audio_encoder = nn.Sequential(*audio_tower(config.audio, (c32, c64, c128, c256, c512), deep=1))
        self.face_decoder = nn.ModuleList([
            nn.Sequential(UpBlock(2 * c512, c512, grow, 1, 0)),                         # S/32
            nn.Sequential(UpBlock(2 * c512, c512, 3, 2, 1, 1), *residual(c512, 2)),     # S/16
            nn.Sequential(UpBlock(2 * c512, c256, 3, 2, 1, 1), *residual(c256, 2)),     # S/8
            nn.Sequential(UpBlock(2 * c256, c128, 3, 2, 1, 1), *residual(c128, 2)),     # S/4
            nn.Sequential(UpBlock(2 * c128, c64, 3, 2, 1, 1), *residual(c64, 2)),       # S/2
            nn.Sequential(UpBlock(2 * c64, c32, 3, 2, 1, 1)),                           # S
        ])  # fmt: skip
        self.output_block = nn.Sequential(
            ConvBlock(2 * c32, c16, 3, 1, 1), ConvBlock(c16, c16, 3, 1, 1), nn.Conv2d(c16, 3, 1), nn.Sigmoid()
        )

    def forward(self, audio: Tensor, faces: Tensor) -> Tensor:
        """(B, 1, rows, 16) speech features and (B, 6, S, S) faces to (B, 3, S, S) frames."""
        return self.draw(self.encode_audio(audio), faces)

    def with_audio(self, faces: Tensor, audio: Tensor) -> Tensor:
        """The faces as ``draw`` takes them; the audio enters through the encoder alone."""
        return faces

    def encode_audio(self, audio: Tensor) -> Tensor:
        """(B, 1, rows, 16) speech features to (B, C, 1, 1)."""
        return self.audio_encoder(audio)

    def draw(self, embedding: Tensor, faces: Tensor) -> Tensor:
        """(B, C, 1, 1) encoded speech and (B, 6, S, S) faces to (B, 3, S, S) frames."""
        skips, x = [], faces
        for stage in self.face_encoder:
            x = stage(x)
            skips.append(x)
        x = torch.cat([skips.pop(), embedding], dim=1)  # (B, 1024, 1, 1)
        for stage in self.face_decoder:
            x = torch.cat([stage(x), skips.pop()], dim=1)
        return self.output_block(x)
