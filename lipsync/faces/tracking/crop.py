"""The upright square around a face that a network sees, the same in training and in use."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

# Distances in units of the face scale (about the distance between the eyes, 63 mm on an adult).
SIDE = 2.8  # side of the square: from mid-forehead to below the chin
CENTRE_DROP = 0.65  # the centre lies this far below the eyes, at the tip of the nose
EYE_MOUTH = 1.15  # eyes to mouth on a frontal face; keeps the scale when the head turns


@dataclass(frozen=True)
class Pose:
    """Where a face is in the picture: a square that turns with the eyes.

    Arrays of one length T, or scalars for one frame.
    """

    centre: np.ndarray  # (T, 2) pixels, x then y
    side: np.ndarray  # (T,) pixels
    angle: np.ndarray  # (T,) radians, of the line from the left eye in the picture to the right one

    def __len__(self) -> int:
        return len(self.side)

    def __getitem__(self, index) -> Pose:
        return Pose(self.centre[index], self.side[index], self.angle[index])


def pose_from_points(points: np.ndarray) -> Pose:
    """Squares from five facial points.

    The scale is the larger of the eye distance (right for a frontal face) and the eye-mouth distance
    / 1.15 (right for a turned one, whose eyes come closer), the idea of FFHQ's alignment. The mouth
    enters through its corners only, which hardly move when it opens: the size of the crop must not
    leak the mouth's shape to the network.

    Args:
        points: (..., 5, 2) pixels: eye, eye, nose tip, mouth corner, mouth corner, the left
            ones in the picture first.
    """
    left, right, _, mouth_left, mouth_right = np.moveaxis(np.asarray(points, np.float64), -2, 0)
    eyes = (left + right) / 2
    across = right - left
    angle = np.arctan2(across[..., 1], across[..., 0])
    down = np.stack([-np.sin(angle), np.cos(angle)], -1)
    to_mouth = np.linalg.norm((mouth_left + mouth_right) / 2 - eyes, axis=-1)
    scale = np.maximum(np.linalg.norm(across, axis=-1), to_mouth / EYE_MOUTH)
    return Pose(eyes + down * (CENTRE_DROP * scale)[..., None], SIDE * scale, angle)


def crop_matrix(pose: Pose, size: int, margin: float = 1.0) -> np.ndarray:
    """(2, 3) affine map from picture to crop pixels of one pose; ``margin`` > 1 shows more around."""
    zoom = size / (float(pose.side) * margin)
    cos, sin = zoom * np.cos(pose.angle), zoom * np.sin(pose.angle)
    linear = np.array([[cos, sin], [-sin, cos]])
    # OpenCV puts pixel centres at whole numbers, so the middle of the crop is (size - 1) / 2.
    shift = np.full(2, (size - 1) / 2) - linear @ np.asarray(pose.centre, np.float64)
    return np.concatenate([linear, shift[:, None]], axis=1)


def crop_face(image: np.ndarray, matrix: np.ndarray, size: int) -> np.ndarray:
    """(size, size, 3) uint8 cut of (H, W, 3) uint8; outside the picture its edge repeats.

    A picture much larger than the crop is first reduced by area, or fine texture would alias.
    """
    zoom = float(np.hypot(matrix[0, 0], matrix[0, 1]))
    if zoom < 0.5:
        inverse = cv2.invertAffineTransform(matrix)
        corners = np.array([[0, 0, 1], [size, 0, 1], [0, size, 1], [size, size, 1]]) @ inverse.T
        x0, y0 = np.maximum(np.floor(corners.min(0)).astype(int) - 2, 0)
        x1, y1 = np.ceil(corners.max(0)).astype(int) + 3
        window = image[y0:y1, x0:x1]
        if window.size:
            small = (max(1, round(window.shape[1] * zoom * 1.5)), max(1, round(window.shape[0] * zoom * 1.5)))
            factor = np.array([small[0] / window.shape[1], small[1] / window.shape[0]])
            image = cv2.resize(window, small, interpolation=cv2.INTER_AREA)
            linear = matrix[:, :2] / factor
            # Pixel centres: x_small = (x - x0 + 0.5) * factor - 0.5.
            offset = np.array([x0, y0]) - 0.5 + 0.5 / factor
            matrix = np.concatenate([linear, (matrix[:, :2] @ offset + matrix[:, 2])[:, None]], axis=1)
    edge = cv2.BORDER_REPLICATE
    return cv2.warpAffine(image, matrix, (size, size), flags=cv2.INTER_LINEAR, borderMode=edge)


def transform_points(points: np.ndarray, matrix: np.ndarray) -> np.ndarray:
    """(..., 2) points under a (2, 3) affine map."""
    return points @ matrix[:, :2].T + matrix[:, 2]


def smooth_pose(pose: Pose, rate: float, sigma_place: float = 0.04, sigma_size: float = 0.24) -> Pose:
    """The poses of one unbroken track without the jitter of its detector.

    Gaussian over time, edges repeated. Size and angle are smoothed far more than place: a face does
    not change its size within a syllable, but its measured size follows the jaw.

    Args:
        rate: frames per second. Sigmas in seconds.
    """
    from scipy.ndimage import gaussian_filter1d

    def smooth(values: np.ndarray, seconds: float) -> np.ndarray:
        return gaussian_filter1d(values, seconds * rate, axis=0, mode="nearest", truncate=2.5)

    angle = smooth(np.unwrap(pose.angle), sigma_size / 2)
    return Pose(smooth(pose.centre, sigma_place), smooth(pose.side, sigma_size), angle)
