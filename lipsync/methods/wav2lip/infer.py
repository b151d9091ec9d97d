"""How a generator of the Wav2Lip family speaks inside the pipeline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lipsync.audio.features import features, frame_windows
from lipsync.methods.base import Batch, MethodCard
from lipsync.nn.blocks import ConvBlock, UpBlock

if TYPE_CHECKING:
    from lipsync.methods.lstm_cbam.model import LipGANGenerator
    from lipsync.methods.wav2lip.model import Generator


class Wav2LipMethod:
    """A ``lipsync.methods.base.LipSyncMethod`` around a generator of mouths.

    LSTM-CBAM's takes and gives what Wav2Lip's does: speech windows, and six channels of a masked face
    and one reference.
    """

    references = 1
    blendshapes = opens = False

    def __init__(
        self,
        card: MethodCard,
        net: Generator | LipGANGenerator,
        weights_sha256: str,
        device: torch.device | None = None,
    ):
        self.card, self.weights_sha256 = card, weights_sha256
        self.config = net.config
        self.crop_size = net.config.size
        self.device = device or torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self.net = fuse(net.eval()).to(self.device)
        # bfloat16 doubles the speed of a CPU that has it; without it PyTorch only emulates it, slowly.
        self.half = self.device.type == "cuda" or (
            torch.backends.mkldnn.is_available() and torch.ops.mkldnn._is_mkldnn_bf16_supported()
        )

    def listen(self, samples: np.ndarray) -> np.ndarray:
        """(rows, T) speech features at 80 Hz of (N,) mono 16 kHz samples."""
        return features(samples, self.config.audio)

    @torch.inference_mode()
    def synthesize(self, batch: Batch) -> np.ndarray:
        """(B, S, S, 3) uint8 faces that speak; see ``LipSyncMethod.synthesize``."""
        heard = frame_windows(batch.speech, batch.times, self.config.audio)
        windows = torch.from_numpy(heard).to(self.device)
        frames = _to_tensor(batch.faces, self.device)
        reference = _to_tensor(batch.references[:1], self.device)
        masked = frames.clone()
        masked[:, :, self.crop_size // 2 :] = 0
        both = torch.cat([masked, reference.expand_as(frames)], dim=1).contiguous(
            memory_format=torch.channels_last
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            drawn = self.net(windows, both).float()  # (B, 3, S, S)
        return (drawn * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def _to_tensor(images: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255


def fuse(net: nn.Module) -> nn.Module:
    """The network with every batch norm folded into the convolution before it; for use, not for training."""
    for module in net.modules():
        if isinstance(module, ConvBlock | UpBlock):
            conv, norm = module.conv_block
            fused = fuse_conv_bn_eval(conv, norm, transpose=isinstance(module, UpBlock))  # type: ignore[type-var, arg-type]
            module.conv_block = nn.Sequential(fused)
    return net.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
