"""Pose, identity and expression of a 3D face from landmarks and blendshape scores, by least squares.

Alternating damped Gauss-Newton steps. First one identity, on frames from the whole clip; then, for every
frame, its pose, on the landmarks that expressions hardly move, and its bounded expression, drawn to the
landmarker's blendshape scores where the landmarks leave it open, and to its neighbours in time. All steps
work on all frames at once.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from lipsync.faces.model3d.blendshapes import scores_by_name
from lipsync.faces.model3d.camera import FOCAL
from lipsync.faces.model3d.fit import Fit
from lipsync.faces.model3d.heads import AXES, Heads, rotations, smooth_poses, turns_of
from lipsync.faces.model3d.least_squares import bounded, robust, solve_steps
from lipsync.faces.model3d.morphable import MorphableModel
from lipsync.faces.tracking.landmarks import LIP_LOWER_INNER, LIP_UPPER_INNER, LIPS_INNER, LIPS_OUTER

# Points of the inner contour of the lips that lie above each other: their distance is the gap.
GAPS = ((LIP_UPPER_INNER, LIP_LOWER_INNER), (82, 87), (312, 317), (81, 178), (311, 402))
_JUMP = 0.15  # sides of the face crop that landmarks may move between two frames of one run
_MEMORY = 8  # frames of the batch before with which poses are smoothed


@dataclass(frozen=True)
class FittingConfig:
    """Weights of the least squares. Lengths in pixels are those of a crop 160 pixels wide around a face."""

    noise: float = 1.0  # pixels, of a landmark
    lips: float = 2.0  # times the noise's inverse variance, for landmarks of the lips
    gap: float = 16.0  # the same, for the distances of GAPS
    still: float = 1.5  # mm: landmarks that expressions move by more count less for the pose
    prior: float = 0.5  # deviation of an expression coefficient from its score, in its own deviations
    smooth: float = 0.5  # the same, from the mean of the frames before and after
    identity: float = 0.7  # weight of the prior on identity coefficients
    frames: int = 48  # spread over the clip, on which the identity is estimated
    identity_rounds: int = 6  # of alternation with it
    rounds: int = 3  # of alternation between poses and expressions after that
    pose_sigma: float = 1.0  # frames, of the Gaussian that smooths poses over time
    widest: float = 50.0  # degrees a head may be turned or nod
    worst: float = 0.022  # mean landmark error, in sides of the face crop, up to which a fit holds


class Fitter:
    """Fits the frames of one job as they come, batch by batch.

    The identity is estimated on the first batch that has faces, and kept. Poses and expressions are
    smoothed over the frames of a batch and the few before it, but not across a cut or a gap.

    Args:
        size: side of the pictures in which landmarks are measured, pixels.
        margin: how many times the square that a network sees the pictures show.
        identity: (I,) that is known already.
    """

    def __init__(
        self,
        model: MorphableModel,
        size: int,
        margin: float = 1.0,
        config: FittingConfig | None = None,
        identity: np.ndarray | None = None,
    ) -> None:
        self._model = model
        self._config = config or FittingConfig()
        self._size = size
        self._face = size / margin  # pixels, side of the square that a network sees
        self._focal = FOCAL * self._face
        self._identity = None if identity is None else np.asarray(identity, np.float64)
        self._past: Heads | None = None  # the last frames of the batch before, poses not smoothed
        self._last: np.ndarray | None = None  # the landmarks of the very last one
        self._scores = scores_by_name(model.expression_names)
        self._points = model.mediapipe_indices.cpu().numpy()
        self._mean = model.landmark_mean.cpu().numpy().astype(np.float64)
        self._identity_basis = model.landmark_identity_basis.cpu().numpy().astype(np.float64)
        self._expression_basis = model.landmark_expression_basis.cpu().numpy().astype(np.float64)
        self._people = model.identity_deviation.cpu().numpy().astype(np.float64)
        self._deviations = model.expression_deviation.cpu().numpy().astype(np.float64)
        self._prepare_weights()

    @property
    def identity(self) -> np.ndarray | None:
        """(I,) float32, once it is known."""
        return None if self._identity is None else self._identity.astype(np.float32)

    def fit(self, landmarks: np.ndarray, blendshapes: np.ndarray | None = None) -> Fit:
        """The fit of a batch of frames that follow those of the batch before.

        Args:
            landmarks: (T, 478, 2) pixels; NaN where there is no face.
            blendshapes: (T, 52) scores; NaN where there are none. Without them a coefficient is drawn
                to 0.

        Raises:
            ValueError: the shapes do not fit.
        """
        if landmarks.ndim != 3 or landmarks.shape[1] < 468 or landmarks.shape[2] != 2:
            raise ValueError(f"landmarks must be (T, 478, 2), not {landmarks.shape}")
        if blendshapes is not None and blendshapes.shape != (len(landmarks), 52):
            raise ValueError(f"blendshapes must be ({len(landmarks)}, 52), not {blendshapes.shape}")
        measured = (landmarks[:, self._points].astype(np.float64) - (self._size - 1) / 2) / self._focal
        detected = np.asarray(np.isfinite(measured).all((1, 2)))
        if not detected.any():
            self._past = self._last = None
            return self._nothing(len(landmarks))
        prior = self._prior(blendshapes, len(landmarks))[detected]
        found = measured[detected]
        state = Heads.start(found, prior, self._mean.reshape(-1, 3), self._begins(found, detected))
        self._solve(state, found, prior)
        self._remember(state, found)
        if not detected[-1]:
            self._past = self._last = None
        return self._result(state, found, detected)

    # --- the alternation ---

    def _solve(self, state: Heads, measured: np.ndarray, prior: np.ndarray) -> None:
        """Move ``state`` to the fit, with the identity found first where it is not known."""
        config = self._config
        if self._identity is None:
            spread = np.unique(np.linspace(0, len(measured) - 1, config.frames).round().astype(int))
            found = self._find_identity(state.take(spread), measured[spread], prior[spread])
            # Rounded as it is given out: a fitter that is handed it computes the same.
            self._identity = found.astype(np.float32).astype(np.float64)
        for number in range(config.rounds):
            for _ in range(10 if number == 0 else 2):
                self._step_pose(state, self._identity, measured)
            self._step_expression(state, self._identity, measured, prior, near=True)
        self._smooth_pose(state)
        self._step_expression(state, self._identity, measured, prior, near=True)

    def _find_identity(self, state: Heads, measured: np.ndarray, prior: np.ndarray) -> np.ndarray:
        """(I,) from frames that lie apart in time."""
        identity = np.zeros(len(self._identity_basis))
        for number in range(self._config.identity_rounds):
            for _ in range(10 if number == 0 else 2):
                self._step_pose(state, identity, measured)
            identity = self._step_identity(state, identity, measured)
            self._step_expression(state, identity, measured, prior, near=False)
        return identity

    def _step_pose(self, state: Heads, identity: np.ndarray, measured: np.ndarray) -> None:
        """One damped Gauss-Newton step of every pose, for a turn applied last and a shift."""
        turned, residual, slopes = self._look(state, identity, measured)
        count, points = residual.shape[:2]
        # d(turn × p) / d(turn), in the camera's axes.
        x, y, z = np.moveaxis(turned, -1, 0)
        zero = np.zeros_like(x)
        turns = np.stack([zero, z, -y, -z, zero, x, y, -x, zero], -1).reshape(count, points, 3, 3)
        jacobian = np.concatenate([slopes @ (AXES[:, None] * turns), slopes], -1)  # (T, L, 2, 6)
        weights = np.repeat(self._pose_weights * robust(residual, self._noise), 2, -1).reshape(count, -1)
        step = solve_steps(
            jacobian.reshape(count, -1, 6), residual.reshape(count, -1), weights, np.full(6, 1e-9)
        )
        # A step of more than half a radian would leave the region where the slopes hold.
        size = np.linalg.norm(step[:, :3], axis=1, keepdims=True)
        step[:, :3] *= np.minimum(1, 0.5 / np.maximum(size, 1e-12))
        state.rotation = rotations(step[:, :3]) @ state.rotation
        state.shift = state.shift + step[:, 3:]
        state.shift[:, 2] = np.maximum(state.shift[:, 2], 200.0)  # mm; never behind the camera

    def _step_identity(self, state: Heads, identity: np.ndarray, measured: np.ndarray) -> np.ndarray:
        """(I,) that suits the frames best, drawn to the mean face."""
        _, residual, slopes = self._look(state, identity, measured)
        count = len(residual)
        jacobian = self._slopes_of(state, slopes, self._identity_basis)  # (T, 2L, I)
        weights = np.repeat(robust(residual, self._noise) * self._weights, 2, -1).reshape(count, -1)
        # Frames of one clip err alike: their mean counts as one measurement, not as many.
        weights /= self._noise**2 * count
        weighted = (jacobian * weights[..., None]).reshape(-1, len(identity))
        normal = weighted.T @ jacobian.reshape(-1, len(identity))
        right = weighted.T @ residual.reshape(-1) + normal @ identity
        return np.linalg.solve(normal + np.diag(self._config.identity / self._people**2), right)

    def _step_expression(
        self, state: Heads, identity: np.ndarray, measured: np.ndarray, prior: np.ndarray, near: bool
    ) -> None:
        """The expression of every frame within its bounds, given poses and identity.

        Args:
            near: whether the frames follow each other, so that each is drawn to its neighbours.
        """
        config = self._config
        _, residual, slopes = self._look(state, identity, measured)
        count = len(residual)
        jacobian = self._slopes_of(state, slopes, self._expression_basis)
        weights = np.repeat(robust(residual, self._noise) * self._weights, 2, -1).reshape(count, -1)
        flat = residual.reshape(count, -1)
        if len(self._gaps):
            upper, lower = self._gaps[:, 0] * 2 + 1, self._gaps[:, 1] * 2 + 1
            jacobian = np.concatenate([jacobian, jacobian[:, upper] - jacobian[:, lower]], 1)
            flat = np.concatenate([flat, flat[:, upper] - flat[:, lower]], 1)
            weights = np.concatenate([weights, np.full((count, len(upper)), config.gap)], 1)
        weighted = jacobian * (weights / self._noise**2)[..., None]
        normal = weighted.transpose(0, 2, 1) @ jacobian  # (T, E, E)
        right = np.einsum("tne,tn->te", weighted, flat) + np.einsum("tef,tf->te", normal, state.expression)
        drawn = 1 / (config.prior * self._deviations) ** 2
        right += drawn * prior
        if near:
            smooth = 1 / (config.smooth * self._deviations) ** 2
            right += smooth * self._neighbours(state)
            drawn = drawn + smooth
        normal[:, np.arange(len(drawn)), np.arange(len(drawn))] += drawn
        state.expression = bounded(normal, right, state.expression, self._model.expression_bounds)

    # --- its parts ---

    def _prepare_weights(self) -> None:
        config = self._config
        self._noise = config.noise * self._face / 128 / self._focal  # of a landmark, in focal lengths
        lips = np.isin(self._points, LIPS_OUTER + LIPS_INNER)
        self._weights = np.where(lips, config.lips, 1.0)
        displacements = (
            self._expression_basis.reshape(len(self._deviations), -1, 3) * self._deviations[:, None, None]
        )
        moved = np.linalg.norm(displacements, axis=-1)
        self._pose_weights = 1 / (1 + (np.sqrt((moved**2).sum(0)) / config.still) ** 2)
        place = {int(point): at for at, point in enumerate(self._points)}
        pairs = [(place[a], place[b]) for a, b in GAPS if a in place and b in place]
        self._gaps = np.array(pairs, int).reshape(-1, 2)

    def _prior(self, blendshapes: np.ndarray | None, count: int) -> np.ndarray:
        """(T, E)"""
        if blendshapes is None or self._scores is None:
            return np.zeros((count, len(self._deviations)))
        return np.nan_to_num(blendshapes[:, self._scores].astype(np.float64))

    def _look(
        self, state: Heads, identity: np.ndarray, measured: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Turned points (T, L, 3), residuals (T, L, 2) and slopes (T, L, 2, 3) of the projection."""
        flat = self._mean + identity @ self._identity_basis + state.expression @ self._expression_basis
        turned = flat.reshape(len(flat), -1, 3) @ state.rotation.transpose(0, 2, 1)
        placed = turned * AXES + state.shift[:, None]
        depth = np.maximum(placed[..., 2], 1.0)
        projected = placed[..., :2] / depth[..., None]
        slopes = np.zeros((*depth.shape, 2, 3))
        slopes[..., 0, 0] = slopes[..., 1, 1] = 1 / depth
        slopes[..., 2] = -projected / depth[..., None]
        return turned, measured - projected, slopes

    def _slopes_of(self, state: Heads, slopes: np.ndarray, basis: np.ndarray) -> np.ndarray:
        """(T, 2L, K) change of the projected landmarks with the coefficients of ``basis`` (K, 3L)."""
        turn = slopes @ (AXES[:, None] * state.rotation)[:, None]  # (T, L, 2, 3)
        directions = basis.reshape(len(basis), -1, 3).transpose(1, 2, 0)  # (L, 3, K)
        return (turn @ directions).reshape(len(turn), -1, len(basis))

    def _neighbours(self, state: Heads) -> np.ndarray:
        """(T, E) mean of the expressions before and after each frame; its own where there is none."""
        now = state.expression
        before, after = np.concatenate([now[:1], now[:-1]]), np.concatenate([now[1:], now[-1:]])
        if self._past is not None:
            before[0] = self._past.expression[-1]
        before[state.begins] = now[state.begins]
        last = np.append(state.begins[1:], True)
        after[last] = now[last]
        return (before + after) / 2

    def _smooth_pose(self, state: Heads) -> None:
        """Gaussian over the time of each unbroken run, of the turn from its first pose and of the shift."""
        self._raw = state.take(slice(-_MEMORY, None))
        smooth_poses(state, self._past, self._config.pose_sigma)

    def _remember(self, state: Heads, measured: np.ndarray) -> None:
        """Keep of this batch what the next one is smoothed with: the last unbroken run, poses unsmoothed."""
        begins = np.flatnonzero(self._raw.begins)
        run = slice(begins[-1] if len(begins) else 0, None)
        self._raw.expression = state.expression[-len(self._raw.shift) :]
        self._past, self._last = self._raw.take(run), measured[-1]

    def _begins(self, measured: np.ndarray, detected: np.ndarray) -> np.ndarray:
        """(T,) bool, of the frames with a face: no face just before, or one that is elsewhere."""
        frames = np.flatnonzero(detected)
        before = np.concatenate([measured[:1] if self._last is None else self._last[None], measured[:-1]])
        jump = np.linalg.norm(measured - before, axis=-1).mean(1) * self._focal / self._face > _JUMP
        gap = np.diff(frames, prepend=-1) > 1
        begins = jump | gap
        begins[0] |= self._past is None
        return begins

    def _result(self, state: Heads, measured: np.ndarray, detected: np.ndarray) -> Fit:
        config = self._config
        assert self._identity is not None
        _, residual, _ = self._look(state, self._identity, measured)
        error = np.linalg.norm(residual, axis=-1).mean(1) * self._focal
        # The way the face looks against the way to the camera.
        cosine = np.clip(state.rotation[:, 2, 2], -1, 1)
        holds = (np.degrees(np.arccos(cosine)) <= config.widest) & (error <= config.worst * self._face)
        pose = np.concatenate([turns_of(state.rotation), state.shift], 1)
        nearest = _nearest(detected)
        errors = np.full(len(detected), np.nan, np.float32)
        errors[detected] = error
        valid = detected.copy()
        valid[detected] = holds
        return Fit(
            self._identity.astype(np.float32),
            state.expression[nearest].astype(np.float32),
            pose[nearest].astype(np.float32),
            errors,
            valid,
            self._size,
            float(self._focal),
            model_name(self._model),
        )

    def _nothing(self, count: int) -> Fit:
        """The fit of frames of which none shows a face."""
        pose = np.zeros((count, 6), np.float32)
        pose[:, 5] = 1000.0
        identity = self._identity if self._identity is not None else np.zeros(len(self._identity_basis))
        return Fit(
            identity.astype(np.float32),
            np.zeros((count, len(self._deviations)), np.float32),
            pose,
            np.full(count, np.nan, np.float32),
            np.zeros(count, bool),
            self._size,
            float(self._focal),
            model_name(self._model),
        )


def model_name(model: MorphableModel) -> str:
    """The back end and the start of its file's hash: coefficients of two models cannot be compared."""
    return f"{model.name} {model.sha256[:8]}"


def fit_clip(
    model: MorphableModel,
    landmarks: np.ndarray,
    size: int,
    blendshapes: np.ndarray | None = None,
    margin: float = 1.0,
    config: FittingConfig | None = None,
) -> Fit:
    """The fit of a whole clip: as :meth:`Fitter.fit`, with the identity from frames of all of it."""
    return Fitter(model, size, margin, config).fit(landmarks, blendshapes)


def _nearest(detected: np.ndarray) -> np.ndarray:
    """(T,) for every frame the rank, among those seen, of the seen one nearest to it."""
    at = np.flatnonzero(detected)
    frames = np.arange(len(detected))
    after = np.searchsorted(at, frames).clip(0, len(at) - 1)
    before = (after - 1).clip(0)
    return np.where(np.abs(at[before] - frames) <= np.abs(at[after] - frames), before, after)
