"""ICT-FaceKit (Li et al. 2020, MIT licence): identity modes and ARKit's expression shapes of a face."""

from __future__ import annotations

from pathlib import Path
from zipfile import BadZipFile

import numpy as np

from lipsync.errors import ConfigError
from lipsync.faces.model3d.morphable import MorphableArrays
from lipsync.faces.tracking.landmarks import LIPS_OUTER

_MILLIMETRES = 10.0  # the file counts in centimetres

# The parts of its mesh, first vertex and one past the last (the table in its README).
_FACE, _MOUTH, _GUMS, _TEETH = (0, 9409), (11248, 13294), (14062, 17039), (17039, 21451)

# Its 53 ARKit shapes. It has four more (pupils and cheek raisers) that no tracker measures.
_NOT_MEASURED = ("PupilDilate_L", "PupilDilate_R", "cheekRaiser_L", "cheekRaiser_R")

# MediaPipe's landmarks and the vertices they mark: both contours of the lips, eyes, brows, nose, chin, jaw
# and some of the forehead and the cheeks. Where they come from: the model was fitted to 40 clips of 40 people
# by the 51 inner points of the two 68-point tables; for each landmark the vertex was taken whose
# projection lay nearest to it over all frames, the same one on both sides of the face, and this was
# done three times more with the pairs so found. What is left between the two is 0.75 pixels (root mean
# square) of a crop 160 pixels wide, 0.5 for the lips; along the jaw, where the landmarks slide, 1.5 to 2.
LANDMARK_PAIRS = (
    (0, 5525), (2, 5), (4, 4857), (7, 1508), (9, 1398), (10, 1851), (13, 5533), (14, 5517), (17, 5518),
    (18, 10), (33, 1546), (37, 2081), (39, 5720), (40, 5637), (46, 1946), (50, 1204), (52, 1032), (53, 496),
    (55, 2003), (61, 5927), (63, 1008), (65, 1415), (66, 1417), (70, 994), (78, 5650), (80, 5576),
    (81, 5657), (82, 6037), (84, 5976), (87, 5982), (88, 5837), (91, 5827), (95, 5895), (97, 2088),
    (105, 1030), (107, 1402), (121, 1338), (133, 1529), (134, 5020), (136, 1838), (144, 581), (145, 1554),
    (146, 5757), (148, 1497), (149, 242), (150, 786), (151, 974), (152, 962), (153, 592), (154, 595),
    (155, 1525), (157, 658), (158, 617), (159, 682), (160, 690), (161, 606), (163, 1510), (168, 977),
    (171, 1448), (172, 756), (173, 1371), (174, 1303), (175, 963), (176, 801), (178, 5867), (181, 5852),
    (185, 5653), (191, 5615), (195, 4948), (197, 1348), (199, 968), (200, 8), (201, 1437), (205, 398),
    (208, 1450), (239, 4977), (240, 4559), (245, 1315), (246, 1934), (249, 3722), (263, 3760), (267, 4275),
    (269, 6225), (270, 6142), (276, 4146), (280, 3422), (282, 3252), (283, 2737), (285, 4203), (291, 6432),
    (293, 3228), (295, 3629), (296, 3631), (300, 3214), (308, 6155), (310, 6081), (311, 6162), (312, 6541),
    (314, 6480), (317, 6486), (318, 6342), (321, 6332), (324, 6400), (326, 4282), (334, 3250), (336, 3616),
    (350, 3555), (362, 3743), (363, 5474), (365, 4040), (373, 2822), (374, 3768), (375, 6262), (377, 3711),
    (378, 2483), (379, 3027), (380, 2833), (381, 2836), (382, 3739), (384, 2899), (385, 2858), (386, 2923),
    (387, 2931), (388, 2847), (390, 3724), (396, 3662), (397, 2997), (398, 3586), (399, 3521), (400, 3042),
    (402, 6372), (405, 6357), (409, 6158), (415, 6120), (421, 3651), (425, 2639), (428, 3664), (459, 5431),
    (460, 5024), (465, 3532), (466, 4134),
)  # fmt: skip

SKIN, LIPS = (0.78, 0.60, 0.52), (0.66, 0.34, 0.34)
CAVITY, GUM, WHITE = (0.35, 0.16, 0.16), (0.55, 0.28, 0.28), (0.92, 0.90, 0.84)


def is_ict(path: Path) -> bool:
    """Whether a file is ICT-FaceKit's arrays rather than a Basel Face Model."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {"neutral", "expression_names"} <= set(file.files)
    except (OSError, ValueError, BadZipFile, AttributeError):
        return False


def read_ict(path: Path) -> MorphableArrays:
    """The face, the front of the mouth's inside and the front teeth of ICT-FaceKit.

    What a face crop never shows is left out by its place on the neutral face: the back of the head,
    the neck, the eyeballs, the throat. The file has no skin colours: skin, lips, teeth, gums and the
    mouth's inside get fixed ones, and there are no texture coefficients.

    Raises:
        ConfigError: an array is missing or of another shape.
    """
    from lipsync.weights.hub import checksum

    try:
        with np.load(path, allow_pickle=False) as file:
            neutral = file["neutral"] * _MILLIMETRES
            faces = file["faces"].astype(np.int64)
            identity = file["identity"].astype(np.float32) * _MILLIMETRES
            expression = file["expression"].astype(np.float32) * _MILLIMETRES
            names = [str(name) for name in file["expression_names"]]
    except (OSError, ValueError, KeyError, BadZipFile) as problem:
        raise ConfigError("model3d.not_ict", path=path.name) from problem
    visible = _visible(neutral)
    triangles = _triangles(faces, visible)
    used = np.unique(triangles)
    number = np.full(len(neutral), -1)
    number[used] = np.arange(len(used))
    measured = [index for index, name in enumerate(names) if name not in _NOT_MEASURED]
    pairs = np.array(LANDMARK_PAIRS)
    return MorphableArrays(
        name="ICT-FaceKit",
        sha256=checksum(path),
        mean=neutral[used],
        identity=identity[:, used],
        identity_deviation=np.ones(len(identity), np.float32),
        expression=expression[measured][:, used],
        expression_names=tuple(names[index] for index in measured),
        expression_bounds=(0.0, 1.0),
        expression_deviation=np.full(len(measured), 0.3, np.float32),
        colour=_colours(neutral)[used],
        texture=np.zeros((0, len(used), 3), np.float32),
        triangles=number[triangles],
        landmarks=np.stack([pairs[:, 0], number[pairs[:, 1]]], 1),
    )


def _visible(neutral: np.ndarray) -> np.ndarray:
    """(V,) bool."""
    _, y, z = neutral.T
    visible = np.zeros(len(neutral), bool)
    for (first, end), behind in ((_FACE, 10), (_MOUTH, 10), (_GUMS, 45), (_TEETH, 65)):
        visible[first:end] = z[first:end] > behind
    return visible & (y > -105) & (y < 112)


def _triangles(faces: np.ndarray, visible: np.ndarray) -> np.ndarray:
    """(F, 3) triangles whose corners are all kept, from quads and triangles (-1 for no fourth corner)."""
    whole = np.where(faces[:, 3:] < 0, faces[:, 2:3], faces[:, 3:])[:, 0]
    first = faces[:, :3]
    second = np.stack([faces[:, 0], faces[:, 2], whole], 1)[faces[:, 3] >= 0]
    triangles = np.concatenate([first, second])
    return triangles[visible[triangles].all(1)]


def _colours(neutral: np.ndarray) -> np.ndarray:
    """(V, 3) in 0..1."""
    import cv2

    colours = np.tile(np.array(SKIN, np.float32), (len(neutral), 1))
    for part, colour in ((_MOUTH, CAVITY), (_GUMS, GUM), (_TEETH, WHITE)):
        colours[slice(*part)] = colour
    # Lips: the face inside the outer contour of the mouth, seen from the front.
    vertex_of = dict(LANDMARK_PAIRS)
    contour = neutral[[vertex_of[point] for point in LIPS_OUTER], :2].astype(np.float32).reshape(-1, 1, 2)
    for vertex in np.flatnonzero(neutral[slice(*_FACE), 2] > 95):
        x, y, _ = neutral[vertex]
        if cv2.pointPolygonTest(contour, (float(x), float(y)), False) >= 0:
            colours[vertex] = LIPS
    return colours
