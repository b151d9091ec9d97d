"""A generated mouth put back into its frame so that nobody sees where it begins.

All that is estimated (mask, colours, where the skin did not change) is estimated in the crop, where
the face is upright and of one size, and then laid over the picture with the crop's own map.
"""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np

from lipsync.faces.crop import Pose, crop_face, crop_matrix, transform_points

# The landmarker's outline of the jaw from ear lobe to ear lobe, and its points across the face at the
# height of the nostrils, which together enclose what speech moves.
JAW = (93, 132, 58, 172, 136, 150, 149, 176, 148, 152, 377, 400, 378, 379, 365, 397, 288, 361, 323)
ACROSS = (50, 205, 98, 327, 425, 280)
CHIN, MOUTH = 152, (61, 291)

# In sides of the crop:
SOFT = 0.035  # sigma of the mask's edge
BELOW = 0.05  # the mask reaches this far below the chin, which a drawn mouth may open further
NARROW = 0.16  # of the jaw's width, by which the mask is narrower beside the mouth: its fade ends at the jaw,
# and what a network drew of hair and background beyond it does not show
BORDER = 0.06  # width of the fade at the crop's own border
ELLIPSE = ((0.5, 0.73), (0.29, 0.22))  # centre and half axes of the mask without landmarks
BROAD = 0.16  # sigma of the colour correction
# In grey levels:
SAME = 14.0  # a difference from the usual one at which a pixel of the seam tells little about colour
CHANGED = 6.0  # a difference at which the skin has changed, and its old texture with it
# Of sharpening:
FINE = 0.012  # sides of the crop, sigma below which something is detail
MOST = 3.0  # times that detail is made stronger at most: what a network did not draw cannot be brought out


def paste(
    image: np.ndarray,
    face: np.ndarray,
    pose: Pose,
    landmarks: np.ndarray | None = None,
    sharpen: float = 0.0,
) -> np.ndarray:
    """The frame with the lower face of a generated crop.

    Outside the mask every pixel is the same bit for bit. Colours follow the frame, smoothly over
    the crop, as seen along the mask's edge. Where the crop shows what the frame shows, the frame's
    finer texture stays.

    Args:
        image: (H, W, 3) uint8 RGB; not changed.
        face: (S, S, 3) uint8 RGB, the crop ``crop_matrix(pose, S)`` of the frame, redrawn.
        pose: of one frame.
        landmarks: (478, 2) pixels of the frame; the mask follows its jaw. None: an ellipse.
        sharpen: 0..1, how far the drawn detail is brought to the strength of the skin around it.
    """
    # A crop finer than the picture is reduced first, or it would alias.
    size = max(24, min(face.shape[0], ceil(float(pose.side))))
    if size != face.shape[0]:
        face = cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
    matrix = crop_matrix(pose, size)
    mask = mouth_mask(size, None if landmarks is None else transform_points(landmarks, matrix))
    result = image.copy()
    window = _window(mask, matrix, image.shape[:2])
    if window is None:
        return result
    there = crop_face(image, matrix, size).astype(np.float32)
    drawn = match_colours(face.astype(np.float32), there, mask)
    texture = _unchanged(drawn, there)

    x0, y0, x1, y1 = window
    local = matrix.copy()
    local[:, 2] += matrix[:, :2] @ (x0, y0)

    def lay(layer: np.ndarray, how: int, edge: int = cv2.BORDER_REPLICATE) -> np.ndarray:
        flags = how | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(layer, local, (x1 - x0, y1 - y0), flags=flags, borderMode=edge)

    old = result[y0:y1, x0:x1].astype(np.float32)
    weight = lay(mask, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    # new - old, with new = drawn + texture * (old - there).
    change = lay(drawn - cv2.merge([texture] * 3) * there, cv2.INTER_CUBIC)
    change -= cv2.merge([1 - lay(texture, cv2.INTER_LINEAR)] * 3) * old
    if sharpen > 0:  # in the frame's own pixels, of which a large face has more than the crop
        new = lay(drawn, cv2.INTER_CUBIC)
        change += sharpened(new, old, weight, float(pose.side), sharpen) - new
    change *= cv2.merge([weight] * 3)
    change += old
    change += 0.5
    result[y0:y1, x0:x1] = np.clip(change, 0, 255, out=change)
    return result


def mouth_mask(size: int, landmarks: np.ndarray | None = None) -> np.ndarray:
    """(size, size) float32 in 0..1: 1 where the generated face shows, 0 at the crop's border.

    From the landmarks' jaw (a little below it at the chin) up to the nostrils, or an ellipse there.

    Args:
        landmarks: (478, 2) pixels of the crop.
    """
    shift = 4  # fractional bits of OpenCV's drawing: the edge moves smoothly with the landmarks
    one = 2**shift
    mask: np.ndarray = np.zeros((size, size), np.float32)
    if landmarks is None:
        (x, y), (a, b) = ELLIPSE
        centre = (round((x * size - 0.5) * one), round((y * size - 0.5) * one))
        axes = (round(a * size * one), round(b * size * one))
        cv2.ellipse(mask, centre, axes, 0, 0, 360, 1.0, -1, cv2.LINE_8, shift)
    else:
        outline = np.asarray(landmarks[[*JAW, *ACROSS]], np.float64).copy()
        mouth, chin = landmarks[list(MOUTH), 1].mean(), landmarks[CHIN, 1]
        depth = np.clip((outline[:, 1] - mouth) / max(chin - mouth, 1.0), 0, 1) ** 2
        middle = landmarks[list(MOUTH), 0].mean()
        outline[:, 0] = middle + (outline[:, 0] - middle) * (1 - NARROW * (1 - depth))
        outline[:, 1] += BELOW * size * depth
        # Kept off the border, where fade and edge would add up to a hard one.
        outline = np.clip(outline, BORDER * size, (1 - BORDER) * size)
        hull = cv2.convexHull((outline * one).round().astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 1.0, cv2.LINE_8, shift)
    mask = cv2.GaussianBlur(mask, (0, 0), SOFT * size, borderType=cv2.BORDER_CONSTANT)
    ramp = np.clip((np.arange(size) + 0.5) / (BORDER * size), 0, 1)
    ramp = np.minimum(ramp, ramp[::-1]) ** 2 * (3 - 2 * np.minimum(ramp, ramp[::-1]))
    mask *= (ramp[:, None] * ramp).astype(np.float32)
    mask[mask < 1 / 256] = 0
    return mask


def match_colours(drawn: np.ndarray, there: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``drawn`` with the colours that ``there`` has around the mask's edge, smoothly carried inwards.

    The difference of the two is averaged along the edge and over wide distances, without the places
    where they show different things (a chin that moved, a hand).

    Args:
        drawn, there: (S, S, 3) float32 in 0..255, the generated and the original crop.
        mask: (S, S) float32.

    Returns:
        (S, S, 3) float32, not clipped.
    """
    size = len(mask)
    seam = mask * (1 - mask) * 4
    on_seam = seam > 0.1
    if not on_seam.any():
        return drawn
    difference = there - drawn
    usual = np.median(difference[on_seam], axis=0)
    odd = np.square(_largest(np.abs(difference - usual.astype(np.float32))) / SAME)
    weight = seam / (1 + odd * odd)
    layers = cv2.merge([*(part * weight for part in cv2.split(difference)), weight])
    # The broad average at a quarter of the resolution: it holds no detail.
    small = cv2.resize(layers, (max(6, size // 4),) * 2, interpolation=cv2.INTER_AREA)
    small = cv2.GaussianBlur(small, (0, 0), BROAD * len(small), borderType=cv2.BORDER_CONSTANT)
    trust = 0.1 * float(small[..., 3].max()) + 1e-6  # far from all seam the usual difference counts
    shift = (small[..., :3] + trust * usual.astype(np.float32)) / (small[..., 3:] + trust)
    return drawn + cv2.resize(shift, (size, size), interpolation=cv2.INTER_LINEAR)


def sharpened(
    drawn: np.ndarray, there: np.ndarray, mask: np.ndarray, side: float, strength: float
) -> np.ndarray:
    """``drawn`` with its detail as strong as that of ``there`` along the mask's edge.

    One gain for the whole picture, the ratio of the two median amplitudes on the seam, where both show the
    same skin: it is 1 for a drawn face that is sharp enough, never less, and the same on lips and teeth,
    whose own detail says nothing about the camera.

    Args:
        drawn, there: (H, W, 3) float32 in 0..255, the generated and the original picture.
        mask: (H, W) float32 in 0..1.
        side: pixels, of the face's square in these pictures.
        strength: 0..1; 1 applies the whole gain.

    Returns:
        (H, W, 3) float32, not clipped.
    """
    seam = mask * (1 - mask) > 0.1
    if not seam.any():
        return drawn
    detail, real = _detail(drawn, side), _detail(there, side)
    # The median: an edge that crosses the seam, of the jaw or of hair, is no skin.
    own, wanted = (float(np.median(np.abs(layer[seam].mean(1)))) for layer in (detail, real))
    gain = min(MOST, max(1.0, wanted / max(own, 1e-3)))
    return drawn + strength * (gain - 1) * detail


def _detail(picture: np.ndarray, side: float) -> np.ndarray:
    """(H, W, 3) what a Gaussian takes away; never the grain of single pixels alone."""
    return picture - cv2.GaussianBlur(picture, (0, 0), max(0.8, FINE * side))


def _unchanged(drawn: np.ndarray, there: np.ndarray) -> np.ndarray:
    """(S, S) float32 in 0..1: 1 where two crops show the same."""
    size = len(there)
    difference = _largest(cv2.absdiff(drawn, there))
    difference = cv2.GaussianBlur(cv2.dilate(difference, np.ones((3, 3))), (0, 0), max(0.8, 0.02 * size))
    return np.clip(1.5 - difference / CHANGED, 0, 1)


def _largest(picture: np.ndarray) -> np.ndarray:
    """(H, W) largest of the three channels; NumPy's own maximum over so few is ten times slower."""
    red, green, blue = cv2.split(picture)
    return cv2.max(cv2.max(red, green), blue)


def _window(mask: np.ndarray, matrix: np.ndarray, shape: tuple[int, ...]) -> tuple[int, int, int, int] | None:
    """x0, y0, x1, y1 in the picture of all that the mask touches, or None when it lies outside."""
    rows, columns = np.flatnonzero(mask.any(1)), np.flatnonzero(mask.any(0))
    if not len(rows):
        return None
    left, right, top, bottom = columns[0] - 1, columns[-1] + 1, rows[0] - 1, rows[-1] + 1
    corners = np.array([(left, top), (right, top), (left, bottom), (right, bottom)], np.float64)
    corners = transform_points(corners, cv2.invertAffineTransform(matrix))
    x0, y0 = np.maximum(np.floor(corners.min(0)), 0).astype(int)
    x1, y1 = np.minimum(np.ceil(corners.max(0)) + 1, (shape[1], shape[0])).astype(int)
    return (int(x0), int(y0), int(x1), int(y1)) if x1 > x0 and y1 > y0 else None
