"""Landmark distance: how far the mouth of the generated face is from the reference's."""

from __future__ import annotations

from typing import Literal, get_args

import numpy as np

from eval.functional.frame_mean import FrameMean, check_rows, mean_of_frames

LmdVariant = Literal["mouth", "all68", "normalised", "vico"]

# The 68-point scheme of iBUG.
MOUTH = slice(48, 68)
EYE_CORNERS = ((36, 39), (42, 45))


def lmd_update(generated: np.ndarray, reference: np.ndarray, variant: LmdVariant = "mouth") -> np.ndarray:
    """Landmark distance of each frame.

    Args:
        generated, reference: (N, 68, 2) landmarks; rows of NaN where no face was found. Pixels of
            the 256-pixel face region (cut at the same place in both), but raw pixels of the video
            for ``vico``.
        variant: ``mouth``: mean Euclidean distance of the 20 mouth landmarks; ``all68``: of all;
            ``normalised``: of the mouth, divided by the reference's inter-ocular distance (between
            the centres of the eyes); ``vico``: mean absolute difference of the mouth's
            coordinates, as in the ViCo challenge (Zhou et al. 2022), about 0.64 times ``mouth``
            when the errors have no direction.

    Returns:
        (N,) float64, NaN where either has no face; concatenate and give to `lmd_compute`.

    Raises:
        ValueError: on an unknown variant or shapes that do not fit.
    """
    if variant not in get_args(LmdVariant):
        raise ValueError(f"unknown variant {variant!r}; choose one of {', '.join(get_args(LmdVariant))}")
    check_rows(generated, reference, (68, 2))
    points = slice(None) if variant == "all68" else MOUTH
    difference = generated[:, points].astype(np.float64) - reference[:, points]
    if variant == "vico":
        return np.abs(difference).mean((1, 2))
    distance = np.linalg.norm(difference, axis=2).mean(1)
    return distance / _inter_ocular(reference) if variant == "normalised" else distance


def lmd_compute(values: np.ndarray) -> FrameMean:
    """Mean over the frames with a face in both videos, from (T,) values of `lmd_update`."""
    return mean_of_frames(values)


def lmd(generated: np.ndarray, reference: np.ndarray, variant: LmdVariant = "mouth") -> float:
    """Landmark distance, mean over frames, of (N, 68, 2) landmarks; lower is better.

    >>> import numpy as np
    >>> lmd(np.full((1, 68, 2), [3.0, 4.0]), np.zeros((1, 68, 2)))
    5.0
    """
    return lmd_compute(lmd_update(generated, reference, variant)).value


def _inter_ocular(points: np.ndarray) -> np.ndarray:
    """(N,) distance between the centres of the eyes of (N, 68, 2) landmarks."""
    left, right = (points[:, list(corners)].astype(np.float64).mean(1) for corners in EYE_CORNERS)
    return np.linalg.norm(right - left, axis=1)
