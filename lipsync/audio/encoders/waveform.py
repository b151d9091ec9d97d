"""HuBERT and wav2vec 2.0, which take the waveform itself, through transformers."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lipsync.audio.encoders.overlap import Overlap, encode_overlapping
from lipsync.audio.mel import RATE
from lipsync.compat import ensure_torchvision
from lipsync.errors import ArtefactError, ConfigError
from lipsync.weights import hub
from lipsync.weights.download import brief
from lipsync.weights.hub import Progress

REPOSITORIES = {
    "hubert-base": "facebook/hubert-base-ls960",
    "wav2vec2-base": "facebook/wav2vec2-base",
    "wav2vec2-xlsr": "facebook/wav2vec2-xls-r-300m",  # 128 languages
}
STRIDE, FIELD = 320, 400  # samples from one vector to the next, and that one vector's convolutions see


class WaveformEncoder:
    """The last hidden layer of a HuBERT or wav2vec 2.0 model at 50 Hz.

    Args:
        name: of ``ENCODERS``.
        net: ``HubertModel`` or ``Wav2Vec2Model`` of transformers.
        overlap: how long sound is cut.
    """

    rate = RATE / STRIDE

    def __init__(self, name: str, net: Any, overlap: Overlap | None = None) -> None:
        self.name, self.net, self.overlap = name, net.eval(), overlap or Overlap()
        strides, kernels = net.config.conv_stride, net.config.conv_kernel
        stride, field = 1, 1
        for step, kernel in zip(strides, kernels, strict=True):
            field += (kernel - 1) * stride
            stride *= step
        if (stride, field) != (STRIDE, FIELD):
            raise ConfigError("encoder.other_layers", encoder=name)
        self.dimension = net.config.hidden_size
        self.lookahead = self.overlap.chunk
        digest = hashlib.sha256()
        for key, value in net.state_dict().items():
            digest.update(key.encode())
            digest.update(value.detach().float().numpy().tobytes())
        self.version = f"{digest.hexdigest()[:16]}-{self.overlap.chunk:g}-{self.overlap.hop:g}"

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """See ``SpeechEncoder.encode``."""
        return encode_overlapping(samples, self.rate, self.overlap, self._encode_chunk)

    @torch.inference_mode()
    def _encode_chunk(self, chunk: np.ndarray) -> np.ndarray:
        """(N / 320, D) float32 of one chunk."""
        # Half a receptive field of silence before it centres vector k on sample 320 k. Both models were
        # trained on sounds of mean 0 and deviation 1.
        scaled = (chunk - chunk.mean()) / np.sqrt(chunk.var() + 1e-7)
        padded = np.pad(scaled, FIELD // 2)
        return self.net(torch.from_numpy(padded[None])).last_hidden_state[0].float().numpy()


def load_waveform(
    name: str, weights: Path | None = None, progress: Progress | None = None
) -> WaveformEncoder:
    """A HuBERT or wav2vec 2.0 by its name of ``ENCODERS``, from the Hub or a local folder.

    Raises:
        ConfigError: transformers is not installed, or the folder holds another network.
        ArtefactError: the weights are unavailable.
    """
    ensure_torchvision()  # transformers imports it
    try:
        from transformers import AutoConfig, HubertModel, Wav2Vec2Model
    except ImportError as problem:
        raise ConfigError("encoder.needs_package", encoder=name, package="transformers") from problem
    place = str(weights) if weights is not None else REPOSITORIES[name]
    here = weights is not None or hub.offline()
    try:
        config = AutoConfig.from_pretrained(place, local_files_only=here)
        classes: dict[str, Any] = {"hubert": HubertModel, "wav2vec2": Wav2Vec2Model}
        if config.model_type not in classes:
            raise ConfigError("encoder.other_kind", place=place, kind=config.model_type)
        net = classes[config.model_type].from_pretrained(place, local_files_only=here, dtype=torch.float32)
    except (OSError, ValueError) as problem:
        raise ArtefactError(
            "encoder.unavailable", encoder=name, place=place, problem=brief(problem)
        ) from problem
    return WaveformEncoder(name, net)
