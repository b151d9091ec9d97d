"""How a generator does on people it is not trained on: figures and a contact sheet."""

from __future__ import annotations

from pathlib import Path
from typing import Any, cast

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from lipsync.data.augmentation import cut, framing
from lipsync.data.clips import MARGIN, STORED, Clip
from lipsync.data.windows import pose_and_reference
from lipsync.experts.frozen import mouth_input
from lipsync.experts.mouth_shape import MouthExpert
from lipsync.training.losses import correlation

CLIPS, FRAMES, SHOWN = 8, 75, 8  # clips looked at, frames of each, pictures of each on the sheet


def validate(
    net: nn.Module, clips: list[Clip], contact_sheet: Path, mouth: MouthExpert | None = None
) -> dict[str, float]:
    """L1 of the lower half with the own speech, and how the opening follows own and other speech.

    Writes real and drawn frames of each clip, one row each, to ``contact_sheet``.

    Args:
        net: a generator of the Wav2Lip family; it is switched to evaluation.
        mouth: reads the openings; without it there is no correlation.
    """
    config = cast(Any, net.config)
    device, size, audio = next(net.parameters()).device, config.size, config.audio
    net.eval()
    clips = [clip for clip in clips if len(clip) >= 50][:CLIPS]
    rows, errors = [], []
    series: dict[str, list[float]] = {"expert_r_own": [], "expert_r_other": []}
    for index, clip in enumerate(clips):
        at = np.arange(min(len(clip), FRAMES))
        matrix, _ = framing(STORED, size, MARGIN, None)
        crops = cut(clip.faces[at], matrix, size)
        real = torch.from_numpy(crops).permute(0, 3, 1, 2).float().to(device) / 255
        speaker = clips[(index + 1) % len(clips)]
        for name, source in zip(series, (clip, speaker), strict=True):
            source_frames = np.arange(len(at)) % len(source)
            speech = torch.from_numpy(source.speech(source_frames, audio)).to(device)
            fake = _draw(net, speech, real)
            if mouth is not None:
                shape = torch.from_numpy(clip.shape[at])[None].to(device)
                series[name].append(float(correlation(mouth(mouth_input(fake))[None], shape)[0, 0]))
            if source is clip and name == "expert_r_own":
                errors.append(float((fake - real)[:, :, size // 2 :].abs().mean()))
                shown = [int(i) for i in np.linspace(5, len(at) - 5, SHOWN)]
                drawn = (fake[shown].permute(0, 2, 3, 1).float().cpu().numpy() * 255).round().astype(np.uint8)
                rows += [np.concatenate(list(pictures), 1) for pictures in (crops[shown], drawn)]
    if rows:
        cv2.imwrite(str(contact_sheet), np.concatenate(rows)[..., ::-1])
    found = {"lower_half_l1": float(np.mean(errors))} if errors else {}
    return found | {name: float(np.mean(values)) for name, values in series.items() if values}


def _draw(net: nn.Module, speech: Tensor, real: Tensor) -> Tensor:
    """(T, 3, S, S) frames drawn with the last of ``real`` as the reference."""
    reference = real[-1:].expand_as(real) * 255
    parts = zip(speech.split(25), real.split(25), reference.split(25), strict=True)
    config = cast(Any, net.config)
    return torch.cat(
        [net(speech, pose_and_reference(frames, last, config.visible)) for speech, frames, last in parts]
    )
