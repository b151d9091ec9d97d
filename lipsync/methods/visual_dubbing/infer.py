"""How visual dubbing speaks inside the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import torch
from torch import Tensor

from lipsync.audio.encoders import load_encoder
from lipsync.audio.features import features, frame_windows
from lipsync.audio.mel import RATE
from lipsync.audio.selector import select
from lipsync.faces.model3d.camera import rotation
from lipsync.faces.model3d.fit import Fit
from lipsync.faces.model3d.fitting import Fitter
from lipsync.faces.model3d.load import load_morphable
from lipsync.faces.model3d.morphable import MorphableModel
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.methods.base import Batch, LipSyncMethod, MethodCard
from lipsync.methods.visual_dubbing.config import ExpressionConfig
from lipsync.methods.visual_dubbing.model import VisualDubbing
from lipsync.methods.visual_dubbing.renderer.inpaint import around
from lipsync.methods.visual_dubbing.renderer_input import Posed, Scene
from lipsync.methods.visual_dubbing.semantic import SemanticImages
from lipsync.nn.device import default_device, supports_bfloat16
from lipsync.nn.threads import on_threads

RATE_FRAMES = 25.0  # frames per second at which expressions are predicted, as in training
STRETCH = 50  # frames of them at a time: 2 s
NEAR, FAR = 10.0, 18.0  # degrees between heads: a reference within the first is fine, beyond the second not
FADE = 0.24  # seconds in which one reference gives way to the next
CLOSED = 1 / 8  # of the frames that are known at the start, those with the most closed lips
AROUND = 25  # frames before and after a stretch that the Bi-LSTM takes with it
AT_ONCE = 4  # frames that a processor's thread draws at once, 12 MB each: the same pixels as of more


@dataclass(frozen=True)
class EncodedSpeech:
    """Speech as both networks of stage 1 take it."""

    # Of each network of stage 1: (rows, L) at 80 Hz, or (L, D) of a pre-trained encoder.
    features: list[np.ndarray]
    semantic: Any  # speech encoded for the Wav2Lip core; None without semantic images
    frames: int  # at 25 per second


@dataclass(frozen=True)
class DrivenPerson:
    """Who speaks: the frames whose skin may be moved, widest mouth first, and how the mouth rests."""

    pictures: Tensor  # (R, 3, S, S) in 0..1
    expression: Tensor  # (R, E)
    pose: Tensor  # (R, 6)
    turned: np.ndarray  # (R, 3, 3) rotations of the heads
    still: np.ndarray  # (S, S, 3) uint8, the face of the semantic images
    rest: np.ndarray  # (E,) median expression, which speech is relative to
    closed: np.ndarray  # (E,) that of the most closed lips, in which the mouth rests when nobody speaks


class VisualDubbingMethod(LipSyncMethod):
    """The method around a core of visual dubbing.

    Expressions are predicted at 25 frames a second in stretches of two seconds and interpolated, so any
    frame rate will do. A frame that cannot be fitted is given back as it came.

    Raises:
        ArtefactError: the 3D face model or the Wav2Lip core is unavailable.
    """

    blendshapes = supports_mouth_opening = True
    references = 5

    def __init__(
        self,
        card: MethodCard,
        net: VisualDubbing,
        weights_sha256: str,
        device: torch.device | None = None,
        morphable: MorphableModel | None = None,
    ):
        self.card, self.weights_sha256 = card, weights_sha256
        self.config = net.config
        self.crop_size = net.config.renderer.size
        self.device = device or default_device()
        self.net = net.eval().requires_grad_(False).to(self.device)
        self.net.renderer.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.scene = Scene((morphable or load_morphable(net.config.morphable or None)).to(self.device))
        self.semantic: SemanticImages | None = None
        if net.config.expression.semantic_images:
            self.semantic = SemanticImages(mouth_only=net.config.expression.mouth_only)
        names = {part.config.encoder for part in net.stage1} - {""}
        self.encoders = {name: load_encoder(name) for name in names}
        self.fitter = Fitter(self.scene.model, self.crop_size)
        self.person: DrivenPerson | None = None
        self.passthrough_frames = 0
        self._reference = 0  # the one that served the last frame
        self._resting: int | None = None  # the same, of a mouth that rests
        self._shown: int | None = None  # the same, for the fading
        self._left, self._changed = 0, -np.inf  # the one before it, and when it was left, seconds
        self._predicted: dict[int, np.ndarray] = {}  # expressions by stretch
        self.half = supports_bfloat16(self.device)

    def for_job(self) -> Self:
        """The same networks, and a fitter that knows nobody."""
        other = super().for_job()
        other.fitter = Fitter(self.scene.model, self.crop_size)
        return other

    def encode_audio(self, samples: np.ndarray) -> EncodedSpeech:
        """Speech features of (N,) mono 16 kHz samples."""
        found: dict[object, np.ndarray] = {
            name: encoder.encode(samples) for name, encoder in self.encoders.items()
        }
        for part in self.net.stage1:
            if not part.config.encoder and part.config.audio not in found:
                found[part.config.audio] = features(samples, part.config.audio)
        return EncodedSpeech(
            [found[part.config.encoder or part.config.audio] for part in self.net.stage1],
            self.semantic.encode_audio(samples) if self.semantic is not None else None,
            1 + int(np.ceil(len(samples) / RATE * RATE_FRAMES)),
        )

    @torch.inference_mode()
    def synthesize(self, batch: Batch) -> np.ndarray:
        """(B, S, S, 3) uint8 faces that speak; frames without a fitted face as they came."""
        drawn = batch.faces.copy()
        known = np.array([], int)
        if batch.landmarks is not None and batch.reference_landmarks is not None:
            fit = self.fitter.fit(batch.landmarks, batch.blendshapes)
            if self.person is None:
                self.person = self._meet(batch, fit)
            if self.person is not None:
                known = np.flatnonzero(fit.valid)
        self.passthrough_frames += len(drawn) - len(known)  # five points place a mouth, but no 3D face
        if self.person is None or not len(known):
            return drawn
        active = np.ones(len(known)) if batch.activity is None else batch.activity[known]
        predicted = self._opened(self._expressions(batch, self.person)[known], batch.mouth_opening)
        predicted = active[:, None] * predicted + (1 - active[:, None]) * self.person.closed
        expression = self._with_speech(fit.expression[known], predicted)
        turned = self._angles(self.person, self._tensor(fit.pose[known]))
        chosen, resting = self._choose(turned), self._choose_resting(turned)
        before, share = self._fade(chosen, batch.times[known])
        # Lips that rest show nothing of the mouth's inside: then the most closed one is the better reference.
        before, share = np.where(active < 1, resting, before), np.where(active < 1, 1 - active, share)
        chosen, share = np.where(active > 0, chosen, resting), np.where(active > 0, share, 0)
        whole = _pictures(batch.faces[known], self.device)
        faces = self._draw(whole, fit, known, expression, chosen)
        fading = np.flatnonzero(share)
        if len(fading):
            old = self._draw(whole[fading], fit, known[fading], expression[fading], before[fading])
            part = self._tensor(share[fading])[:, None, None, None]
            faces[fading] = part * old + (1 - part) * faces[fading]
        drawn[known] = (faces.clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).cpu().numpy()
        return drawn

    def _draw(
        self, whole: Tensor, fit: Fit, at: np.ndarray, expression: np.ndarray, chosen: np.ndarray
    ) -> Tensor:
        """(N, 3, S, S) faces ``whole`` with an expression (N, E) and the skin of the references ``chosen``.

        Args:
            at: (N,) which frames of ``fit`` they are.
        """
        size = AT_ONCE if self.device.type == "cpu" else len(whole)
        parts = [slice(first, first + size) for first in range(0, len(whole), size)]
        return torch.cat(
            on_threads(lambda k: self._draw_some(whole[k], fit, at[k], expression[k], chosen[k]), parts)
        )

    @torch.inference_mode()
    def _draw_some(
        self, whole: Tensor, fit: Fit, at: np.ndarray, expression: np.ndarray, chosen: np.ndarray
    ) -> Tensor:
        """The same of a few frames, all at once."""
        assert self.person is not None
        chosen = self._beside(chosen)
        camera = fit.camera.to(self.device)
        view = self.scene.view(
            whole,
            self.person.pictures[chosen],
            self._tensor(fit.identity)[None],
            Posed(self._tensor(expression), self._tensor(fit.pose[at]), camera),
            Posed(self.person.expression[chosen], self.person.pose[chosen], camera),
            self.config.renderer.guide,
        )
        with torch.autocast(self.device.type, torch.bfloat16, enabled=self.half):
            faces = self.net.renderer(view).face.float()
        # Whatever the network thinks of it, what lies beside the lower face keeps its pixels.
        near = around(view.hole)
        return near * faces + (1 - near) * whole

    def _beside(self, chosen: np.ndarray) -> np.ndarray:
        """(N R,) for each reference ``chosen`` (N,) itself and those that follow it, R in all."""
        assert self.person is not None
        places = chosen[:, None] + np.arange(self.config.renderer.references)
        return (places % len(self.person.pictures)).reshape(-1)

    def _meet(self, batch: Batch, fit: Fit) -> DrivenPerson | None:
        """The references that can be fitted, and how the mouth rests at the start; None without any."""
        assert batch.reference_landmarks is not None
        if self.fitter.identity is None:
            return None
        # One by one: they are no frames in a row, which a fitter smooths.
        fits = [
            Fitter(self.scene.model, self.crop_size, identity=self.fitter.identity).fit(landmarks[None])
            for landmarks in batch.reference_landmarks
        ]
        order = np.argsort(-mouth_opening(batch.reference_landmarks), kind="stable")
        usable = [int(i) for i in order if fits[i].valid[0]]
        if not usable:
            return None
        pose = self._tensor(np.concatenate([fits[i].pose for i in usable]))
        valid = fit.valid if fit.valid.any() else np.ones_like(fit.valid)
        frames = fit.expression[valid]
        theirs = np.concatenate([fits[i].expression for i in usable])
        assert batch.landmarks is not None
        openings = mouth_opening(np.concatenate([batch.landmarks[valid], batch.reference_landmarks[usable]]))
        return DrivenPerson(
            _pictures(batch.references[usable], self.device),
            self._tensor(theirs),
            pose,
            rotation(pose[:, :3]).cpu().numpy(),
            batch.references[int(order[len(order) // 2])],
            # The first frames come with scores; the references show how far the mouth opens anywhere.
            (np.median(frames, axis=0) + np.median(theirs, axis=0)) / 2,
            closed_expression(np.concatenate([frames, theirs]), openings),
        )

    def _angles(self, person: DrivenPerson, pose: Tensor) -> np.ndarray:
        """(N, R) degrees between the heads of N frames, with poses (N, 6), and those of the references."""
        heads = rotation(pose[:, :3]).cpu().numpy()
        cosine = (np.einsum("rij,nij->nr", person.turned, heads) - 1) / 2
        return np.degrees(np.arccos(np.clip(cosine, -1, 1)))

    def _choose(self, angles: np.ndarray) -> np.ndarray:
        """(N,) the reference of each frame: the widest mouth, which shows most of its inside, on a head that
        is turned alike. The one that served the frame before is kept as long as it will do."""
        chosen = []
        for angle in angles:
            if _too_far(angle, self._reference):
                self._reference = int(_near(angle)[0])
            chosen.append(self._reference)
        return np.array(chosen)

    def _choose_resting(self, angles: np.ndarray) -> np.ndarray:
        """(N,) as above, the most closed mouth."""
        chosen = []
        for angle in angles:
            if self._resting is None or _too_far(angle, self._resting):
                self._resting = int(_near(angle)[-1])
            chosen.append(self._resting)
        return np.array(chosen)

    def _fade(self, chosen: np.ndarray, times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(N,) the reference before the one of each frame, and (N,) its share, which falls to 0 in ``FADE``.

        No two references show quite the same light and teeth: a sudden change would be seen.
        """
        before, share = [], []
        for reference, time in zip(chosen, times, strict=True):
            if self._shown is not None and reference != self._shown:
                self._left, self._changed = self._shown, time
            self._shown = int(reference)
            before.append(self._left)
            share.append(max(0.0, 1 - (time - self._changed + 1 / RATE_FRAMES) / FADE))
        return np.array(before, int), np.array(share)

    def _expressions(self, batch: Batch, person: DrivenPerson) -> np.ndarray:
        """(B, E) predictions of stage 1 for the frames, between its own 25 frames a second."""
        at = batch.times * RATE_FRAMES
        low = np.clip(np.floor(at).astype(int), 0, batch.speech.frames - 1)
        high = np.minimum(low + 1, batch.speech.frames - 1)
        part = np.clip(at - low, 0, 1)[:, None]
        wanted = sorted({int(i) // STRETCH for i in (*low, *high)})
        self._predicted = {
            n: self._predicted[n] if n in self._predicted else self._stretch(n, batch.speech, person)
            for n in wanted
        }
        before, after = (
            np.stack([self._predicted[i // STRETCH][i % STRETCH] for i in x]) for x in (low, high)
        )
        return before * (1 - part) + after * part

    def _stretch(self, number: int, speech: EncodedSpeech, person: DrivenPerson) -> np.ndarray:
        """(STRETCH, E) expressions of one stretch of the speech, predicted with its context."""
        first = max(0, number * STRETCH - AROUND)
        last = min(speech.frames, (number + 1) * STRETCH + AROUND)
        times = np.arange(first, last) / RATE_FRAMES
        pictures = None
        if self.semantic is not None:
            drawn = self.semantic.draw(person.still, speech.semantic, times)
            pictures = _pictures(drawn, self.device)[None]
        parts = [
            net(self._tensor(_windows(vectors, times, net.config))[None], pictures if net.picture else None)
            for net, vectors in zip(self.net.stage1, speech.features, strict=True)
        ]
        mean = torch.stack(parts).float().mean(0)
        predicted = self.net.expression.settle(mean, self._tensor(person.rest))[0].cpu().numpy()
        predicted = predicted[number * STRETCH - first :][:STRETCH]
        return np.pad(predicted, ((0, STRETCH - len(predicted)), (0, 0)), mode="edge")

    def _opened(self, predicted: np.ndarray, opening: float) -> np.ndarray:
        """(B, E) with the jaw's coefficients scaled."""
        out = predicted.copy()
        low, high = self.scene.model.expression_bounds
        out[:, self.scene.jaw] = np.clip(out[:, self.scene.jaw] * opening, low, high)
        return out

    def _with_speech(self, own: np.ndarray, predicted: np.ndarray) -> np.ndarray:
        """(B, E): the frames' own expressions with what speech drives."""
        speech_driven = self.scene.speech_driven.cpu().numpy()
        out = own.copy()
        out[:, speech_driven] = predicted[:, speech_driven]
        return out

    def _tensor(self, values: np.ndarray) -> Tensor:
        return torch.as_tensor(values, dtype=torch.float32, device=self.device)


def closed_expression(expressions: np.ndarray, openings: np.ndarray) -> np.ndarray:
    """(E,) mean of the (K, E) expressions whose mouth openings (K,) are smallest: a ``CLOSED`` share."""
    return expressions[np.argsort(openings, kind="stable")[: max(1, round(CLOSED * len(openings)))]].mean(0)


def _windows(vectors: np.ndarray, times: np.ndarray, config: ExpressionConfig) -> np.ndarray:
    """What a network of stage 1 takes of ``times`` (T,), s, from the features of the whole speech."""
    if config.encoder:
        return select(vectors, config.encoder_rate, times, config.encoder_count)
    return frame_windows(vectors, times, config.audio)


def _too_far(angle: np.ndarray, reference: int) -> bool:
    """Whether a head that is turned by (R,) degrees against the references asks for another one."""
    return bool(angle[reference] > max(FAR, angle.min() + NEAR))


def _near(angle: np.ndarray) -> np.ndarray:
    """Indices of the references that are turned alike, at least one."""
    return np.flatnonzero(angle <= max(NEAR, angle.min()))


def _pictures(images: np.ndarray, device: torch.device) -> Tensor:
    """(B, 3, S, S) in 0..1 of (B, S, S, 3) uint8."""
    return torch.as_tensor(images, device=device).permute(0, 3, 1, 2).float() / 255
