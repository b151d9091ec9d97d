"""How the multi-reference network speaks inside the pipeline."""

from __future__ import annotations

from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from lipsync.assets import asset
from lipsync.audio.encoders import SpeechEncoder, load_encoder
from lipsync.audio.features import features, frame_windows
from lipsync.audio.mel import RATE
from lipsync.audio.selector import lookahead, select
from lipsync.audio.speech_input import LEARNED
from lipsync.media import read_audio
from lipsync.methods.base import Batch, LipSyncMethod, MethodCard
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.nn.device import default_device, supports_bfloat16
from lipsync.nn.threads import in_parts

CLOSED = asset("examples", "english.wav")
CLOSED_AT = 3.36  # s in it: both lips touch for a while, and both cores that ship draw them closed there
AT_ONCE = 8  # frames that a processor's thread draws at once: the same pixels as of more, in less memory


class MultiReferenceMethod(LipSyncMethod):
    """The method around a network of several references.

    Raises:
        ConfigError: the speech encoder's package is not installed.
        ArtefactError: its weights are unavailable.
    """

    supports_mouth_opening = True

    def __init__(
        self,
        card: MethodCard,
        net: MultiReference,
        weights_sha256: str,
        device: torch.device | None = None,
        encoder: SpeechEncoder | None = None,
    ):
        self.card, self.weights_sha256 = card, weights_sha256
        self.config = net.config
        self.crop_size, self.references = net.config.size, net.config.references
        self.passthrough = 0.5 if net.config.lower_half else 0.0
        self.device = device or default_device()
        self.net = net.eval().to(self.device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        learned = net.config.audio.encoder == LEARNED
        self.encoder = None if learned else encoder or load_encoder(net.config.audio.encoder)
        audio = net.config.audio
        own = (audio.features if self.encoder is None else self.encoder).lookahead
        around = lookahead(audio.rate, audio.count, audio.spacing)
        self.audio_lookahead = own + around + audio.context / audio.rate
        self.half = supports_bfloat16(self.device)

    @torch.inference_mode()
    def encode_audio(self, samples: np.ndarray) -> np.ndarray:
        """(L, D) speech features of (N,) mono 16 kHz samples, at ``config.audio.rate``."""
        if self.encoder is not None:
            return self.encoder.encode(samples)
        audio = self.config.audio
        audio_features = features(samples, audio.features)  # (rows, T)
        times = np.arange(1 + int(len(samples) / RATE * audio.rate)) / audio.rate
        windows = torch.from_numpy(frame_windows(audio_features, times, audio.features)[:, 0])
        return self.net.speech.encode_windows(windows.to(self.device)).cpu().numpy()

    @cached_property
    def _closed(self) -> Tensor:
        """(F, D) features of a sound whose lips are closed, for frames in which nobody speaks.

        The network was never taught silence: what it draws for it, or for features of 0, is the mouth between
        two sounds, which is a little open.
        """
        audio = self.config.audio
        features = self.encode_audio(read_audio(CLOSED))
        at = np.array([CLOSED_AT])
        return torch.from_numpy(select(features, audio.rate, at, audio.count, audio.spacing))[0]

    @torch.inference_mode()
    def synthesize(self, batch: Batch) -> np.ndarray:
        """(B, S, S, 3) uint8 faces that speak; see ``LipSyncMethod.synthesize``."""
        audio = self.config.audio
        audio_features = torch.from_numpy(
            select(batch.speech, audio.rate, batch.times, audio.count, audio.spacing)
        )
        frames = _to_tensor(batch.faces, self.device)
        # A video with fewer faces than references shows some of them twice.
        wanted = np.arange(self.references) % len(batch.references)
        references = _to_tensor(batch.references[wanted], self.device).flatten(0, 1)[None]  # (1, 3 R, S, S)
        if batch.activity is not None and batch.activity.min() < 1:
            active = torch.from_numpy(batch.activity)[:, None, None]
            audio_features = active * batch.mouth_opening * audio_features + (1 - active) * self._closed
            opening = 1.0
        else:
            opening = batch.mouth_opening

        def draw(speech: Tensor, faces: Tensor) -> Tensor:
            with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
                return self.net(speech, faces, references, opening).float()

        drawn = in_parts(draw, AT_ONCE, audio_features.to(self.device), frames)
        return (drawn * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()


def _to_tensor(images: np.ndarray, device: torch.device) -> Tensor:
    return torch.from_numpy(images).to(device).permute(0, 3, 1, 2).float() / 255
