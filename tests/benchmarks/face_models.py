"""How well the 3D faces fit people they were not made from.

``python -m tests.benchmarks.face_models --data DIR [--split dev] [--every 4] [--models embedded ict]``

Every model is fitted to the stored landmarks of the clips of a split. Printed are the distance of the
projected to the measured landmarks that all models have, in pixels of the stored crops of 160; the share
of frames that were fitted; how well the gap between the fitted lips follows the measured one (r over the
frames of a clip, mean over clips), of the frames in which the lips touch the share in which the fitted
ones do too, and the share of those that is right; processor time of one thread for a frame.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import torch

from lipsync.data.clips import MARGIN, STORED, Clip, load_clips
from lipsync.faces.model3d.blendshapes import BlendshapeNetwork
from lipsync.faces.model3d.camera import place
from lipsync.faces.model3d.fit import Fit
from lipsync.faces.model3d.fitting import fit_clip
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.model3d.morphable import MorphableModel
from lipsync.faces.model3d.render import flow, render
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.weights import hub

TOUCH = 0.03  # mouth opening up to which lips touch
DRAWN, SIZE = 8, 192  # frames of a clip that are drawn, pixels


def projected(model: MorphableModel, fit: Fit) -> np.ndarray:
    """(T, 478, 2) pixels of the fitted landmarks; NaN for those that the model does not have."""
    identity, expression = torch.tensor(fit.identity)[None], torch.tensor(fit.expression)
    seen = fit.camera.project(place(model.landmarks(identity, expression), torch.tensor(fit.pose)))
    points = np.full((len(fit), 478, 2), np.nan)
    points[:, model.mediapipe_indices] = seen[..., :2]
    return points


@torch.no_grad()
def drawing(model: MorphableModel, fit: Fit) -> float:
    """Milliseconds of processor time for the picture and the flow of a frame."""
    at = np.linspace(0, len(fit) - 1, DRAWN).astype(int)
    expression, pose = torch.tensor(fit.expression[at]), torch.tensor(fit.pose[at])
    began = time.process_time()
    drawn = render(model, torch.tensor(fit.identity)[None], expression, pose, SIZE)
    flow(drawn, drawn.projected[:1])
    return (time.process_time() - began) * 1000 / DRAWN


def measure(
    models: Sequence[MorphableModel], clips: list[Clip], network: BlendshapeNetwork
) -> list[dict[str, float]]:
    """The figures of each model, by name."""
    shared = set.intersection(*(set(model.mediapipe_indices.tolist()) for model in models))
    common = sorted(shared)
    totals: list[dict[str, list[float]]] = [{} for _ in models]
    for clip in clips:
        scores, real = network(clip.landmarks), mouth_opening(clip.landmarks)
        for model, total in zip(models, totals, strict=True):
            began = time.process_time()
            fit = fit_clip(model, clip.landmarks, STORED, scores, MARGIN)
            spent = (time.process_time() - began) * 1000 / len(fit)
            points = projected(model, fit)
            off = np.linalg.norm(points[:, common] - clip.landmarks[:, common], axis=-1).mean(1)
            gap = mouth_opening(points)
            good, touch, drawn = fit.valid, real < TOUCH, gap < TOUCH
            figures = {
                "landmarks (px)": off[good].mean() if good.any() else np.nan,
                "fitted": good.mean(),
                "r of the gap": np.corrcoef(gap[good], real[good])[0, 1] if good.sum() > 2 else np.nan,
                "spread of the gap": gap[good].std() / real[good].std() if good.sum() > 2 else np.nan,
                "closures": drawn[touch & good].mean() if (touch & good).any() else np.nan,
                "their precision": touch[drawn & good].mean() if (drawn & good).any() else np.nan,
                "fitting (ms)": spent,
                "picture and flow (ms)": drawing(model, fit),
            }
            for name, value in figures.items():
                total.setdefault(name, []).append(float(value))
    return [{name: float(np.nanmean(values)) for name, values in total.items()} for total in totals]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else "")
    parser.add_argument("--data", type=Path, required=True, help="folder that `prepare` wrote")
    parser.add_argument("--split", default="dev", help="of people whom no model saw (default: %(default)s)")
    parser.add_argument("--every", type=int, default=1, help="of so many clips one (default: all)")
    parser.add_argument(
        "--models",
        nargs="+",
        default=["embedded", "ict"],
        help="embedded, ict, or files and folders of models (default: %(default)s)",
    )
    options = parser.parse_args()
    torch.set_num_threads(1)
    landmarker = hub.locate("face_landmarker") or hub.fetch("face_landmarker")
    models = [load_morphable(None if name == "ict" else name) for name in options.models]
    clips = load_clips(options.data, (options.split,))[:: options.every]
    found = measure(models, clips, BlendshapeNetwork(landmarker))
    print(f"{len(clips)} clips, {sum(len(clip) for clip in clips)} frames\n")
    print("| | " + " | ".join(options.models) + " |\n|---|" + "---:|" * len(models))
    for name in found[0]:
        print(f"| {name} | " + " | ".join(f"{figures[name]:.3f}" for figures in found) + " |")


if __name__ == "__main__":
    main()
