"""Pictures that are larger than their use, made smaller."""

import cv2
import numpy as np


def fitting(width: int, height: int, longest: int) -> tuple[int, int]:
    """Width and height with the same shape and at most ``longest`` pixels a side."""
    zoom = min(1.0, longest / max(width, height))
    return max(1, round(width * zoom)), max(1, round(height * zoom))


def reduced(image: np.ndarray, longest: int) -> np.ndarray:
    """The (H, W, 3) uint8 picture at most ``longest`` pixels a side, by area; as it is where it fits."""
    height, width = image.shape[:2]
    if max(width, height) <= longest:
        return image
    return cv2.resize(image, fitting(width, height, longest), interpolation=cv2.INTER_AREA)
