"""Which triangle of a mesh each pixel shows: a z-buffer, compiled with numba (which librosa brings along).

No well-kept renderer installs here as a wheel for a CPU (nvdiffrast and DRTK want CUDA, PyTorch3D has
no wheels), and a face at 192 pixels is a small matter.
"""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
import torch

NOTHING = -1  # the triangle of a pixel that shows none


def rasterise(
    points: np.ndarray, triangles: np.ndarray, size: int
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The nearest triangle at each pixel centre, with barycentrics that are right in space.

    Triangles whose corners run counter-clockwise, as a person sees the picture, face the viewer; others
    are not drawn, nor are those with a corner at or behind the camera. A centre on an edge belongs to
    the triangle. Of two at the same depth the first one is shown. Pictures are drawn in as many threads
    as PyTorch may use.

    Args:
        points: (B, V, 3) float32, pixels x and y, and depth > 0.
        triangles: (F, 3) int32 vertex indices.
        size: side of the pictures, pixels.

    Returns:
        (B, S, S) int32 triangles, ``NOTHING`` where there is none; (B, S, S, 3) float32 weights of the
        three corners, which sum to 1, perspective-correct; (B, S, S) float32 depth, 0 where none.
    """
    points = np.ascontiguousarray(points, np.float32)
    triangles = np.ascontiguousarray(triangles, np.int32)
    ids = np.full((len(points), size, size), NOTHING, np.int32)
    weights = np.zeros((len(points), size, size, 3), np.float32)
    depth = np.zeros((len(points), size, size), np.float32)

    def one(index: int) -> None:
        _draw(points[index], triangles, ids[index], weights[index], depth[index])

    threads = min(torch.get_num_threads(), len(points))
    if threads > 1:
        with ThreadPoolExecutor(threads) as pool:
            list(pool.map(one, range(len(points))))
    else:
        for index in range(len(points)):
            one(index)
    return ids, weights, depth


@numba.njit(
    "void(float32[:, ::1], int32[:, ::1], int32[:, ::1], float32[:, :, ::1], float32[:, ::1])",
    nogil=True,
    cache=True,
)
def _draw(points, triangles, ids, weights, depth):  # type: ignore[no-untyped-def]
    """One picture, in place."""
    size = ids.shape[0]
    for face in range(triangles.shape[0]):
        a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
        za, zb, zc = float(points[a, 2]), float(points[b, 2]), float(points[c, 2])
        if za <= 0 or zb <= 0 or zc <= 0:
            continue
        xa, ya = float(points[a, 0]), float(points[a, 1])
        xb, yb = float(points[b, 0]), float(points[b, 1])
        xc, yc = float(points[c, 0]), float(points[c, 1])
        area = (xc - xa) * (yb - ya) - (xb - xa) * (yc - ya)
        # NaN fails the comparison as well.
        if not area > 1e-9:
            continue
        left, right = max(0.0, np.ceil(min(xa, xb, xc))), min(size - 1.0, np.floor(max(xa, xb, xc)))
        top, bottom = max(0.0, np.ceil(min(ya, yb, yc))), min(size - 1.0, np.floor(max(ya, yb, yc)))
        for y in range(int(top), int(bottom) + 1):
            for x in range(int(left), int(right) + 1):
                wa = (xc - x) * (yb - y) - (xb - x) * (yc - y)
                wb = (xa - x) * (yc - y) - (xc - x) * (ya - y)
                wc = area - wa - wb
                if wa < 0 or wb < 0 or wc < -1e-9 * area:
                    continue
                # 1 / depth is linear in the picture.
                wa, wb, wc = wa / za, wb / zb, wc / zc
                total = wa + wb + wc
                z = area / total
                if ids[y, x] == -1 or z < depth[y, x]:
                    ids[y, x] = face
                    depth[y, x] = z
                    weights[y, x, 0] = wa / total
                    weights[y, x, 1] = wb / total
                    weights[y, x, 2] = wc / total


def at_pixels(values: np.ndarray, triangles: np.ndarray, ids: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """(B, S, S, C) float32: values at the vertices, weighted at each pixel; 0 where all weights are 0.

    Args:
        values: (B, V, C) float32.
        triangles: (F, 3) int.
        ids: (B, S, S) int, a triangle for every pixel.
        weights: (B, S, S, 3) float32.
    """
    out = np.zeros((*ids.shape, values.shape[-1]), np.float32)
    corners = np.ascontiguousarray(triangles, np.int32)
    for index in range(len(values)):
        _weigh(
            np.ascontiguousarray(values[index], np.float32), corners,
            np.ascontiguousarray(ids[index], np.int32), np.ascontiguousarray(weights[index], np.float32),
            out[index],
        )  # fmt: skip
    return out


@numba.njit(
    "void(float32[:, ::1], int32[:, ::1], int32[:, ::1], float32[:, :, ::1], float32[:, :, ::1])",
    nogil=True,
    cache=True,
)
def _weigh(values, triangles, ids, weights, out):  # type: ignore[no-untyped-def]
    """One picture, in place."""
    for y in range(ids.shape[0]):
        for x in range(ids.shape[1]):
            first, second, third = weights[y, x, 0], weights[y, x, 1], weights[y, x, 2]
            if first == 0 and second == 0 and third == 0:
                continue
            face = ids[y, x]
            a, b, c = triangles[face, 0], triangles[face, 1], triangles[face, 2]
            for channel in range(values.shape[1]):
                out[y, x, channel] = (
                    first * values[a, channel] + second * values[b, channel] + third * values[c, channel]
                )
