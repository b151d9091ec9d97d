"""Prepared clips together with their fits of the 3DMM (``python -m lipsync fit``)."""

from __future__ import annotations

from functools import cached_property

from lipsync.data.clips import Clip
from lipsync.data.face_fitting import fit_file
from lipsync.errors import ConfigError
from lipsync.faces.model3d.fit import Fit


class FittedClip(Clip):
    """A prepared clip with the 3D face that was fitted to it."""

    @cached_property
    def fit(self) -> Fit:
        """Identity, poses and expressions, in pixels of the stored crops."""
        return Fit.load(fit_file(self))


def fit_of(clip: Clip) -> Fit:
    """The fit of a clip that :func:`fitted` returned."""
    assert isinstance(clip, FittedClip)
    return clip.fit


def fitted(clips: list[Clip], needed: bool = False, least: int = 25) -> list[Clip]:
    """The clips that have a fit with ``least`` good frames or more.

    Raises:
        ConfigError: there is none, and one is ``needed``.
    """
    found = [
        FittedClip(clip.name, clip.identity, clip.split, clip.folder, clip.frames)
        for clip in clips
        if fit_file(clip).is_file()
    ]
    usable: list[Clip] = [clip for clip in found if clip.fit.valid.sum() >= min(least, len(clip))]
    if needed and not usable:
        raise ConfigError("train.no_fit")
    return usable
