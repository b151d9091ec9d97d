"""Average expression distance: how far the expression coefficients are from the reference's."""

from __future__ import annotations

import numpy as np

from eval.functional.frame_mean import FrameMean, check_rows, mean_of_frames


def aed_update(generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean absolute difference of the expression coefficients of each frame.

    Args:
        generated, reference: (N, C) coefficients of one model: those of the fitted 3D face
            (``eval.scoring.expressions``), the 52 blendshape scores (0..1) of the face landmarker, or the
            64 of a BFM reconstruction. Numbers from different models cannot be compared. Rows of NaN where
            no face was found.

    Returns:
        (N,) float64, NaN where either has no face; concatenate and give to `aed_compute`.

    Raises:
        ValueError: if the shapes do not fit.
    """
    check_rows(generated, reference, (None,))
    return np.abs(generated.astype(np.float64) - reference).mean(1)


def aed_compute(values: np.ndarray) -> FrameMean:
    """Mean over the frames with a face in both videos, from (T,) values of `aed_update`."""
    return mean_of_frames(values)


def aed(generated: np.ndarray, reference: np.ndarray) -> float:
    """Average expression distance of (N, C) coefficients; lower is better.

    >>> import numpy as np
    >>> aed(np.array([[0.5, 0.0]]), np.array([[0.0, 0.25]]))
    0.375
    """
    return aed_compute(aed_update(generated, reference)).value
