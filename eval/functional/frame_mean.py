"""What all frame-by-frame metrics share: the check at the door and the mean over frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipsync.texts import Message


@dataclass(frozen=True)
class FrameMean:
    """Mean of a per-frame metric over one video.

    Attributes:
        value: the mean over the frames that have a value.
        frames: how many frames that is.
        skipped: frames without one (no face found there); they are counted, never scored as zero.
    """

    value: float
    frames: int
    skipped: int = 0


def mean_of_frames(values: np.ndarray) -> FrameMean:
    """Mean over the frames with a value; NaN marks a frame that has none.

    Args:
        values: (T,) one value per frame.

    Raises:
        ValueError: if no frame has a value.
    """
    values = np.asarray(values, np.float64)
    used = ~np.isnan(values)
    if not used.any():
        raise ValueError(Message("reason.no_value", frames=values.size))
    return FrameMean(float(values[used].mean()), int(used.sum()), int((~used).sum()))


def check_pictures(generated: np.ndarray, reference: np.ndarray, smallest: int = 1) -> None:
    """Check two batches of pictures that are to be compared one by one.

    Args:
        generated, reference: (N, H, W, 3) uint8 RGB.
        smallest: least height and width in pixels the metric is defined for.

    Raises:
        ValueError: on another type, another shape, shapes that differ, or pictures too small.
    """
    for name, frames in (("generated", generated), ("reference", reference)):
        if frames.dtype != np.uint8 or frames.ndim != 4 or frames.shape[-1] != 3:
            raise ValueError(f"{name} must be (N, H, W, 3) uint8 RGB, not {frames.shape} {frames.dtype}")
    if generated.shape != reference.shape:
        raise ValueError(f"generated {generated.shape} and reference {reference.shape} differ in shape")
    if min(generated.shape[1:3]) < smallest:
        raise ValueError(
            Message("reason.too_small", height=generated.shape[1], width=generated.shape[2], least=smallest)
        )


def check_rows(generated: np.ndarray, reference: np.ndarray, shape: tuple[int | None, ...]) -> None:
    """Check two arrays with one row per frame, such as landmarks or coefficients.

    Args:
        generated, reference: (N, *shape); None in ``shape`` stands for any length.

    Raises:
        ValueError: if a shape does not fit, or the two differ.
    """
    for name, rows in (("generated", generated), ("reference", reference)):
        fits = rows.ndim == 1 + len(shape) and all(
            want in (None, have) for want, have in zip(shape, rows.shape[1:], strict=True)
        )
        if not fits:
            wanted = ", ".join("*" if size is None else str(size) for size in shape)
            raise ValueError(f"{name} must be (N, {wanted}), not {rows.shape}")
    if generated.shape != reference.shape:
        raise ValueError(f"generated {generated.shape} and reference {reference.shape} differ in shape")
