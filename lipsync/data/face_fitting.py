"""The 3D face of every prepared clip, fitted and kept beside it."""

from __future__ import annotations

import csv
from collections.abc import Callable, Iterable
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from functools import lru_cache, partial
from multiprocessing import get_context
from pathlib import Path

import numpy as np

from lipsync.data.clips import MARGIN, STORED, Clip, load_clips
from lipsync.errors import ConfigError
from lipsync.faces.model3d.blendshapes import BlendshapeNetwork
from lipsync.faces.model3d.fit import Fit
from lipsync.faces.model3d.fitting import fit_clip, model_name
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.model3d.morphable import MorphableModel
from lipsync.texts import Message


@dataclass(frozen=True)
class FitSummary:
    clips: int
    frames: int
    failed: int  # frames that are not valid
    error: float  # pixels, mean over the valid frames

    def __str__(self) -> str:
        return (
            f"{self.clips} clips, {self.frames} frames: landmarks off by {self.error:.2f} pixels of "
            f"{STORED} on average, {self.failed} frames without a fit."
        )


def fit_file(clip: Clip) -> Path:
    """Where the fit of a prepared clip lies."""
    return clip.folder / f"{clip.name}.fit.npz"


def fit_folder(
    folder: Path,
    splits: tuple[str, ...] = (),
    *,
    workers: int = 1,
    model: Path | None = None,
    again: bool = False,
    landmarker: Path | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> FitSummary:
    """Fit the 3D face to all clips of a prepared folder, into ``NAME.fit.npz``.

    Clips that have a fit of the same 3D model already are left as they are, so a second call goes on
    where the first one stopped. Expressions are drawn to the scores that the landmarker's network gives
    the stored landmarks.

    Args:
        splits: of the manifest; empty takes all.
        model: a file for :func:`lipsync.faces.model3d.load.load_morphable`; None is ICT-FaceKit.
        again: fit all clips anew.
        landmarker: the ``face_landmarker`` artefact; None finds or fetches it.

    Raises:
        ConfigError: the folder is not a prepared one, or the model's file is not what it should be.
        ArtefactError: ICT-FaceKit or the landmarker is unavailable.
    """
    from lipsync.weights import hub

    clips = load_clips(folder, splits or _splits(folder))
    landmarker = landmarker or hub.locate("face_landmarker") or hub.fetch("face_landmarker")
    name = model_name(_model(model))
    done = {} if again else {clip.name: fit for clip in clips if (fit := _saved_fit(clip, name))}
    todo = [clip for clip in clips if clip.name not in done]
    work = partial(keep_fit, model=model, landmarker=landmarker)
    for number, (clip, fit) in enumerate(_run(work, todo, workers), 1):
        done[clip.name] = fit
        report(Message("text.named", name=f"[{number}/{len(todo)}] {clip.name}", text=_outcome(fit)))
    errors = np.concatenate([fit.error[fit.valid] for fit in done.values()])
    return FitSummary(
        len(clips),
        sum(len(fit) for fit in done.values()),
        sum(int((~fit.valid).sum()) for fit in done.values()),
        float(errors.mean()) if len(errors) else float("nan"),
    )


def keep_fit(clip: Clip, model: Path | None, landmarker: Path) -> Fit:
    """Fit the 3D face to a prepared clip, into ``NAME.fit.npz``; arguments as of :func:`fit_folder`."""
    scores = _network(landmarker)(clip.landmarks)
    fit = fit_clip(_model(model), clip.landmarks, STORED, scores, MARGIN)
    fit.save(fit_file(clip))
    clip.forget()
    return fit


def _saved_fit(clip: Clip, name: str) -> Fit | None:
    """The fit of a clip that is there already, of this model and of all its frames."""
    path = fit_file(clip)
    if not path.is_file():
        return None
    try:
        fit = Fit.load(path)
    except ConfigError:
        return None
    return fit if fit.model == name and len(fit) == len(clip.landmarks) else None


def _outcome(fit: Fit) -> Message:
    failed = int((~fit.valid).sum())
    if failed == len(fit):
        return Message("fit.none")
    error = float(fit.error[fit.valid].mean())
    if not failed:
        return Message("fit.error", error=error)
    return Message("fit.partly", error=error, failed=failed, frames=len(fit))


def _splits(folder: Path) -> tuple[str, ...]:
    """All splits that the manifest names."""
    manifest = Path(folder) / "manifest.csv"
    if not manifest.is_file():
        return ("train",)  # load_clips reports what is wrong
    with manifest.open(encoding="utf-8", newline="") as file:
        return tuple(sorted({row.get("split") or "" for row in csv.DictReader(file)}))


def _run(work: Callable[[Clip], Fit], todo: list[Clip], workers: int) -> Iterable[tuple[Clip, Fit]]:
    """Fits as they come."""
    if workers < 2:
        for clip in todo:
            yield clip, work(clip)
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        futures = {pool.submit(work, clip): clip for clip in todo}
        for future in as_completed(futures):
            yield futures[future], future.result()


@lru_cache(maxsize=1)
def _model(path: Path | None) -> MorphableModel:
    return load_morphable(path)


@lru_cache(maxsize=1)
def _network(landmarker: Path) -> BlendshapeNetwork:
    return BlendshapeNetwork(landmarker)
