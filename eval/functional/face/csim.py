"""Identity similarity: cosine of face-recognition embeddings."""

from __future__ import annotations

import numpy as np

from eval.functional.frame_mean import FrameMean, mean_of_frames


def csim_update(generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Cosine similarity of each frame's embedding with the reference's.

    Args:
        generated: (N, D) embeddings of one encoder (see `eval.scoring.face_encoders`); rows of
            NaN where no face was found.
        reference: (N, D) embeddings of the reference frames at the same times, or (D,) of one
            reference picture.

    Returns:
        (N,) float64 in −1..1, NaN where either has no face; concatenate and give to `csim_compute`.

    Raises:
        ValueError: if the shapes do not fit, or an embedding is all zeros and has no direction.
    """
    if generated.ndim != 2 or reference.shape not in (generated.shape, generated.shape[1:]):
        raise ValueError(f"embeddings do not fit: generated {generated.shape}, reference {reference.shape}")
    a, b = generated.astype(np.float64), reference.astype(np.float64)
    lengths = np.linalg.norm(a, axis=-1) * np.linalg.norm(b, axis=-1)
    if (lengths == 0).any():
        raise ValueError("an embedding is all zeros")
    return np.clip((a * b).sum(-1) / lengths, -1, 1)  # clip keeps NaN


def csim_compute(values: np.ndarray) -> FrameMean:
    """Mean over the frames with a face in both, from (T,) values of `csim_update`."""
    return mean_of_frames(values)


def csim(generated: np.ndarray, reference: np.ndarray) -> float:
    """Identity similarity, mean over frames, of (N, D) embeddings; 1 is identical, higher is better.

    >>> import numpy as np
    >>> csim(np.array([[1.0, 0.0], [1.0, 1.0]]), np.array([2.0, 0.0])).__round__(4)
    0.8536
    """
    return csim_compute(csim_update(generated, reference)).value
