"""The networks that measure lip sync: SyncNet v2, and the project's own experts in its place."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import cv2
import numpy as np
import torch

from eval.functional.sync.lse import SAMPLES_PER_FRAME, WINDOW
from lipsync.audio.encoders import SpeechEncoder
from lipsync.audio.features import features, frame_windows
from lipsync.audio.psf_mfcc import psf_mfcc, syncnet_windows
from lipsync.experts.lip_motion import LipMotion, speech_places
from lipsync.experts.sync_expert import SyncExpert, pair_windows
from lipsync.experts.syncnet import SIZE, SyncNet
from lipsync.faces.tracking.crop import Pose, crop_face, crop_matrix

PADDING = 110  # grey level around the picture, as in the reference code
# The face box a detector trained on WIDER FACE draws (S3FD of the reference, MTCNN here), in sides of the
# square of our track: half its longer side, and how far its centre lies above that of the square.
# Medians over 235 frames of 73 people (5 to 95 %: half 0.48-0.59, rise 0.08-0.16).
BOX_HALF, BOX_RISE = 0.55, 0.113
DETECTOR = "box of the face track in the proportions of MTCNN's (WIDER FACE)"
# Extra frames of sound on each side of a block, so that its features equal those of the whole clip.
MARGIN = 10
SECONDS_ENCODED = 2  # of sound that a vector of the speech encoder depends on, each way
GRID = 5  # frames: the steps of mel (200 samples), MFCC (160) and video (640) meet every 3200 samples
EXPERT_SIZE = 96


class SyncNetwork(Protocol):
    """Embeds lips and speech, 0.2 s at a time, so that what fits lies close."""

    name: str  # for protocol strings
    own: bool  # True: not the published network, its numbers compare with no paper
    accuracy: str  # a sentence on how well it works, where that is not published
    sha256: str  # of the weights
    smoothing: int  # frames around each that its crop takes into account; 1: none
    margin: int  # frames before and behind a window that its embedding depends on besides; 0: none
    alignment: str  # how the region was placed

    def cut(self, image: np.ndarray, pose: Pose | None, around: Sequence[Pose]) -> np.ndarray:
        """What it needs of a frame (H, W, 3): mostly (S, S, 3) uint8 RGB. Without a pose the whole frame is
        squeezed to S.

        Args:
            around: poses of the ``smoothing`` frames around this one, itself included; fewer at the
                ends of a track.
        """
        ...

    def embed_video(self, crops: np.ndarray) -> np.ndarray:
        """(N - 4, D) float32, one per window of five frames, of what N frames were cut to."""
        ...

    def embed_audio(self, speech: np.ndarray, first: int, count: int) -> np.ndarray:
        """(count, D) float32 of the 0.2 s that begin with frames ``first``, ``first + 1``, ...

        Args:
            speech: (N,) int16 mono 16 kHz, beginning with frame 0.
        """
        ...


class SyncNetV2:
    """SyncNet v2 with the crops of the reference code; its embeddings are not normalised."""

    own = False
    accuracy = ""
    smoothing, margin = 13, 0
    alignment = f"SyncNet crop, {DETECTOR}"

    def __init__(self, network: SyncNet, sha256: str, name: str = "SyncNet v2"):
        self._network, self.sha256, self.name = network, sha256, name

    def cut(self, image: np.ndarray, pose: Pose | None, around: Sequence[Pose]) -> np.ndarray:
        if pose is not None:
            image = syncnet_crop(image, *np.median([face_box(p) for p in around], axis=0))
        return cv2.resize(image, (SIZE, SIZE))

    def embed_video(self, crops: np.ndarray) -> np.ndarray:
        frames = torch.from_numpy(np.ascontiguousarray(crops[..., ::-1].transpose(3, 0, 1, 2)))
        rows = []
        with torch.inference_mode():
            for start in range(len(crops) - WINDOW + 1):
                window = frames[None, :, start : start + WINDOW].float()  # (1, 3, 5, 224, 224)
                rows.append(self._network.embed_video(window).numpy())
        return np.concatenate(rows)

    def embed_audio(self, speech: np.ndarray, first: int, count: int) -> np.ndarray:
        block, skipped = _around(speech, first, count)
        windows = syncnet_windows(psf_mfcc(block), skipped + count)[skipped:]
        with torch.inference_mode():
            return self._network.embed_audio(torch.from_numpy(windows).float()).numpy()


class OwnSyncExpert:
    """The project's own sync expert: another crop, other features, the same algorithm on top."""

    own = True
    smoothing, margin = 1, 0
    alignment = "upright square of the face track"
    name = "own expert"

    def __init__(self, network: SyncExpert, sha256: str, accuracy: str = ""):
        self._network, self.sha256, self.accuracy = network.eval(), sha256, accuracy

    def cut(self, image: np.ndarray, pose: Pose | None, around: Sequence[Pose]) -> np.ndarray:
        return upright_crop(image, pose)

    def embed_video(self, crops: np.ndarray) -> np.ndarray:
        frames = torch.from_numpy(crops).permute(0, 3, 1, 2).float() / 255
        with torch.inference_mode():
            return self._network.embed_faces(pair_windows(frames)).numpy()

    def embed_audio(self, speech: np.ndarray, first: int, count: int) -> np.ndarray:
        block, skipped = _around(speech, first, count)
        spec = self._network.config.audio
        times = (skipped + np.arange(count)) * SAMPLES_PER_FRAME / 16_000
        windows = frame_windows(features(block.astype(np.float32) / 32768, spec), times, spec)
        with torch.inference_mode():
            return self._network.embed_audio(torch.from_numpy(windows)).numpy()


class LipMotionNetwork:
    """The project's lip-motion expert: points of the lips about the mean mouth of the frames around."""

    own = True
    smoothing = 1
    name = "own expert (lip motion)"

    def __init__(self, network: LipMotion, encoder: SpeechEncoder, sha256: str, accuracy: str = ""):
        self._network, self._encoder = network.eval(), encoder
        self.sha256, self.accuracy = sha256, accuracy
        self.margin = network.config.around - 1
        self.alignment = (
            f"upright square of the face track, about the mean mouth of {network.config.around} frames, "
            f"speech by {encoder.name}"
        )

    def cut(self, image: np.ndarray, pose: Pose | None, around: Sequence[Pose]) -> np.ndarray:
        """(2 P,) float32 points of the lips."""
        pixels = torch.from_numpy(upright_crop(image, pose)).permute(2, 0, 1)[None].float() / 255
        with torch.inference_mode():
            return self._network.read_points(pixels)[0].numpy()

    def embed_video(self, crops: np.ndarray) -> np.ndarray:
        with torch.inference_mode():
            return _apart_from_zero(self._network.embed_lips(torch.from_numpy(crops)[None])[0].numpy())

    def embed_audio(self, speech: np.ndarray, first: int, count: int) -> np.ndarray:
        """Encoded in pieces that begin at whole seconds, where the chunks of an encoder begin, too."""
        begin = max(0, first - SECONDS_ENCODED * 25) // 25 * 25
        end = first + count + WINDOW + SECONDS_ENCODED * 25
        block = np.asarray(speech[begin * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME])
        vectors = torch.from_numpy(self._encoder.encode(block.astype(np.float32) / 32768))
        places = speech_places(first - begin, count, self._network.config.count)
        with torch.inference_mode():
            embedded = self._network.embed_speech(vectors[places.clamp(0, len(vectors) - 1)][None])[0]
        return _apart_from_zero(embedded.numpy())


def upright_crop(image: np.ndarray, pose: Pose | None) -> np.ndarray:
    """(96, 96, 3) uint8 upright square of a face in (H, W, 3); without a pose the whole frame squeezed."""
    if pose is None:
        return cv2.resize(image, (EXPERT_SIZE, EXPERT_SIZE), interpolation=cv2.INTER_AREA)
    return crop_face(image, crop_matrix(pose, EXPERT_SIZE), EXPERT_SIZE)


def _apart_from_zero(embeddings: np.ndarray) -> np.ndarray:
    """(N, E + 1) embeddings of length 1 with a value of 1 more.

    Distances between them stay. The algorithm of LSE compares with zeros beyond the ends of a track: these
    are now as far away as what has nothing in common; nearer ones drew offsets to the ends.
    """
    return np.concatenate([embeddings, np.ones((len(embeddings), 1), embeddings.dtype)], axis=1)


def face_box(pose: Pose) -> tuple[float, float, float]:
    """Centre x, centre y and half-size in pixels of the box a face detector would draw around a pose."""
    x, y = (float(v) for v in pose.centre)
    side = float(pose.side)
    return x, y - BOX_RISE * side, BOX_HALF * side


def syncnet_crop(image: np.ndarray, x: float, y: float, half: float) -> np.ndarray:
    """x ± 1.4 half, y from -half to +1.8 half of (H, W, 3); grey 110 where that leaves the picture."""
    left, right = round(x - 1.4 * half), round(x + 1.4 * half)
    top, bottom = round(y - half), round(y + 1.8 * half)
    cut = np.full((max(1, bottom - top), max(1, right - left), 3), PADDING, np.uint8)
    height, width = image.shape[:2]
    x0, x1, y0, y1 = max(left, 0), min(right, width), max(top, 0), min(bottom, height)
    if x0 < x1 and y0 < y1:
        cut[y0 - top : y1 - top, x0 - left : x1 - left] = image[y0:y1, x0:x1]
    return cut


def _around(speech: np.ndarray, first: int, count: int) -> tuple[np.ndarray, int]:
    """The sound of some frames with a margin, and how many frames lie before the first of them."""
    begin = max(0, first - MARGIN) // GRID * GRID
    end = first + count + WINDOW + MARGIN
    return np.asarray(speech[begin * SAMPLES_PER_FRAME : end * SAMPLES_PER_FRAME]), first - begin
