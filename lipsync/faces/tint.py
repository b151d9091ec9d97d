"""Film without colours: black and white, or of one tint such as sepia.

A network that learnt on colour film draws red lips and teal teeth there. So what it draws gets the colours of
the film, in which every shade of grey has one.
"""

from __future__ import annotations

import cv2
import numpy as np

STEP = 4  # pixels of the crop, side of the squares whose mean is measured: finer ones hold coding errors
# Grey levels, root mean square by which the red of these squares differs from the tint of their shade. On 112
# people of colour film it is 2.2 and more, 3.2 with two exceptions; on sepia film of good quality below 2.
COLOURED = 2.0


def tint(crop: np.ndarray) -> np.ndarray | None:
    """(256, 3) float32, the colour of every shade of grey in a picture that has no others.

    Args:
        crop: (S, S, 3) uint8 RGB of a face.

    Returns:
        None where the picture has colours. Of a grey one, every row holds one value three times.
    """
    size = max(1, len(crop) // STEP)
    if np.array_equal(crop[..., 0], crop[..., 1]) and np.array_equal(crop[..., 1], crop[..., 2]):
        return np.arange(256, dtype=np.float32)[:, None].repeat(3, 1)
    squares = cv2.resize(crop, (size, size), interpolation=cv2.INTER_AREA)
    pixels = squares.reshape(-1, 3).astype(np.float32)
    shade = luma(pixels)
    # A smooth curve over the shades for each channel, which may bend where a channel is full.
    curve, *_ = np.linalg.lstsq(_terms(shade), pixels - shade[:, None], rcond=None)
    off = pixels - shade[:, None] - _terms(shade) @ curve
    if np.sqrt(np.square(off[:, 0]).mean()) > COLOURED:
        return None
    # Beyond the shades that were seen, the colour of the last of them.
    shades = np.arange(256, dtype=np.float32)
    known = np.clip(shades, shade.min(), shade.max())
    return (shades[:, None] + _terms(known) @ curve).astype(np.float32)


def toned(picture: np.ndarray, colours: np.ndarray) -> np.ndarray:
    """(H, W, 3) float32 of a picture (H, W, 3) in 0..255 in these colours, the (256, 3) of ``tint``."""
    shade, shades = luma(picture), np.arange(256)
    return np.stack([np.interp(shade, shades, channel) for channel in colours.T], 2).astype(np.float32)


def luma(picture: np.ndarray) -> np.ndarray:
    """(...,) float32 shade of grey of (..., 3) RGB (Rec. 601)."""
    return picture @ np.array([0.299, 0.587, 0.114], np.float32)


def _terms(shade: np.ndarray) -> np.ndarray:
    """(N, 5) powers of (N,) shades, as a share of full."""
    return np.power.outer(shade / 255, np.arange(5, dtype=np.float32))
