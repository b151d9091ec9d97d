"""Light on a face as nine spherical harmonics per colour channel (Ramamoorthi & Hanrahan 2001)."""

from __future__ import annotations

from math import pi, sqrt

import torch
from torch import Tensor

COEFFICIENTS = 27  # three bands, nine functions, for red, green and blue

# The harmonics' factors times those of a matte surface's response: π, 2π/3, π/4 of the three bands.
_BAND_0 = pi / sqrt(4 * pi)
_BAND_1 = 2 * pi / 3 * sqrt(3 / (4 * pi))
_BAND_2 = pi / 4 * sqrt(15 / (4 * pi))


def harmonics(normals: Tensor) -> Tensor:
    """(..., 9) irradiance of (..., 3) unit normals under each harmonic with coefficient 1."""
    x, y, z = normals.unbind(-1)
    return torch.stack(
        [
            torch.full_like(x, _BAND_0),
            _BAND_1 * y, _BAND_1 * z, _BAND_1 * x,
            _BAND_2 * x * y, _BAND_2 * y * z, _BAND_2 * (3 * z * z - 1) / (2 * sqrt(3)),
            _BAND_2 * x * z, _BAND_2 * (x * x - y * y) / 2,
        ],
        -1,
    )  # fmt: skip


def shade(albedo: Tensor, normals: Tensor, lighting: Tensor) -> Tensor:
    """(B, V, 3) colours of (B, V, 3) albedo and unit normals under (B, 27) lighting.

    Args:
        lighting: nine coefficients for red, then for green, then for blue.
    """
    irradiance = harmonics(normals) @ lighting.reshape(-1, 3, 9).transpose(1, 2)  # (B, V, 3)
    return albedo * irradiance


def frontal() -> Tensor:
    """(1, 27) white light from above and in front, under which a white surface that faces it is white."""
    one = torch.zeros(9)
    one[0], one[1], one[2] = 0.62, 0.12, 0.36
    # A normal towards the viewer gets 1.
    one = one / (harmonics(torch.tensor([0.0, 0.0, 1.0])) @ one)
    return one.repeat(3)[None]
