"""The 3D face that ships, learnt from prepared clips: mean, modes of identity and of expression.

The mesh is the landmarker's. Its depth on a few frames of each clip gives a first face: shapes are laid
over each other by the points that expressions leave, and regressed on the landmarker's scores within each
person. Then, in rounds, that face is fitted to the stored 2D landmarks as it will be in use, and with the
poses and coefficients found the shapes are solved for anew: the depth of a point follows from the
poses in which it was seen. All solves are linear, balanced over people, and drawn to the face before.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from pathlib import Path

import numpy as np

from lipsync.data.clips import MARGIN, STORED, Clip, load_clips
from lipsync.data.face_mesh import COUNT, STILL, finished, mirror_of, upright
from lipsync.errors import ConfigError
from lipsync.faces.model3d.blendshapes import NAMES, BlendshapeNetwork
from lipsync.faces.model3d.camera import FOCAL
from lipsync.faces.model3d.fitting import FittingConfig, fit_clip
from lipsync.faces.model3d.heads import AXES, rotations
from lipsync.faces.model3d.morphable import MorphableArrays, MorphableModel
from lipsync.faces.tracking.landmarks import LIP_LOWER_INNER, LIP_UPPER_INNER, Landmarker, mouth_opening
from lipsync.texts import Message

SCORES = NAMES[1:]  # all but "_neutral"
_FOCAL = FOCAL * STORED / MARGIN  # pixels
_OTHER_SIDE = np.array([
    SCORES.index(n.replace("Left", "?").replace("Right", "Left").replace("?", "Right")) for n in SCORES
])  # fmt: skip


@dataclass(frozen=True)
class FaceModelConfig:
    step: int = 5  # every so many frames of a clip are looked at
    frames: int = 12  # of a clip at most; neighbouring frames add little
    closed: float = 0.02  # mouth opening up to which lips count as closed
    identity: int = 32  # modes
    rounds: int = 3
    score_noise: float = 0.05  # of a score, in the first regression: modes of rare scores stay small
    near: float = 2.0  # mm by which a solve may move a point freely
    mode_near: float = 8.0  # the same for a point of an expression mode


@dataclass(frozen=True)
class GatheredFrames:
    """Frames of all clips in a row."""

    clip: np.ndarray  # (N,) int
    at: np.ndarray  # (N,) int, number in the clip
    person: np.ndarray  # (N,) int
    weight: np.ndarray  # (N,) mean 1; a person's sum grows with the root of its frames
    points: np.ndarray  # (N, 478, 2) float32 pixels of the stored crops
    scores: np.ndarray  # (N, 51)

    def take(self, which: np.ndarray) -> GatheredFrames:
        return GatheredFrames(*(getattr(self, field.name)[which] for field in fields(self)))


@dataclass(frozen=True)
class Shapes:
    """A face of the landmarker's points, millimetres, axes as in :mod:`lipsync.faces.model3d.camera`."""

    mean: np.ndarray  # (468, 3)
    identity: np.ndarray  # (I, 468, 3), of one deviation each
    expression: np.ndarray  # (51, 468, 3), of a score of 1


def learn_face(
    data: Path,
    splits: tuple[str, ...],
    landmarker: Path,
    config: FaceModelConfig | None = None,
    report: Callable[[str], None] = lambda line: None,
) -> MorphableArrays:
    """Learn a face from the clips of a prepared folder.

    Raises:
        ConfigError: the folder is not a prepared one, or holds fewer people than a face needs.
    """
    config = config or FaceModelConfig()
    clips = load_clips(data, splits)
    frames = gather(clips, BlendshapeNetwork(landmarker), config)
    people = len(set(frames.person))
    if people < 3:
        raise ConfigError("model3d.few_people", data=data, people=people)
    report(Message("face_model.begins", clips=len(clips), people=people, frames=len(frames.clip)))
    solid, which = solid_shapes(clips, frames, landmarker)
    shapes = first_face(solid, frames.take(which), config)
    report(Message("face_model.first", shapes=len(solid)))
    for number in range(config.rounds):
        shapes, error = refine(shapes, frames, config)
        report(Message("face_model.round", number=number + 1, error=error, size=STORED))
    return finished(shapes.mean, shapes.identity, shapes.expression, SCORES)


def gather(clips: list[Clip], network: BlendshapeNetwork, config: FaceModelConfig) -> GatheredFrames:
    """Stored landmarks of frames spread over each clip, with their scores."""
    parts = []
    names = sorted({clip.identity for clip in clips})
    for number, clip in enumerate(clips):
        count = min(config.frames, -(-len(clip) // config.step))
        at = np.unique(np.linspace(0, len(clip) - 1, count).astype(int))
        points = clip.points(at)
        scores = network(points)[:, 1:]
        good = np.isfinite(scores).all(1)
        person = np.full(good.sum(), names.index(clip.identity))
        parts.append((np.full(good.sum(), number), at[good], person, person, points[good], scores[good]))
    frames = GatheredFrames(*(np.concatenate(column) for column in zip(*parts, strict=True)))
    total = np.bincount(frames.person)
    weight = 1 / np.sqrt(total[frames.person])
    return replace(frames, weight=weight / weight.mean())


def solid_shapes(
    clips: list[Clip], frames: GatheredFrames, landmarker: Path
) -> tuple[np.ndarray, np.ndarray]:
    """Of the frames of each clip with the least and the most open mouth, the shapes with their depth.

    Returns:
        (M, 468, 3) the landmarker's points, axes of a face model, any scale; (M,) which frames.
    """
    marker = Landmarker(landmarker)
    opening = mouth_opening(frames.points)
    shapes, which = [], []
    for number, clip in enumerate(clips):
        rows = np.flatnonzero(frames.clip == number)
        rows = rows[np.argsort(opening[rows], kind="stable")]
        for row in {rows[0], rows[-1]} if len(rows) else ():
            found = marker(clip.pictures(frames.at[[row]])[0])
            if found is not None and found.depth is not None:
                shapes.append(np.concatenate([found.points, found.depth[:, None]], 1)[:COUNT] * AXES)
                which.append(row)
    marker.close()
    return np.array(shapes), np.array(which)


# --- the first face, from shapes with depth ---


def first_face(solid: np.ndarray, frames: GatheredFrames, config: FaceModelConfig) -> Shapes:
    """Mean, modes and identities of (M, 468, 3) shapes in any pose and scale."""
    mean = solid[np.argmin(np.abs(solid[..., 2] - solid[..., 2].mean(1, keepdims=True)).sum(1))]
    for _ in range(3):
        mean = upright(_weighted(_laid_on(solid, mean), frames.weight))
    laid = _laid_on(solid, mean).reshape(len(solid), -1)
    people = [frames.person == person for person in sorted(set(frames.person))]
    scores = frames.scores.astype(np.float64)
    # Within people, so that how one looks is not taken for what one does.
    moved, scored = (_centred(values, people) for values in (laid, scores))
    modes = _regressed(moved, scored, frames.weight, config)
    rest = laid - scores @ modes
    neutral = np.stack([rest[rows].mean(0) for rows in people])
    # A score of 0 leaves lips apart. Modes are to start where lips are closed: from the mean of such frames.
    closed = mouth_opening(frames.points) < config.closed
    if closed.any():
        own = np.zeros_like(laid)
        for number, rows in enumerate(people):
            own[rows] = neutral[number]
        shut = _weighted((laid - own)[closed], frames.weight[closed])
        modes = _regressed(laid - own - shut, scores, frames.weight, config)
        neutral = neutral + shut
    return _with_people(neutral.reshape(-1, COUNT, 3), modes.reshape(-1, COUNT, 3), config.identity)


def _centred(values: np.ndarray, people: list[np.ndarray]) -> np.ndarray:
    """(N, D) less the mean of each person's rows."""
    centred = values.copy()
    for rows in people:
        centred[rows] -= values[rows].mean(0)
    return centred


def _regressed(
    shapes: np.ndarray, scores: np.ndarray, weight: np.ndarray, config: FaceModelConfig
) -> np.ndarray:
    """(E, D) modes by which scores (N, E) best explain shapes (N, D), drawn to 0 as scores are noisy."""
    weighted = scores * weight[:, None]
    ridge = config.score_noise**2 * weight.sum()
    return np.linalg.solve(weighted.T @ scores + ridge * np.eye(scores.shape[1]), weighted.T @ shapes)


def _weighted(shapes: np.ndarray, weight: np.ndarray) -> np.ndarray:
    return np.tensordot(weight / weight.sum(), shapes, 1)


def _laid_on(shapes: np.ndarray, target: np.ndarray) -> np.ndarray:
    """(N, 468, 3) shapes turned, moved and scaled so that their still points lie on the target's."""
    still = list(STILL)
    goal = target[still] - target[still].mean(0)
    middle = shapes[:, still].mean(1, keepdims=True)
    own = shapes[:, still] - middle
    u, s, vt = np.linalg.svd(own.transpose(0, 2, 1) @ goal)
    sign = np.sign(np.linalg.det(u @ vt))
    u[:, :, 2] *= sign[:, None]
    scale = (s[:, 0] + s[:, 1] + sign * s[:, 2]) / np.square(own).sum((1, 2))
    return (shapes - middle) @ (u @ vt) * scale[:, None, None] + target[still].mean(0)


def _with_people(neutral: np.ndarray, modes: np.ndarray, most: int) -> Shapes:
    """The face of people's neutral shapes (P, 468, 3), and of mode shapes; both made symmetric."""
    mean = upright(_laid_on(neutral, neutral.mean(0)).mean(0))
    neutral = _laid_on(neutral, mean)
    mirror, flip = mirror_of(mean), np.array([-1.0, 1, 1])
    both = np.concatenate([neutral, neutral[:, mirror] * flip])
    mean = both.mean(0)
    _, deviations, directions = np.linalg.svd((both - mean).reshape(len(both), -1), full_matrices=False)
    count = min(most, len(neutral) - 1)
    identity = directions[:count] * (deviations[:count, None] / np.sqrt(len(both)))
    modes = _without_pose((modes + modes[_OTHER_SIDE][:, mirror] * flip) / 2, mean)
    return Shapes(_shut(mean, modes[SCORES.index("jawOpen")]), identity.reshape(count, COUNT, 3), modes)


def _shut(mean: np.ndarray, jaw: np.ndarray) -> np.ndarray:
    """The mean face with the jaw moved to where the lips just meet in the middle."""
    gap, opens = (shape[LIP_UPPER_INNER, 1] - shape[LIP_LOWER_INNER, 1] for shape in (mean, jaw))
    return mean - jaw * (gap / opens) if opens > 1 else mean


def _without_pose(modes: np.ndarray, mean: np.ndarray) -> np.ndarray:
    """Modes (E, 468, 3) less the turn, shift and growth of the head that their still points show."""
    x, y, z = mean.T
    one, nil = np.ones(COUNT), np.zeros(COUNT)
    motions = np.array([
        [one, nil, nil], [nil, one, nil], [nil, nil, one],
        [nil, -z, y], [z, nil, -x], [-y, x, nil], [x, y, z],
    ]).transpose(0, 2, 1)  # fmt: skip
    still = list(STILL)
    basis = motions[:, still].reshape(7, -1)
    amount = np.linalg.lstsq(basis.T, modes[:, still].reshape(len(modes), -1).T, rcond=None)[0]
    return modes - np.tensordot(amount.T, motions, 1)


# --- rounds, from the stored 2D landmarks ---


def refine(shapes: Shapes, frames: GatheredFrames, config: FaceModelConfig) -> tuple[Shapes, float]:
    """A face that explains the landmarks better, and the mean error in pixels of the one before."""
    model = MorphableModel(finished(shapes.mean, shapes.identity, shapes.expression, SCORES))
    # The frames lie apart: nothing is smoothed over time.
    fitting = FittingConfig(pose_sigma=0, smooth=1e3)
    expression, pose = np.zeros((len(frames.clip), len(SCORES))), np.zeros((len(frames.clip), 6))
    identity = np.zeros((len(frames.clip), model.identity_size))
    error, holds = np.zeros(len(frames.clip)), np.zeros(len(frames.clip), bool)
    for clip in np.unique(frames.clip):
        rows = np.flatnonzero(frames.clip == clip)
        scores = np.concatenate([np.zeros((len(rows), 1)), frames.scores[rows]], 1)
        fit = fit_clip(model, frames.points[rows], STORED, scores, MARGIN, fitting)
        expression[rows], pose[rows], identity[rows] = fit.expression, fit.pose, fit.identity
        error[rows], holds[rows] = fit.error, fit.valid
    valid = np.flatnonzero(holds)
    person = frames.person[valid]
    own = np.stack([
        identity[valid][person == number].mean(0) if (person == number).any() else np.zeros(identity.shape[1])
        for number in range(frames.person.max() + 1)
    ])  # fmt: skip
    neutral = shapes.mean + np.tensordot(own, shapes.identity, 1)  # (P, 468, 3)
    equations = Equations.of(frames.take(valid), pose[valid])
    modes = shapes.expression
    for _ in range(2):
        neutral = equations.solve_people(person, neutral, modes, expression[valid], config.near)
        modes = equations.solve_modes(person, neutral, modes, expression[valid], config.mode_near)
    present = np.unique(person)
    return _with_people(neutral[present], modes, config.identity), float(error[valid].mean())


@dataclass(frozen=True)
class Equations:
    """Equations of the landmarks for the shape (x, y, z) in each frame: ``normal @ shape = right``.

    A point on the ray through a measured landmark obeys two linear equations; over its depth they are
    residuals in focal lengths. ``normal`` and ``right`` are theirs by least squares, of one pixel's noise.
    """

    normal: np.ndarray  # (N, 468, 3, 3) float32
    right: np.ndarray  # (N, 468, 3) float32

    @classmethod
    def of(cls, frames: GatheredFrames, pose: np.ndarray) -> Equations:
        measured = (frames.points[:, :COUNT] - (STORED - 1) / 2) / _FOCAL  # (N, 468, 2)
        turn = AXES[:, None] * rotations(pose[:, :3])  # (N, 3, 3)
        shift = pose[:, 3:]
        depth = shift[:, None, 2:]
        rows = (turn[:, None, :2] - measured[..., None] * turn[:, None, 2:]) / depth[..., None]
        values = (measured * shift[:, None, 2:] - shift[:, None, :2]) / depth
        scale = (frames.weight[:, None, None] * _FOCAL**2).astype(np.float32)
        rows, values = rows.astype(np.float32), values.astype(np.float32)
        normal = np.einsum("nlij,nlik->nljk", rows, rows) * scale[..., None]
        return cls(normal, np.einsum("nlij,nli->nlj", rows, values) * scale)

    def solve_people(
        self, person: np.ndarray, neutral: np.ndarray, modes: np.ndarray, scores: np.ndarray, near: float
    ) -> np.ndarray:
        """(P, 468, 3) neutral shapes, each point drawn to where it was, by ``near`` mm a pixel."""
        moved = np.tensordot(scores, modes, 1).astype(np.float32)
        solved = neutral.copy()
        for number in np.unique(person):
            rows = person == number
            left = self.right[rows] - np.einsum("nljk,nlk->nlj", self.normal[rows], moved[rows])
            drawn = np.eye(3) / near**2
            normal = self.normal[rows].sum(0) + drawn
            right = left.sum(0) + neutral[number] / near**2
            solved[number] = np.linalg.solve(normal.astype(np.float64), right[..., None])[..., 0]
        return solved

    def solve_modes(
        self, person: np.ndarray, neutral: np.ndarray, modes: np.ndarray, scores: np.ndarray, near: float
    ) -> np.ndarray:
        """(E, 468, 3) modes, drawn to those before."""
        count, weights = len(modes), scores.astype(np.float32)
        known = neutral[person].astype(np.float32)
        left = self.right - np.einsum("nljk,nlk->nlj", self.normal, known)
        right = (weights.T @ left.reshape(len(left), -1)).reshape(count, COUNT, 3)
        pairs = np.einsum("ne,nf->nef", weights, weights).reshape(len(weights), -1)
        normal = (pairs.T @ self.normal.reshape(len(left), -1)).reshape(count, count, COUNT, 3, 3)
        solved = np.empty_like(modes)
        drawn = np.eye(count * 3) / near**2
        for point in range(COUNT):
            whole = normal[:, :, point].transpose(0, 2, 1, 3).reshape(count * 3, -1).astype(np.float64)
            wanted = right[:, point].reshape(-1) + modes[:, point].reshape(-1) / near**2
            solved[:, point] = np.linalg.solve(whole + drawn, wanted).reshape(count, 3)
        return solved
