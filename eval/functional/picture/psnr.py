"""Peak signal-to-noise ratio of 8-bit pictures."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from eval.functional.frame_mean import check_pictures
from lipsync.texts import Message

# Identical frames have no noise and an infinite ratio: one of them would swallow the mean.
CAP_DB = 100.0
PEAK = 255.0


@dataclass(frozen=True)
class PsnrScore:
    """PSNR of one video.

    Attributes:
        mean: mean over frames of the ratio of each frame, dB; the usual number.
        pooled: ratio of the squared error pooled over all frames, dB; never above ``mean``
            (Jensen), and not swayed by a few frames that happen to be exact.
        frames: frames compared.
        identical: frames without any difference, which count as 100 dB.
    """

    mean: float
    pooled: float
    frames: int
    identical: int


def psnr_update(generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """Mean squared error of each frame.

    Args:
        generated, reference: (N, H, W, 3) uint8 RGB.

    Returns:
        (N,) float64, 0..255²; concatenate over batches and give to `psnr_compute`.

    Raises:
        ValueError: if type or shape do not fit.
    """
    check_pictures(generated, reference)
    squared = [cv2.norm(g, r, cv2.NORM_L2SQR) for g, r in zip(generated, reference, strict=True)]
    return np.array(squared, np.float64) / generated[0].size if squared else np.zeros(0)


def psnr_of_mse(mse: np.ndarray) -> np.ndarray:
    """10·log10(255² / MSE) in dB, at most 100; same shape as ``mse``."""
    # 1e-10 · 255² is the error of 100 dB, so the cap and the guard against log(0) are one.
    return 10 * np.log10(PEAK**2 / np.maximum(mse, PEAK**2 * 10 ** (-CAP_DB / 10)))


def psnr_compute(mse: np.ndarray) -> PsnrScore:
    """Score from the mean squared errors of all frames, (T,).

    Raises:
        ValueError: if there is no frame.
    """
    if not len(mse):
        raise ValueError(Message("reason.no_frame"))
    return PsnrScore(
        mean=float(psnr_of_mse(mse).mean()),
        pooled=float(psnr_of_mse(np.mean(mse))),
        frames=len(mse),
        identical=int(np.count_nonzero(mse == 0)),
    )


def psnr(generated: np.ndarray, reference: np.ndarray) -> float:
    """PSNR in dB, mean over frames, of (N, H, W, 3) uint8 RGB pictures; higher is better.

    >>> import numpy as np
    >>> black = np.zeros((1, 8, 8, 3), np.uint8)
    >>> round(psnr(black + np.uint8(1), black), 3)
    48.131
    """
    return psnr_compute(psnr_update(generated, reference)).mean
