"""How a generator of the Wav2Lip family speaks inside the pipeline."""

from __future__ import annotations

from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn.utils.fusion import fuse_conv_bn_eval

from lipsync.audio.features import MEL_RATE, features, frame_windows
from lipsync.audio.mel import RATE
from lipsync.errors import ConfigError
from lipsync.methods.base import Batch, LipSyncMethod, MethodCard
from lipsync.methods.wav2lip.opening import MOUTHS, Opening, ask
from lipsync.nn.blocks import ConvBlock, UpBlock
from lipsync.nn.device import default_device, supports_bfloat16
from lipsync.nn.prior import pose_prior
from lipsync.nn.threads import in_parts
from lipsync.weights import hub

AT_ONCE = 8  # frames that a processor's thread draws at once


class Wav2LipMethod(LipSyncMethod):
    """The method around a generator of mouths.

    LSTM-CBAM's takes and gives what Wav2Lip's does: speech windows, and six channels of a masked face
    and one reference.
    """

    supports_mouth_opening = True

    def __init__(
        self,
        card: MethodCard,
        net: nn.Module,
        weights_sha256: str,
        device: torch.device | None = None,
    ):
        self.card, self.weights_sha256 = card, weights_sha256
        self.config = cast(Any, net.config)
        self.crop_size = self.config.size
        self.audio_lookahead = self.config.audio.lookahead
        self.opening: Opening | None = None  # of this job, measured when it is first needed
        self.device = device or default_device()
        self.net: Any = fuse(net.eval()).to(self.device)
        self.half = supports_bfloat16(self.device)

    def encode_audio(self, samples: np.ndarray) -> np.ndarray:
        """(rows, T) speech features at 80 Hz of (N,) mono 16 kHz samples."""
        return features(samples, self.config.audio)

    @torch.inference_mode()
    def synthesize(self, batch: Batch) -> np.ndarray:
        """(B, S, S, 3) uint8 faces that speak; see ``LipSyncMethod.synthesize``.

        Raises:
            ConfigError: another opening of the mouth is asked for, and the face landmarker is not here.
            FaceError: or the mouths drawn cannot be measured.
        """
        frames = _to_tensor(batch.faces, self.device)
        reference = _to_tensor(batch.references[:1], self.device)
        masked = pose_prior(frames, self.config.visible)
        both = torch.cat([masked, reference.expand_as(frames)], dim=1).contiguous(
            memory_format=torch.channels_last
        )
        windows = self._windows(batch.speech, batch.times)
        faces = self.net.with_audio(both, windows)
        embedding = self._encode(windows)  # (B, C)
        if batch.mouth_opening != 1:
            if self.opening is None:
                self.opening = self._ask(batch.speech, both[:1])
            embedding = self.opening.scaled(embedding, batch.mouth_opening)
        if batch.activity is not None and batch.activity.min() < 1:
            active = torch.from_numpy(batch.activity).to(embedding)[:, None]
            embedding = active * embedding + (1 - active) * self._silence()
        return self._drawn(embedding, faces)

    def _silence(self) -> Tensor:
        """(1, C) embedding of digital silence."""
        silence = features(np.zeros(RATE, np.float32), self.config.audio)
        return self._encode(self._windows(silence, np.array([0.5])))

    def _windows(self, speech: np.ndarray, times: np.ndarray) -> Tensor:
        return torch.from_numpy(frame_windows(speech, times, self.config.audio)).to(self.device)

    def _drawn(self, embedding: Tensor, faces: Tensor) -> np.ndarray:
        """(B, S, S, 3) uint8, to (B, C) encoded speech and (B, ...) faces as ``with_audio`` gives them."""

        def draw(embedding: Tensor, faces: Tensor) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                return self.net.draw(embedding, faces).float()

        drawn = in_parts(draw, AT_ONCE, embedding[..., None, None], faces)
        return (drawn * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()

    def _encode(self, windows: Tensor) -> Tensor:
        """(B, C) embeddings of speech windows."""
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            return self.net.encode_audio(windows).float().flatten(1)

    def _ask(self, speech: np.ndarray, face: Tensor) -> Opening:
        """How this network opens the mouth of the (1, 6, S, S) face to this speech."""
        landmarker = hub.locate("face_landmarker")
        if landmarker is None:
            raise ConfigError("opening.needs_landmarker")
        times = np.linspace(0, speech.shape[1] / MEL_RATE, MOUTHS)
        windows = self._windows(speech, times)
        faces = self.net.with_audio(face.expand(MOUTHS, -1, -1, -1), windows)
        embeddings = self._encode(windows)
        return ask(
            embeddings,
            lambda some: self._drawn(some, faces),
            landmarker,
        )


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
