"""Pictures of a 3D face, and where the surface seen in one picture lies in another."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from lipsync.faces.model3d.camera import Camera, place
from lipsync.faces.model3d.lighting import frontal, shade
from lipsync.faces.model3d.morphable import MorphableModel
from lipsync.faces.model3d.rasteriser import at_pixels, rasterise


@dataclass(frozen=True)
class Rendering:
    """What a batch of faces looks like. Pixels without a face are zero everywhere.

    Gradients reach ``image``, ``normal`` and ``projected``, and through them the coefficients; which
    triangle a pixel shows, and where in it, is taken as fixed.
    """

    image: Tensor  # (B, 3, S, S) shaded, 0..1
    normal: Tensor  # (B, 3, S, S) unit, axes of the face model turned with the head
    depth: Tensor  # (B, 1, S, S) millimetres from the camera
    mask: Tensor  # (B, 1, S, S) 1 where there is a face
    triangle: Tensor  # (B, S, S) int64; 0 where there is none
    barycentric: Tensor  # (B, S, S, 3) weights of the triangle's corners in space
    corners: Tensor  # (F, 3) int64, the triangles
    projected: Tensor  # (B, V, 3) pixels x, y and depth of the vertices


def render(
    model: MorphableModel,
    identity: Tensor,
    expression: Tensor,
    pose: Tensor,
    size: int = 192,
    camera: Camera | None = None,
    lighting: Tensor | None = None,
    texture: Tensor | None = None,
) -> Rendering:
    """Draw faces, shaded by their skin's colours and nine spherical harmonics of light.

    Args:
        identity, expression: (B or 1, I), (B or 1, E).
        pose: (B, 6) (:func:`lipsync.faces.model3d.camera.place`).
        size: side of the pictures.
        camera: None is the usual one for a face crop of ``size`` pixels; its own ``size`` is not looked at.
        lighting: (B or 1, 27); None is white light from above and in front.
        texture: (B, K) skin coefficients; None is the mean.
    """
    camera = camera or Camera.of_crop(size).to(pose.device)
    placed = place(model.shape(identity, expression).expand(len(pose), -1, -1), pose)
    normals = model.normals(placed) * placed.new_tensor((1.0, -1.0, -1.0))
    light = frontal().to(placed) if lighting is None else lighting
    colours = shade(model.albedo(texture), normals, light)
    projected = camera.project(placed)
    ids, weights, depth = rasterise(projected.detach().cpu().numpy(), model.triangles.cpu().numpy(), size)
    triangle = torch.from_numpy(ids).long().to(pose.device)
    mask = (triangle >= 0).unsqueeze(1).to(placed.dtype)
    triangle = triangle.clamp_min(0)
    barycentric = torch.from_numpy(weights).to(placed)
    drawn = interpolate(torch.cat([colours, normals], -1), triangle, barycentric, model.triangles)
    image, normal = drawn.split(3, dim=1)
    return Rendering(
        image.clamp(0, 1),
        torch.nn.functional.normalize(normal, dim=1) * mask,
        torch.from_numpy(depth).to(placed).unsqueeze(1),
        mask,
        triangle,
        barycentric,
        model.triangles,
        projected,
    )


def interpolate(values: Tensor, triangle: Tensor, barycentric: Tensor, corners: Tensor) -> Tensor:
    """(B, C, S, S) values at the pixels, of (B, V, C) values at the vertices; 0 where there is no face."""
    if values.device.type == "cpu" and not (torch.is_grad_enabled() and values.requires_grad):
        # Where no gradient is asked for, a plain loop is several times faster.
        arrays = (values.detach(), corners, triangle.expand(len(values), -1, -1), barycentric.detach())
        return torch.from_numpy(at_pixels(*(array.numpy() for array in arrays))).permute(0, 3, 1, 2)
    batch, count, channels = values.shape
    first = torch.arange(batch, device=corners.device)[:, None, None] * count
    rows = values.reshape(batch * count, channels)
    total = values.new_zeros(*triangle.shape, channels)
    for corner in range(3):
        vertices = corners[:, corner][triangle] + first  # (B, S, S)
        # index_select on rows is several times faster than gather, forward and backward.
        picked = rows.index_select(0, vertices.reshape(-1)).reshape(*vertices.shape, channels)
        total = total + picked * barycentric[..., corner, None]
    return total.permute(0, 3, 1, 2)


def flow(target: Rendering, reference: Tensor, spread: bool = True) -> Tensor:
    """(B, S, S, 2): for each pixel of the target, where its surface point lies in the reference picture.

    A grid for ``F.grid_sample(..., align_corners=True)``: that call draws the target's pose and
    expression with the reference's skin. The flow between two equal pictures is the identity.

    Args:
        target: of B faces.
        reference: (B or 1, V, 3), ``projected`` of the rendering of the reference picture.
        spread: pixels beside the face move as the face near them does, fading to the mean motion; False
            leaves them where they are.
    """
    size = target.mask.shape[-1]
    reference = reference.expand(len(target.mask), -1, -1)
    # A point in space is depth times (x, y, 1): weighting by depth interpolates it exactly.
    depth = reference[..., 2:]
    at = interpolate(
        torch.cat([reference[..., :2] * depth, depth], -1),
        target.triangle,
        target.barycentric,
        target.corners,
    )
    place_ = at[:, :2] / at[:, 2:].clamp_min(1e-6)
    here = _pixels(size).to(place_)
    moved = (place_ - here) * target.mask
    if spread:
        moved = _spread(moved, target.mask)
    return ((here + moved) * 2 / (size - 1) - 1).permute(0, 2, 3, 1)


def covered(target: Rendering, reference: Rendering, tolerance: float = 4.0) -> Tensor:
    """(B, 1, S, S) 1 where the surface point of a target pixel can be seen in the reference picture.

    Args:
        tolerance: millimetres by which a point may lie behind the surface that the reference shows.
    """
    depth = interpolate(
        reference.projected[..., 2:].expand(len(target.mask), -1, -1),
        target.triangle,
        target.barycentric,
        target.corners,
    )
    grid = flow(target, reference.projected, spread=False)
    shown = torch.nn.functional.grid_sample(
        reference.depth.expand(len(grid), -1, -1, -1), grid, mode="nearest", align_corners=True
    )
    return ((shown > 0) & (depth <= shown + tolerance)).to(depth) * target.mask


def _pixels(size: int) -> Tensor:
    """(2, S, S) x and y of the pixel centres."""
    y, x = torch.meshgrid(torch.arange(size), torch.arange(size), indexing="ij")
    return torch.stack([x, y]).float()


def _spread(values: Tensor, mask: Tensor) -> Tensor:
    """(B, C, S, S) where pixels outside the mask take the values of the mask near them.

    Pull and push (Gortler et al. 1996): averages of the mask at ever coarser scales, and each empty pixel
    filled from the next coarser one.
    """
    if mask.shape[-1] <= 2:
        mean = values.sum((2, 3), keepdim=True) / mask.sum((2, 3), keepdim=True).clamp_min(1e-6)
        return torch.where(mask > 0, values / mask.clamp_min(1e-6), mean)
    pooled = torch.nn.functional.avg_pool2d(torch.cat([values, mask], 1), 2, ceil_mode=True)
    coarse = _spread(pooled[:, :-1], pooled[:, -1:])
    full = torch.nn.functional.interpolate(coarse, mask.shape[-2:], mode="bilinear", align_corners=False)
    return values + (1 - mask) * full
