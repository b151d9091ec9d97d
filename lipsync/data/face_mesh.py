"""The mesh of the 3D face that ships: the landmarker's triangles, closed eyes, and teeth behind the lips."""

from __future__ import annotations

import cv2
import numpy as np

from lipsync.faces.model3d.blendshapes import BLENDSHAPE_POINTS
from lipsync.faces.model3d.embedded import NAME
from lipsync.faces.model3d.ict import CAVITY, LIPS, SKIN, WHITE
from lipsync.faces.model3d.morphable import MorphableArrays
from lipsync.faces.tracking.landmarks import EYE_LEFT, EYE_RIGHT, LIPS_OUTER

COUNT = 468  # points of the mesh; the landmarker's other ten are the irises

# What neither speech nor the brows move: the bridge of the nose, corners of the eyes, forehead, temples.
STILL = (
    6, 168, 197, 195, 5, 4, 33, 133, 362, 263, 10, 338, 109, 297, 67, 332, 103, 127, 356, 234, 454,
)  # fmt: skip

# Where the face is measured in a fit beside the points that the scores' network looks at: under and
# beside the nose, cheeks.
_MEASURED = (
    2, 98, 327, 48, 278, 129, 358, 115, 344, 36, 266, 50, 280, 101, 330, 205, 425, 187, 411, 118, 347, 9, 151,
    18, 200, 199, 83, 313, 43, 273, 57, 287, 167, 393, 92, 322, 164,
)  # fmt: skip

_EYES = (
    ((33, 246, 161, 160, 159, 158, 157, 173, 133), (33, 7, 163, 144, 145, 153, 154, 155, 133)),
    ((362, 398, 384, 385, 386, 387, 388, 466, 263), (362, 382, 381, 380, 374, 373, 390, 249, 263)),
)  # upper and lower lid, from the left of the picture to the right
_LIP_UPPER = (78, 191, 80, 81, 82, 13, 312, 311, 310, 415, 308)  # inner contours, the same way
_LIP_LOWER = (78, 95, 88, 178, 87, 14, 317, 402, 318, 324, 308)
_CHIN = (152, 175, 199, 148, 377)

# Upper teeth, what is seen between the rows, lower teeth: two rows of vertices each, from above. How far up
# and forward of the closed lips they lie, mm.
_ROWS = ((5.0, -7.0), (-1.5, -6.0), (-1.5, -8.0), (-1.0, -10.0), (-1.0, -8.0), (-6.0, -9.0))
_ARCH = 0.85  # width of a row, of the lips'

EYES_APART = 63.0  # mm between the middles of an adult's eyes
_EYES_AT = (35.0, 87.0)  # mm, height and depth of the outer corners: where ICT-FaceKit has them
_UPRIGHT = (10, 152)  # forehead and chin: one above the other but for
_LEAN = -9.0  # mm that the forehead lies behind the chin


def tessellation() -> np.ndarray:
    """(F, 3) triangles of the landmarker's mesh, eyes closed, mouth open; counter-clockwise to a viewer."""
    from mediapipe.tasks.python.vision.face_landmarker import FaceLandmarksConnections

    edges = FaceLandmarksConnections.FACE_LANDMARKS_TESSELATION  # three in a row go around a triangle
    triangles = np.array([[edges[i + k].start for k in range(3)] for i in range(0, len(edges), 3)])
    return np.concatenate([triangles, *(_strip(upper, lower) for upper, lower in _EYES)])


def _strip(upper: tuple[int, ...], lower: tuple[int, ...]) -> np.ndarray:
    """Triangles between two rows from left to right; those of no area, where the rows meet, are left out."""
    a, b, c, d = upper[:-1], lower[:-1], lower[1:], upper[1:]
    triangles = np.array([*zip(a, b, c, strict=True), *zip(a, c, d, strict=True)])
    return triangles[[len(set(corners)) == 3 for corners in triangles]]


def mirror_of(mean: np.ndarray) -> np.ndarray:
    """(468,) the point on the other side of the face, of a face (468, 3) that looks along z."""
    distance = np.linalg.norm(mean[:, None] * (-1, 1, 1) - mean, axis=-1)
    from scipy.optimize import linear_sum_assignment

    return linear_sum_assignment(distance)[1]


def upright(mean: np.ndarray) -> np.ndarray:
    """The mean face (468, 3) looking along z, its size an adult's, its place that of other back ends."""
    mirror = mirror_of(_frontal(mean))
    mean = _frontal(mean)
    mean = (mean + mean[mirror] * (-1, 1, 1)) / 2
    eyes = mean[[*EYE_LEFT]].mean(0), mean[[*EYE_RIGHT]].mean(0)
    mean = mean * (EYES_APART / np.linalg.norm(eyes[1] - eyes[0]))
    top, chin = mean[list(_UPRIGHT)]
    length = np.linalg.norm(top[1:] - chin[1:])
    turn = np.arctan2(_LEAN, np.sqrt(length**2 - _LEAN**2)) - np.arctan2(top[2] - chin[2], top[1] - chin[1])
    cos, sin = np.cos(turn), np.sin(turn)
    mean = mean @ np.array([[1, 0, 0], [0, cos, -sin], [0, sin, cos]]).T
    corners = mean[[EYE_LEFT[0], EYE_RIGHT[1]]].mean(0)
    return mean + np.array([0, _EYES_AT[0] - corners[1], _EYES_AT[1] - corners[2]])


def _frontal(mean: np.ndarray) -> np.ndarray:
    """The face turned so that the line through its eyes lies along x, about its middle."""
    across = mean[EYE_RIGHT[1]] - mean[EYE_LEFT[0]]
    across /= np.linalg.norm(across)
    up = mean[_UPRIGHT[0]] - mean[_UPRIGHT[1]]
    up -= across * (up @ across)
    up /= np.linalg.norm(up)
    turned = mean @ np.stack([across, up, np.cross(across, up)], 1)
    return turned - turned[list(_UPRIGHT)].mean(0) * (1, 0, 0)


def finished(
    mean: np.ndarray, identity: np.ndarray, expression: np.ndarray, names: tuple[str, ...]
) -> MorphableArrays:
    """The back end's arrays of a face of 468 points: teeth and colours added.

    The upper teeth keep to the head, the lower ones go with the chin.
    """
    rows = len(_LIP_UPPER)
    lips = mean[list(_LIP_UPPER)], mean[list(_LIP_LOWER)]
    teeth = []
    for number, (up, forward) in enumerate(_ROWS):
        row = lips[number // 3].copy()
        row[:, 0] *= _ARCH
        teeth.append(row + np.array([0, up, forward]))
    jaw = expression[:, list(_CHIN)].mean(1)  # (E, 3)
    still = np.zeros((len(expression), 3 * rows, 3))
    moving = np.repeat(jaw[:, None], 3 * rows, 1)
    mouths = identity[:, [*_LIP_UPPER, *_LIP_LOWER]].mean(1)
    at = COUNT + np.arange(len(_ROWS) * rows).reshape(-1, rows)
    inside = [_strip(tuple(a), tuple(b)) for a, b in at.reshape(3, 2, rows)]
    vertices = COUNT + at.size
    measured = sorted({point for point in (*BLENDSHAPE_POINTS, *_MEASURED) if point < COUNT})
    return MorphableArrays(
        name=NAME,
        sha256="",
        mean=np.concatenate([mean, *teeth]).astype(np.float32),
        identity=np.concatenate([identity, np.repeat(mouths[:, None], at.size, 1)], 1).astype(np.float32),
        identity_deviation=np.ones(len(identity), np.float32),
        expression=np.concatenate([expression, still, moving], 1).astype(np.float32),
        expression_names=names,
        expression_bounds=(0.0, 1.0),
        expression_deviation=np.full(len(expression), 0.3, np.float32),
        colour=_colours(mean, vertices),
        texture=np.zeros((0, vertices, 3), np.float32),
        triangles=np.concatenate([tessellation(), *inside]),
        landmarks=np.stack([measured, measured], 1),
    )


def _colours(mean: np.ndarray, vertices: int) -> np.ndarray:
    """(V, 3) in 0..1: skin, lips, teeth and what lies between."""
    colours = np.tile(np.array(SKIN, np.float32), (vertices, 1))
    contour = mean[list(LIPS_OUTER), :2].astype(np.float32).reshape(-1, 1, 2)
    for vertex, (x, y, _) in enumerate(mean):
        if cv2.pointPolygonTest(contour, (float(x), float(y)), False) >= 0:
            colours[vertex] = LIPS
    third = (vertices - COUNT) // 3
    colours[COUNT:] = WHITE
    colours[COUNT + third : COUNT + 2 * third] = CAVITY
    return colours
