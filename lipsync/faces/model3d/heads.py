"""Poses and expressions of the heads in some frames, while they are being solved for and smoothed."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

AXES = np.array([1.0, -1.0, -1.0])  # from the axes of the face model to the camera's


@dataclass
class Heads:
    """What is being solved for, of T frames."""

    rotation: np.ndarray  # (T, 3, 3)
    shift: np.ndarray  # (T, 3) millimetres, the camera's axes
    expression: np.ndarray  # (T, E)
    begins: np.ndarray  # (T,) bool: first of an unbroken run

    @classmethod
    def start(cls, measured: np.ndarray, prior: np.ndarray, mean: np.ndarray, begins: np.ndarray) -> Heads:
        """A face that looks into the camera, at the distance that follows from its size."""
        middle = measured.mean(1)
        spread = np.sqrt(np.square(measured - middle[:, None]).sum((1, 2)))
        flat = (mean[:, :2] - mean[:, :2].mean(0)) * AXES[:2]
        depth = np.sqrt(np.square(flat).sum()) / np.maximum(spread, 1e-9)
        shift = np.concatenate([middle * depth[:, None], depth[:, None]], 1) - mean.mean(0) * AXES
        return cls(np.tile(np.eye(3), (len(measured), 1, 1)), shift, prior.clip(0, 1), begins)

    def take(self, index: np.ndarray | slice) -> Heads:
        return Heads(self.rotation[index], self.shift[index], self.expression[index], self.begins[index])


def smooth_poses(heads: Heads, past: Heads | None, sigma: float) -> None:
    """Gaussian over the time of each unbroken run, of the turn from its first pose and of the shift.

    Args:
        past: the frames just before, poses not smoothed; None where there are none.
        sigma: frames; 0 leaves the poses as they are.
    """
    from scipy.ndimage import gaussian_filter1d

    if sigma <= 0:
        return
    edges = [*np.flatnonzero(heads.begins), len(heads.shift)]
    if not heads.begins[0]:
        edges = [0, *edges]
    rotation, shift = heads.rotation.copy(), heads.shift.copy()
    for first, end in pairwise(edges):
        turned, shifted = heads.rotation[first:end], heads.shift[first:end]
        known = 0
        if first == 0 and not heads.begins[0] and past is not None:
            known = len(past.shift)
            turned = np.concatenate([past.rotation, turned])
            shifted = np.concatenate([past.shift, shifted])
        base = turned[0]
        smooth = gaussian_filter1d(turns_of(turned @ base.T), sigma, axis=0, mode="nearest")
        rotation[first:end] = (rotations(smooth) @ base)[known:]
        shift[first:end] = gaussian_filter1d(shifted, sigma, axis=0, mode="nearest")[known:]
    heads.rotation, heads.shift = rotation, shift


def rotations(turns: np.ndarray) -> np.ndarray:
    """(T, 3, 3) of (T, 3) axis times angle."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_rotvec(turns).as_matrix()


def turns_of(rotations: np.ndarray) -> np.ndarray:
    """(T, 3) axis times angle of (T, 3, 3)."""
    from scipy.spatial.transform import Rotation

    return Rotation.from_matrix(rotations).as_rotvec()
