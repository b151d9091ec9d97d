"""The 68-point landmark scheme of iBUG (300-W), read off MediaPipe's 478-point mesh.

Papers define the landmark distance on the 68 points. The two schemes mark the same contours with
different points, so the table is an approximation. Both videos of a comparison go through the same
table, so most of what it is off by cancels.

Where the correspondences come from: dlib's 68-point predictor and MediaPipe's landmarker were run
on 275 frames of 60 clips; for each of the 68 points the mesh point of the same contour
with the smallest median distance was taken, the same one on both sides of the face. In units of the
distance between the outer eye corners that median is 0.036 over all points: mouth 0.024, eyes
0.018, nose 0.024, brows 0.054, jaw 0.060 (where the schemes differ most: iBUG marks the outline
of the head in the picture, the mesh a line on the head).
"""

from __future__ import annotations

import numpy as np

# "Right" is the person's right: the left of the picture, where the scheme starts to count.
JAW = (127, 234, 93, 58, 172, 136, 149, 148, 152, 377, 378, 365, 397, 288, 323, 454, 356)  # 0-16
BROW_RIGHT, BROW_LEFT = (70, 63, 105, 66, 107), (336, 296, 334, 293, 300)  # 17-21, 22-26
NOSE = (168, 197, 195, 4, 240, 97, 2, 326, 460)  # 27-35
EYE_RIGHT, EYE_LEFT = (33, 160, 158, 133, 153, 144), (362, 385, 387, 263, 373, 380)  # 36-41, 42-47
LIPS_OUTER = (61, 39, 37, 0, 267, 269, 291, 405, 314, 17, 84, 181)  # 48-59
LIPS_INNER = (78, 82, 13, 312, 308, 317, 14, 87)  # 60-67

MESH_TO_68 = (*JAW, *BROW_RIGHT, *BROW_LEFT, *NOSE, *EYE_RIGHT, *EYE_LEFT, *LIPS_OUTER, *LIPS_INNER)

_INDEX = np.array(MESH_TO_68)


def to_68(points: np.ndarray) -> np.ndarray:
    """(..., 68, C) landmarks in iBUG's order from (..., 478, C) of MediaPipe's mesh, same units.

    Raises:
        ValueError: if there are not 478 points (or 468, the mesh without irises).
    """
    if points.ndim < 2 or points.shape[-2] not in (468, 478):
        raise ValueError(f"points must be (..., 478, C), not {points.shape}")
    return points[..., _INDEX, :]
