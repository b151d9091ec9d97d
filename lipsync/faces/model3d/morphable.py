"""3D morphable face models: a mean face, directions of identity, expression and skin colour.

S = S̄ + B_id α + B_exp β and T = T̄ + B_tex δ (CHEN & XIONG 2025, section 2.1). Three back ends:
ICT-FaceKit (:mod:`lipsync.faces.model3d.ict`), free and the default; our own, learnt from footage, which
ships (:mod:`lipsync.faces.model3d.embedded`); and files in the format of the Basel Face Model
(:mod:`lipsync.faces.model3d.bfm`), which a user supplies. Sizes are read from the back end.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn


@dataclass(frozen=True)
class MorphableArrays:
    """What a back end reads: float32 millimetres, axes as in :mod:`lipsync.faces.model3d.camera`."""

    name: str  # of the back end
    sha256: str  # of its file
    mean: np.ndarray  # (V, 3)
    identity: np.ndarray  # (I, V, 3)
    identity_deviation: np.ndarray  # (I,) of a coefficient over people
    expression: np.ndarray  # (E, V, 3)
    expression_names: tuple[str, ...]  # E
    expression_bounds: tuple[float, float]  # least and greatest coefficient; infinite where there is none
    expression_deviation: np.ndarray  # (E,) of a coefficient over expressions
    colour: np.ndarray  # (V, 3) in 0..1
    texture: np.ndarray  # (K, V, 3)
    triangles: np.ndarray  # (F, 3) int, facing the viewer
    landmarks: np.ndarray  # (L, 2) int: MediaPipe's index, vertex


class MorphableModel(nn.Module):
    """A face of identity and expression coefficients.

    Its arrays are buffers that no checkpoint carries: they are other people's, and come from their file.

    Attributes:
        identity_size, expression_size, texture_size: numbers of coefficients; texture may be 0.
        expression_names: what each expression coefficient does, for ICT-FaceKit the ARKit names.
        expression_bounds: the least and the greatest expression coefficient.
        triangles: (F, 3) int64.
        landmark_vertices: (L,) int64, the vertices that MediaPipe's landmarks ``mediapipe_indices`` (L,)
            mark.
        name, sha256: of the back end and of its file, for protocol strings.
    """

    mean: Tensor
    colour: Tensor
    identity_basis: Tensor
    expression_basis: Tensor
    texture_basis: Tensor
    identity_deviation: Tensor
    expression_deviation: Tensor
    triangles: Tensor
    landmark_vertices: Tensor
    mediapipe_indices: Tensor
    landmark_mean: Tensor
    landmark_identity_basis: Tensor
    landmark_expression_basis: Tensor

    def __init__(self, arrays: MorphableArrays):
        super().__init__()
        self.name = arrays.name
        self.sha256 = arrays.sha256
        self.expression_names = arrays.expression_names
        self.expression_bounds = arrays.expression_bounds
        vertices = len(arrays.mean)
        for name, values in (
            ("mean", arrays.mean.reshape(-1)),
            ("colour", arrays.colour.reshape(-1)),
            ("identity_basis", arrays.identity.reshape(-1, 3 * vertices)),
            ("expression_basis", arrays.expression.reshape(-1, 3 * vertices)),
            ("texture_basis", arrays.texture.reshape(-1, 3 * vertices)),
            ("identity_deviation", arrays.identity_deviation),
            ("expression_deviation", arrays.expression_deviation),
        ):
            self.register_buffer(name, torch.tensor(values, dtype=torch.float32), persistent=False)
        for name, indices in (
            ("triangles", arrays.triangles),
            ("mediapipe_indices", arrays.landmarks[:, 0]),
            ("landmark_vertices", arrays.landmarks[:, 1]),
        ):
            self.register_buffer(name, torch.tensor(indices, dtype=torch.int64), persistent=False)
        # Landmarks are asked for far more often than the whole shape.
        columns = (self.landmark_vertices[:, None] * 3 + torch.arange(3)).reshape(-1)
        for name in ("mean", "identity_basis", "expression_basis"):
            self.register_buffer(f"landmark_{name}", getattr(self, name)[..., columns], persistent=False)

    @property
    def vertices(self) -> int:
        return len(self.mean) // 3

    @property
    def identity_size(self) -> int:
        return len(self.identity_basis)

    @property
    def expression_size(self) -> int:
        return len(self.expression_basis)

    @property
    def texture_size(self) -> int:
        return len(self.texture_basis)

    def shape(self, identity: Tensor, expression: Tensor) -> Tensor:
        """(B, V, 3) millimetres of (B or 1, I) identity and (B or 1, E) expression coefficients."""
        flat = self.mean + identity @ self.identity_basis + expression @ self.expression_basis
        return flat.reshape(len(flat), -1, 3)

    def landmarks(self, identity: Tensor, expression: Tensor) -> Tensor:
        """(B, L, 3): as :meth:`shape`, of the landmarks' vertices alone."""
        flat = (
            self.landmark_mean
            + identity @ self.landmark_identity_basis
            + expression @ self.landmark_expression_basis
        )
        return flat.reshape(len(flat), -1, 3)

    def albedo(self, texture: Tensor | None = None) -> Tensor:
        """(B, V, 3) colours, 0 to about 1, of (B, K) texture coefficients; None is the mean, B = 1."""
        if texture is None or not self.texture_size:
            return self.colour.reshape(1, -1, 3)
        return (self.colour + texture @ self.texture_basis).reshape(len(texture), -1, 3)

    def normals(self, vertices: Tensor) -> Tensor:
        """(B, V, 3) unit normals of (B, V, 3) vertices."""
        # Compiled loops take half a second to load: who only fits a face does without.
        from lipsync.faces.model3d.normals import vertex_normals

        return vertex_normals(vertices, self.triangles)
