"""A pinhole camera and the pose of a head in front of it.

Axes of a face model: x to the right of the picture, y up, z towards the viewer, millimetres, zero
rotation looks into the camera. Axes of the camera: x right, y down, z away from it, millimetres.
Pixel centres lie at whole numbers (as in OpenCV and everywhere here).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

FOCAL = (
    5.6  # focal length in sides of a face crop (lipsync.faces.tracking.crop), if unknown: a face at about 1 m
)
_AXES = (1.0, -1.0, -1.0)  # from the model's axes to the camera's


@dataclass(frozen=True)
class Camera:
    """Focal lengths and principal points in pixels: one for all pictures, or one per picture.

    Attributes:
        focal: () or (B,) float32.
        centre: (2,) or (B, 2) float32, x then y.
        size: side of the square picture.
    """

    focal: Tensor
    centre: Tensor
    size: int

    @classmethod
    def of_crop(cls, size: int, margin: float = 1.0) -> Camera:
        """The camera assumed for a face crop, such as one of :func:`lipsync.faces.tracking.crop.crop_matrix`.

        Args:
            margin: how many times the square that a network sees it shows.
        """
        return cls(torch.tensor(FOCAL * size / margin), torch.full((2,), (size - 1) / 2), size)

    def to(self, device: torch.device | str) -> Camera:
        return Camera(self.focal.to(device), self.centre.to(device), self.size)

    def project(self, points: Tensor) -> Tensor:
        """(B, V, 3) pixels x, y and depth in millimetres of (B, V, 3) points in the camera's axes."""
        depth = points[..., 2:]
        focal = self.focal.reshape(-1, 1, 1)
        centre = self.centre.reshape(-1, 1, 2)
        return torch.cat([points[..., :2] * focal / depth.clamp_min(1e-3) + centre, depth], -1)


def rotation(axis_angle: Tensor) -> Tensor:
    """(B, 3, 3) rotation matrices of (B, 3) axis times angle in radians (Rodrigues' formula)."""
    angle = (axis_angle.square().sum(-1) + 1e-20).sqrt()[..., None, None]  # differentiable at zero
    x, y, z = axis_angle.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*x.shape, 3, 3)
    # sin(a)/a through sinc, (1 - cos a)/a² through its half-angle form: both exact near zero.
    first = torch.sinc(angle / torch.pi)
    second = torch.sinc(angle / (2 * torch.pi)).square() / 2
    return torch.eye(3).to(cross) + first * cross + second * (cross @ cross)


def place(points: Tensor, pose: Tensor) -> Tensor:
    """(B, V, 3) in the camera's axes, of (B, V, 3) in the model's and (B, 6) poses.

    Args:
        pose: axis times angle in radians, about the model's axes; then the place of the model's
            origin in the camera's axes, millimetres.
    """
    turned = points @ rotation(pose[:, :3]).transpose(1, 2)
    return turned * turned.new_tensor(_AXES) + pose[:, None, 3:]


def in_crop(camera: Camera, pose: Tensor, matrix: Tensor, size: int) -> tuple[Camera, Tensor]:
    """The cameras and poses that show in a crop what ``camera`` and ``pose`` show in the picture. Exact.

    Args:
        pose: (B, 6).
        matrix: (2, 3) or (B, 2, 3) similarity from picture to crop pixels (``lipsync.faces.crop_matrix``).
        size: side of the crop.

    Raises:
        ValueError: a matrix mirrors, which no pose can do.
    """
    matrix = matrix.to(pose).expand(len(pose), 2, 3)
    zoom = torch.linalg.det(matrix[:, :, :2])
    if (zoom <= 0).any():
        raise ValueError("a mirrored crop has no pose")
    zoom = zoom.sqrt()
    centre = camera.centre.to(pose).expand(len(pose), 2)
    centre = (matrix[:, :, :2] @ centre[:, :, None])[..., 0] + matrix[:, :, 2]
    # The picture turns clockwise by ``angle``: a rotation about the camera's axis, applied last.
    angle = torch.atan2(matrix[:, 1, 0], matrix[:, 0, 0])
    zero = torch.zeros_like(angle)
    roll = rotation(torch.stack([zero, zero, -angle], -1))
    place_ = rotation(torch.stack([zero, zero, angle], -1)) @ pose[:, 3:, None]
    turned = axis_angle(roll @ rotation(pose[:, :3]))
    return Camera(camera.focal.to(pose) * zoom, centre, size), torch.cat([turned, place_[..., 0]], -1)


def axis_angle(matrix: Tensor) -> Tensor:
    """(B, 3) axis times angle, 0..π, of (B, 3, 3) rotation matrices."""
    # By way of the quaternion, whose largest component is safe to divide by.
    m = matrix
    diagonal = m.diagonal(dim1=-2, dim2=-1)
    trace = diagonal.sum(-1)
    squares = torch.stack([1 + trace, *(1 + 2 * diagonal[..., i] - trace for i in range(3))], -1)  # 4 q²
    off = [m[..., 2, 1], m[..., 1, 2], m[..., 0, 2], m[..., 2, 0], m[..., 1, 0], m[..., 0, 1]]
    wx, wy, wz = off[0] - off[1], off[2] - off[3], off[4] - off[5]
    xy, xz, yz = off[4] + off[5], off[2] + off[3], off[0] + off[1]
    rows = torch.stack(
        [
            torch.stack([squares[..., 0], wx, wy, wz], -1),
            torch.stack([wx, squares[..., 1], xy, xz], -1),
            torch.stack([wy, xy, squares[..., 2], yz], -1),
            torch.stack([wz, xz, yz, squares[..., 3]], -1),
        ],
        -2,
    )  # (B, 4, 4): row i is 4 q_i times the quaternion
    best = squares.argmax(-1)
    quaternion = rows.gather(-2, best[..., None, None].expand(*best.shape, 1, 4))[..., 0, :]
    quaternion = quaternion / quaternion.norm(dim=-1, keepdim=True)
    quaternion = torch.where(quaternion[..., :1] < 0, -quaternion, quaternion)
    sine = quaternion[..., 1:].norm(dim=-1, keepdim=True)
    angle = 2 * torch.atan2(sine, quaternion[..., :1])
    return quaternion[..., 1:] * torch.where(sine > 1e-7, angle / sine.clamp_min(1e-7), 2.0)
