"""A generated mouth put back into its frame so that nobody sees where it begins.

All that is estimated (mask, colours, where the skin did not change) is estimated in the crop, where
the face is upright and of one size, and then laid over the picture with the crop's own map.
"""

from __future__ import annotations

from math import ceil

import cv2
import numpy as np

from lipsync.faces.tint import tint, toned
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix, transform_points

# What the mask encloses: from under the nose, beside the corners of the mouth, to the jaw. Cheeks and nose
# stay the frame's own: a network's light need not fit there. Pairs of the landmarker's points, and how
# far from the first to the second; JAW are points themselves.
TOP = ((98, 40, 0.3), (2, 0, 0.3), (327, 270, 0.3))
SIDES = ((216, 207, 0.2), (212, 214, 0.5), (210, 135, 0.4), (436, 427, 0.2), (432, 434, 0.5), (430, 364, 0.4))
JAW = (150, 149, 176, 148, 152, 377, 400, 378, 379)
CHIN, MOUTH = 152, (61, 291)

# In sides of the crop:
SOFT = (0.03, 0.02)  # sigma of the mask's edge across and down: between nose and lip there is little room
BELOW = 0.07  # the mask reaches this far below the chin, which a drawn mouth may open further; less beside it
UNDER_TOP = 0.05  # width of the fade below the rows that a method does not draw
ELLIPSE = ((0.5, 0.745), (0.26, 0.165))  # centre and half axes of the mask without landmarks
BLUR_SIGMAS = (
    0.03,
    0.07,
    0.16,
)  # sigmas of the colour correction, from what counts at the edge to far inside
TAIL = -1.0  # how fast these Gaussians lose weight as they widen, a power of sigma
# In grey levels:
SAME = 20.0  # a difference from the usual one at which a pixel of the seam hardly counts for the colour
CHANGED = 6.0  # a difference at which the skin has changed, and its old texture with it
OTHER = 30.0  # a difference beyond the half of which they do not show the same thing
# Of sharpening:
FINE = 0.012  # sides of the crop, sigma below which something is detail
MOST = 3.0  # times that detail is made stronger at most: what a network did not draw cannot be brought out


def paste(
    image: np.ndarray,
    face: np.ndarray,
    pose: Pose,
    landmarks: np.ndarray | None = None,
    sharpen: float = 0.0,
    top: float = 0.0,
) -> np.ndarray:
    """The frame with the lower face of a generated crop.

    Outside the mask every pixel is the same bit for bit. Colours follow the frame, smoothly over
    the crop, as seen along the mask's edge; a grey frame stays grey, and one of a single tint keeps it
    (:mod:`lipsync.faces.tint`). Where the crop shows what the frame shows, the frame's finer texture stays.

    Args:
        image: (H, W, 3) uint8 RGB; not changed.
        face: (S, S, 3) uint8 RGB, the crop ``crop_matrix(pose, S)`` of the frame, redrawn.
        pose: of one frame.
        landmarks: (478, 2) pixels of the frame; the mask follows its jaw. None: an ellipse.
        sharpen: 0..1, how far the drawn detail is brought to the strength of the skin around it.
        top: 0..1, share of the crop's rows, from its top, that were not drawn but are the frame's own.
    """
    # A crop finer than the picture is reduced first, or it would alias.
    size = max(24, min(face.shape[0], ceil(float(pose.side))))
    if size != face.shape[0]:
        face = cv2.resize(face, (size, size), interpolation=cv2.INTER_AREA)
    matrix = crop_matrix(pose, size)
    mask = mouth_mask(size, None if landmarks is None else transform_points(landmarks, matrix), top)
    result = image.copy()
    window = _window(mask, matrix, image.shape[:2])
    if window is None:
        return result
    original = crop_face(image, matrix, size)
    there, colours = original.astype(np.float32), tint(original)
    drawn = match_colours(face.astype(np.float32), there, mask)
    if colours is not None:
        drawn = toned(drawn, colours)
    texture, other = _compared(drawn, there)
    # Where the edge shows something else, as hair beside a chin, the frame's own colour counts.
    mask = mask ** (1 + other)

    x0, y0, x1, y1 = window
    local = matrix.copy()
    local[:, 2] += matrix[:, :2] @ (x0, y0)

    def lay(layer: np.ndarray, how: int, edge: int = cv2.BORDER_REPLICATE) -> np.ndarray:
        flags = how | cv2.WARP_INVERSE_MAP
        return cv2.warpAffine(layer, local, (x1 - x0, y1 - y0), flags=flags, borderMode=edge)

    old = result[y0:y1, x0:x1].astype(np.float32)
    weight = lay(mask, cv2.INTER_LINEAR, cv2.BORDER_CONSTANT)
    new = lay(drawn, cv2.INTER_CUBIC)
    # Each layer is laid by itself: a product that was laid differs from the product of two that were, and
    # would draw the outline of what stays.
    change = old - lay(there, cv2.INTER_CUBIC)
    change *= cv2.merge([lay(texture, cv2.INTER_LINEAR)] * 3)
    change += new
    change -= old
    if sharpen > 0:  # in the frame's own pixels, of which a large face has more than the crop
        change += sharpened(new, old, weight, float(pose.side), sharpen) - new
    change *= cv2.merge([weight] * 3)
    change += old
    change += 0.5
    result[y0:y1, x0:x1] = np.clip(change, 0, 255, out=change)
    return result


def mouth_mask(size: int, landmarks: np.ndarray | None = None, top: float = 0.0) -> np.ndarray:
    """(size, size) float32 in 0..1: 1 where the generated face shows, 0 at the crop's border.

    Mouth and chin within the landmarks' jaw and a little below it, or an ellipse there.

    Args:
        landmarks: (478, 2) pixels of the crop.
        top: 0..1, share of the rows in which nothing was drawn.
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
        points = np.asarray(landmarks, np.float64)
        between = [points[i] + share * (points[j] - points[i]) for i, j, share in (*TOP, *SIDES)]
        jaw = points[list(JAW)]
        mouth, chin = points[list(MOUTH), 1].mean(), points[CHIN, 1]
        jaw[:, 1] += BELOW * size * np.clip((jaw[:, 1] - mouth) / max(chin - mouth, 1.0), 0, 1) ** 3
        # Kept off the crop's border, so that the edge has ended there.
        off = 1 + 3 * size * np.array(SOFT)
        outline = np.clip(np.concatenate([between, jaw]), off, size - off)
        hull = cv2.convexHull((outline * one).round().astype(np.int32))
        cv2.fillConvexPoly(mask, hull, 1.0, cv2.LINE_8, shift)
    across, down = (sigma * size for sigma in SOFT)
    mask = cv2.GaussianBlur(mask, (0, 0), across, sigmaY=down, borderType=cv2.BORDER_CONSTANT)
    if top > 0:
        ramp = np.clip((np.arange(size, dtype=np.float32) + 0.5 - top * size) / (UNDER_TOP * size), 0, 1)
        mask *= (ramp * ramp * (3 - 2 * ramp))[:, None]
    mask[mask < 1 / 256] = 0
    return mask


def match_colours(drawn: np.ndarray, there: np.ndarray, mask: np.ndarray) -> np.ndarray:
    """``drawn`` with the colours that ``there`` has around the mask's edge, smoothly carried inwards.

    At the edge the difference of the two beside it counts, so that there is no step; the further inwards, the
    more of the edge counts. Places where they show different things (a chin that moved, a hand) do not.

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
    usual = np.median(difference[on_seam], axis=0).astype(np.float32)
    odd = np.square(_largest(np.abs(difference - usual)) / SAME)
    weight = seam / (1 + odd * odd)
    layers = cv2.merge([*(part * weight for part in cv2.split(difference)), weight])
    # At a quarter of the resolution: it holds no detail.
    small = cv2.resize(layers, (max(6, size // 4),) * 2, interpolation=cv2.INTER_AREA)
    # A kernel with a long tail, the sum of Gaussians of one weight each.
    blurred = [
        cv2.GaussianBlur(small, (0, 0), r * len(small), borderType=cv2.BORDER_CONSTANT) for r in BLUR_SIGMAS
    ]
    total = sum((r / BLUR_SIGMAS[0]) ** TAIL * layer for r, layer in zip(BLUR_SIGMAS, blurred, strict=True))
    trust = 0.1 * float(blurred[-1][..., 3].max()) * (BLUR_SIGMAS[-1] / BLUR_SIGMAS[0]) ** TAIL + 1e-6
    shift = (total[..., :3] + trust * usual) / (total[..., 3:] + trust)
    return drawn + cv2.resize(shift, (size, size), interpolation=cv2.INTER_CUBIC)


def sharpened(
    drawn: np.ndarray, there: np.ndarray, mask: np.ndarray, side: float, strength: float
) -> np.ndarray:
    """``drawn`` with its detail as strong as that of ``there`` along the mask's edge.

    One gain for the whole picture, the ratio of the two median amplitudes on the seam, where both show the
    same skin: it is 1 for a drawn face that is sharp enough, never less, and the same on lips and teeth,
    whose own detail is no measure of the camera.

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


def _compared(drawn: np.ndarray, there: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """(S, S) float32 each: 0..1, 1 where two crops show the same; 0..4, 0 unless they differ much."""
    size = len(there)
    difference = _largest(cv2.absdiff(drawn, there))
    difference = cv2.GaussianBlur(cv2.dilate(difference, np.ones((3, 3))), (0, 0), max(0.8, 0.02 * size))
    return np.clip(1.5 - difference / CHANGED, 0, 1), np.clip(difference / OTHER - 0.5, 0, 4)


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
