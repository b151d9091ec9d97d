"""How the renderer does on people it is not trained on: figures and a contact sheet."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import torch

from lipsync.data.augmentation import cut, framing
from lipsync.data.clips import MARGIN, STORED, Clip
from lipsync.data.fitted_clips import fit_of
from lipsync.experts.frozen import mouth_square
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.methods.visual_dubbing.config import RendererConfig
from lipsync.methods.visual_dubbing.model import Renderer, RendererInput
from lipsync.methods.visual_dubbing.renderer_input import Cut, Scene, view_of

CLIPS, FRAMES = 6, 8  # clips looked at, frames of each


def validate(net: Renderer, scene: Scene, clips: list[Clip], contact_sheet: Path) -> dict[str, float]:
    """L1 and PSNR of the mouth's square with the frames' own expressions.

    Writes real frame, rendered 3D face, warped and drawn face of each clip to ``contact_sheet``.

    Args:
        net: is switched to evaluation.
        scene: of its 3DMM.
        clips: of people kept out of training.
    """
    net.eval()
    device = next(net.parameters()).device
    rows, errors, psnr = [], [], []
    for clip in clips[:CLIPS]:
        view, target = frames_of(clip, scene, net.config)
        view = RendererInput(*(x.to(device) for x in view))
        with torch.no_grad():
            drawn = net(view)
        face = drawn.face.float().cpu()
        a, b = mouth_square(face), mouth_square(target)
        errors.append(float((a - b).abs().mean()))
        psnr.append(float(-10 * (a - b).square().mean((1, 2, 3)).clamp(min=1e-8).log10().mean()))
        pictures = (target, view.guide.cpu(), drawn.warped.float().cpu(), face)
        rows += [np.concatenate(list(_bytes(x)), 1) for x in pictures]
    if not rows:
        return {}
    cv2.imwrite(str(contact_sheet), np.concatenate(rows)[..., ::-1])
    return {"mouth_l1": float(np.mean(errors)), "mouth_psnr": float(np.mean(psnr))}


def frames_of(clip: Clip, scene: Scene, config: RendererConfig) -> tuple[RendererInput, torch.Tensor]:
    """Some frames of a clip spread over time, with the references that use would choose."""
    fit = fit_of(clip)
    known = np.flatnonzero(fit.valid[: len(clip)])
    shown = known[np.linspace(0, len(known) - 1, FRAMES).astype(int)]
    others = usual_references(clip, config.references)
    matrix, _ = framing(STORED, config.size, MARGIN, None)

    def picture(frame: int) -> torch.Tensor:
        crops = cut(clip.pictures(np.array([frame])), matrix, config.size)
        return torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255

    references = Cut(others, matrix, torch.cat([picture(int(frame)) for frame in others]))
    views, targets = [], []
    for frame in map(int, shown):
        targets.append(picture(frame))
        target = Cut(np.array([frame]), matrix, targets[-1])
        views.append(view_of(scene, fit, target, references, config.guide))
    return RendererInput(*(torch.cat(parts) for parts in zip(*views, strict=True))), torch.cat(targets)


def usual_references(clip: Clip, count: int) -> np.ndarray:
    """(R,) frames that use would choose: one with a mouth open wider than nine in ten, then narrower."""
    known = np.flatnonzero(fit_of(clip).valid[: len(clip)])
    openings = mouth_opening(clip.points(np.arange(len(clip))))[known]
    places = len(known) * 0.9 * np.linspace(1, 0, count, endpoint=False)
    return known[np.argsort(openings, kind="stable")[places.astype(int)]]


def _bytes(pictures: torch.Tensor) -> np.ndarray:
    """(B, S, S, 3) uint8 of (B, 3, S, S) in 0..1."""
    return (pictures.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
