"""Structural similarity (Wang et al. 2004) of 8-bit pictures, as scikit-image computes it."""

from __future__ import annotations

import cv2
import numpy as np

from eval.functional.frame_mean import FrameMean, check_pictures, mean_of_frames

SIGMA, RADIUS = 1.5, 5  # Gaussian window of 11×11
C1, C2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2

_TAPS = np.exp(-0.5 * (np.arange(-RADIUS, RADIUS + 1) / SIGMA) ** 2)
_TAPS /= _TAPS.sum()


def ssim_update(generated: np.ndarray, reference: np.ndarray) -> np.ndarray:
    """SSIM of each frame.

    Equals scikit-image with ``gaussian_weights=True, sigma=1.5, use_sample_covariance=False,
    data_range=255``: population covariance, mean over channels, a rim of 5 pixels left out.

    Args:
        generated, reference: (N, H, W, 3) uint8 RGB, at least 11×11.

    Returns:
        (N,) float64 in −1..1; concatenate over batches and give to `ssim_compute`.

    Raises:
        ValueError: if type or shape do not fit.
    """
    check_pictures(generated, reference, smallest=2 * RADIUS + 1)
    # Six planes for the whole batch: fresh memory for each frame would triple the time.
    planes = np.empty((6, *generated.shape[1:]), np.float64)
    return np.array([_ssim(g, r, planes) for g, r in zip(generated, reference, strict=True)], np.float64)


def ssim_compute(values: np.ndarray) -> FrameMean:
    """Mean over all frames, from (T,) values of `ssim_update`."""
    return mean_of_frames(values)


def ssim(generated: np.ndarray, reference: np.ndarray) -> float:
    """SSIM, mean over frames, of (N, H, W, 3) uint8 RGB pictures; 1 is identical, higher is better.

    >>> import numpy as np
    >>> ramp = np.arange(16 * 16 * 3, dtype=np.uint8).reshape(1, 16, 16, 3)
    >>> ssim(ramp, ramp)
    1.0
    """
    return ssim_compute(ssim_update(generated, reference)).value


def _ssim(x: np.ndarray, y: np.ndarray, planes: np.ndarray) -> float:
    """SSIM of two (H, W, 3) uint8 pictures, through their sum s and difference d.

    With means u and variances v under the window,
        (2·ux·uy + C1) / (ux² + uy² + C1) = 1 − 2·ud² / (us² + ud² + 2·C1)
        (2·vxy + C2) / (vx + vy + C2)     = 1 − 2·vd  / (vs + vd + 2·C2)
    which takes four filters instead of five and does not lose digits where the pictures agree.
    """
    s, d, us, ud, vs, vd = planes
    np.add(x, y, out=s, dtype=np.float64)
    np.subtract(x, y, out=d, dtype=np.float64)
    _filter(s, us)
    _filter(d, ud)
    _filter(np.multiply(s, s, out=s), vs)
    _filter(np.multiply(d, d, out=d), vd)
    us *= us
    ud *= ud
    vs -= us
    vd -= ud

    us += ud
    us += 2 * C1
    luminance = np.divide(ud, us, out=us)
    luminance *= -2
    luminance += 1
    vs += vd
    vs += 2 * C2
    structure = np.divide(vd, vs, out=vs)
    structure *= -2
    structure += 1
    luminance *= structure
    return float(luminance[RADIUS:-RADIUS, RADIUS:-RADIUS].mean())


def _filter(plane: np.ndarray, out: np.ndarray) -> None:
    # How the border is continued does not matter: the rim it reaches is left out of the mean.
    cv2.sepFilter2D(plane, cv2.CV_64F, _TAPS, _TAPS, dst=out)
