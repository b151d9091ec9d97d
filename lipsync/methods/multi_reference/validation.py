"""How a multi-reference network does on people it is not trained on: figures and a contact sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from lipsync.data.augmentation import cut, framing
from lipsync.data.clips import MARGIN, STORED, Clip
from lipsync.data.speech_stretches import SpeechStretches, gather
from lipsync.experts.frozen import mouth_input
from lipsync.experts.mouth_shape import MouthExpert
from lipsync.methods.multi_reference.model import MultiReference
from lipsync.methods.multi_reference.train_listener import GAP
from lipsync.training.losses import correlation

CLIPS, FRAMES, SHOWN = 8, 50, 6  # clips looked at, frames of each, pictures of each on the sheet
FACTORS = (0.6, 1.6)


def validate(
    net: MultiReference,
    speech_stretches: SpeechStretches,
    clips: list[Clip],
    contact_sheet: Path,
    mouth: MouthExpert | None = None,
) -> dict[str, float]:
    """L1 of the lower half with the own speech, how the opening follows own and other speech and the factor.

    Writes real frames and those drawn with the own speech, one row each, to ``contact_sheet``.

    Args:
        mouth: reads the openings; without it there is only the L1.
    """
    net.eval()
    size = net.config.size
    clips = [clip for clip in clips if len(clip) >= 50][:CLIPS]
    rows: list[np.ndarray] = []
    found: dict[str, list[float]] = {}

    def note(name: str, value: Tensor) -> None:
        found.setdefault(name, []).append(float(value))

    for index, clip in enumerate(clips):
        at = np.arange(min(len(clip), FRAMES))
        crops, real, references = _pictures(net, clip, at)
        speaker = clips[(index + 1) % len(clips)]
        drawn = _draw(net, speech_stretches.stretch(clip, 0, len(at)), speech_stretches, real, references)
        note("lower_half_l1", (drawn - real)[:, :, size // 2 :].abs().mean())
        if mouth is not None:
            shape = torch.from_numpy(clip.shape[at])[None].to(real.device)
            predicted = mouth(mouth_input(drawn))
            note("expert_r_own", correlation(predicted[None], shape)[0, 0])
            note("expert_spread", predicted[:, GAP].std() / shape[0, :, GAP].std().clamp(min=1e-3))
            other = _draw(
                net, speech_stretches.stretch(speaker, 0, len(at)), speech_stretches, real, references
            )
            note("expert_r_other", correlation(mouth(mouth_input(other))[None], shape)[0, 0])
            for factor in FACTORS:
                scaled = _draw(
                    net,
                    speech_stretches.stretch(clip, 0, len(at)),
                    speech_stretches,
                    real,
                    references,
                    factor,
                )
                gap = mouth(mouth_input(scaled))[:, GAP]
                note(f"gap_at_{factor}", gap.mean() / predicted[:, GAP].mean().clamp(min=1e-3))
        shown = [int(i) for i in np.linspace(5, len(at) - 5, SHOWN)]
        made = (drawn[shown].permute(0, 2, 3, 1).cpu().numpy() * 255).round().astype(np.uint8)
        rows += [np.concatenate(list(pictures), 1) for pictures in (crops[shown], made)]
    if rows:
        cv2.imwrite(str(contact_sheet), np.concatenate(rows)[..., ::-1])
    return {name: float(np.mean(values)) for name, values in found.items()}


def _pictures(net: MultiReference, clip: Clip, at: np.ndarray) -> tuple[np.ndarray, Tensor, Tensor]:
    """Crops (T, S, S, 3), the same as (T, 3, S, S) in 0..1, and (1, R, 3, S, S) of the whole clip."""
    device = next(net.parameters()).device
    size, count = net.config.size, net.config.references
    matrix, _ = framing(STORED, size, MARGIN, None)
    crops = cut(clip.faces[at], matrix, size)
    order = np.argsort(clip.shape[:, GAP], kind="stable")
    chosen = order[((np.arange(count) + 0.5) / count * len(order)).astype(int)]
    pictures = torch.from_numpy(cut(clip.faces[chosen], matrix, size)).permute(0, 3, 1, 2)
    real = torch.from_numpy(crops).permute(0, 3, 1, 2).float().to(device) / 255
    return crops, real, pictures[None].float().to(device) / 255


def _draw(
    net: MultiReference,
    stretch: np.ndarray,
    speech_stretches: SpeechStretches,
    real: Tensor,
    references: Tensor,
    factor: float = 1.0,
) -> Tensor:
    """(T, 3, S, S) float32 frames lip-synced to the stretch."""
    speech = torch.from_numpy(stretch)[None].to(real.device)
    if speech_stretches.frozen is None:
        speech = net.speech(speech)
    audio_features = gather(speech, torch.from_numpy(speech_stretches.places(len(real))))[0]  # (T, F, D)
    parts = zip(audio_features.split(25), real.split(25), strict=True)
    return torch.cat([net(part, frames, references.flatten(1, 2), factor).float() for part, frames in parts])
