"""From a fitted face to what the renderer is shown: the drawn 3D face, the hole, and the 3DMM's own flow."""

from __future__ import annotations

from typing import NamedTuple

import cv2
import numpy as np
import torch
from torch import Tensor

from lipsync.faces.model3d.camera import Camera, in_crop, place
from lipsync.faces.model3d.fit import Fit
from lipsync.faces.model3d.morphable import MorphableModel
from lipsync.faces.model3d.render import flow, render
from lipsync.methods.visual_dubbing.model import RendererInput

UNDER_NOSE, NOSE_TIP = 2, 4  # MediaPipe's landmarks between which the hole begins
OPEN = 0.8  # of the jaw, when the hole is measured
FRONT, SIDE = 65.0, 48.0  # mm: what lies further forward, and not further to a side, is what speech moves
SPEECH_DRIVEN = ("jaw", "mouth")  # how the names of expressions begin that speech drives; the others stay


class Posed(NamedTuple):
    """How the fitted face of one person stands in B pictures."""

    expression: Tensor  # (B, E), or (1, E) of all pictures
    pose: Tensor  # (B, 6)
    camera: Camera


class Cut(NamedTuple):
    """Frames of a fitted clip, already cut."""

    frames: np.ndarray  # (B,) of the clip
    matrix: np.ndarray  # (2, 3) from stored crop to the pictures
    pictures: Tensor  # (B, 3, S, S) in 0..1


class Scene:
    """A 3DMM with what is measured on it once: the vertices of the lower face."""

    def __init__(self, model: MorphableModel):
        self.model = model
        mean = model.mean.reshape(-1, 3)
        at = {int(i): int(v) for i, v in zip(model.mediapipe_indices, model.landmark_vertices, strict=True)}
        edge = 0.75 * mean[at[UNDER_NOSE], 1] + 0.25 * mean[at[NOSE_TIP], 1]
        # Not the sides by the ears: a reference seldom shows both, and hair lies over them.
        front = (mean[:, 2] > FRONT) & (mean[:, 0].abs() < SIDE)
        lower = torch.nonzero((mean[:, 1] < edge) & front)[:, 0]
        self.lower = lower[::5] if len(lower) > 1000 else lower  # of a fine mesh a hull needs few
        names = model.expression_names
        driven = [i for i, name in enumerate(names) if name.startswith(SPEECH_DRIVEN)]
        self.speech_driven = torch.tensor(
            driven or range(model.expression_size)
        )  # (D,), all of a nameless basis
        self.jaw = [i for i, name in enumerate(names) if name == "jawOpen"]

    def view(
        self,
        faces: Tensor,
        references: Tensor,
        identity: Tensor,
        wanted: Posed,
        known: Posed,
        guide: str = "shaded",
    ) -> RendererInput:
        """What the renderer is shown of B faces.

        Args:
            faces: (B, 3, S, S) in 0..1.
            references: (B R, 3, S, S), R of each face.
            identity: (B or 1, I).
            wanted: of ``faces``, with the expression that the result is to have.
            known: of ``references``; with R = 1 also one for all faces.
            guide: "shaded" or "normals".
        """
        size = faces.shape[-1]
        drawn = render(self.model, identity, wanted.expression, wanted.pose, size, wanted.camera)
        count = len(references) // len(faces)
        person = identity if len(identity) == 1 else identity.repeat_interleave(count, 0)
        theirs = self.model.shape(person, known.expression).expand(len(known.pose), -1, -1)
        projected = known.camera.project(place(theirs, known.pose))
        parts = [projected] if count == 1 else projected.unflatten(0, (-1, count)).unbind(1)
        geometry = torch.cat([flow(drawn, part) for part in parts], -1)
        picture = drawn.image if guide == "shaded" else (drawn.normal + 1) / 2 * drawn.mask
        hole = self.hole(identity, wanted.pose, wanted.camera, size).to(faces)
        return RendererInput(
            picture, references.unflatten(0, (-1, count)).flatten(1, 2), faces * (1 - hole), hole, geometry
        )

    def hole(self, identity: Tensor, pose: Tensor, camera: Camera, size: int) -> Tensor:
        """(B, 1, S, S) 1 in the lower face, whatever the mouth does: its shape reveals nothing.

        The paper draws it around the landmarks of the frame, whose chin shows how far the mouth is open.
        """
        rest = pose.new_zeros(1, self.model.expression_size)
        opened = rest.clone()
        opened[:, self.jaw] = OPEN
        shapes = [self.model.shape(identity, e)[:, self.lower] for e in (rest, opened)]
        points = camera.project(place(torch.cat(shapes, 1).expand(len(pose), -1, -1), pose))
        hole = np.zeros((len(pose), size, size), np.uint8)
        kernel = np.ones((size // 48 * 2 + 1,) * 2, np.uint8)
        for picture, corners in zip(hole, points[..., :2].detach().cpu().numpy(), strict=True):
            hull = cv2.convexHull(corners.round().astype(np.int32))
            picture[:] = cv2.dilate(cv2.fillConvexPoly(picture.copy(), hull, 1), kernel)
        return torch.from_numpy(hole)[:, None].float().to(pose.device)


def mirrored(view: RendererInput) -> RendererInput:
    """The same in a mirror."""
    count = view.geometry.shape[-1] // 2
    geometry = view.geometry.flip(2) * view.geometry.new_tensor((-1.0, 1.0) * count)
    guide, reference, cropped, hole = (x.flip(3) for x in view[:4])
    return RendererInput(guide, reference, cropped, hole, geometry)


def view_of(
    scene: Scene, fit: Fit, target: Cut, references: Cut, guide: str, expression: Tensor | None = None
) -> RendererInput:
    """A frame of a fitted clip and its references, as the renderer sees them.

    Args:
        fit: of the stored crops (``lipsync.data.fitted_clips``).
        target: one frame.
        references: R frames.
        expression: (1, E) instead of the frame's own.
    """
    size = target.pictures.shape[-1]

    def posed(part: Cut) -> Posed:
        pose, matrix = torch.from_numpy(fit.pose[part.frames]).float(), torch.from_numpy(part.matrix).float()
        camera, pose = in_crop(fit.camera, pose, matrix, size)
        return Posed(torch.from_numpy(fit.expression[part.frames]).float(), pose, camera)

    wanted = posed(target)
    if expression is not None:
        wanted = wanted._replace(expression=expression)
    identity = torch.from_numpy(fit.identity).float()[None]
    return scene.view(target.pictures, references.pictures, identity, wanted, posed(references), guide)
