"""Nine scripts as they lie in the repositories of papers: each reads both videos, finds the face in every
frame with a detector and puts one frame at a time through its network.

They share nothing but the networks, which are loaded before, and the way to cut a face, so that their numbers
can be compared with those of the shared pass. SSIM and PSNR are scikit-image's.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import skimage.metrics
import torch

from eval.functional.distribution.fid import fid
from eval.functional.sync.lse import lse
from eval.scoring.networks import Networks
from eval.scoring.pair import face_square
from eval.scoring.protocol import cut_face, points_in_region
from eval.scoring.sync import read_speech
from lipsync.faces import FaceDetector, Pose, crop_face, crop_matrix
from lipsync.faces.model3d.fitting import Fitter, fit_clip
from lipsync.faces.tracking.crop import pose_from_points
from lipsync.faces.tracking.follow import MARGIN, WINDOW
from lipsync.faces.tracking.landmarks import Landmarker, Landmarks, mouth_opening
from lipsync.faces.tracking.landmarks68 import to_68
from lipsync.media import read_frames


class Found:
    """The largest face of a picture: where it is and, cut at a box, what it shows."""

    def __init__(self, image: np.ndarray, detector: FaceDetector):
        face = max(detector(image), key=lambda face: face.area)
        self.image, self.points = image, face.points
        self.pose: Pose = pose_from_points(face.points)
        self.box = face_square(self.pose)

    def landmarks(self, landmarker: Landmarker) -> Landmarks:
        """Points in pixels of the picture."""
        matrix = crop_matrix(self.pose, WINDOW, MARGIN)
        found = landmarker(crop_face(self.image, matrix, WINDOW))
        assert found is not None
        inverse = np.linalg.inv(np.vstack([matrix, [0, 0, 1]]))[:2]
        return Landmarks(found.points @ inverse[:, :2].T + inverse[:, 2], found.blendshapes)


def images(path: Path) -> Iterator[np.ndarray]:
    return (frame.image for frame in read_frames(path, fps=25))


def cut_pairs(generated: Path, reference: Path) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Face regions of both, at the place of the reference's face."""
    detector = FaceDetector()
    for ours, theirs in zip(images(generated), images(reference), strict=False):
        box = Found(theirs, detector).box
        yield cut_face(ours, box), cut_face(theirs, box)


def found_pairs(generated: Path, reference: Path) -> Iterator[tuple[Found, Found]]:
    detector = FaceDetector()
    for ours, theirs in zip(images(generated), images(reference), strict=False):
        yield Found(ours, detector), Found(theirs, detector)


def psnr(generated: Path, reference: Path, networks: Networks) -> float:
    pairs = cut_pairs(generated, reference)
    return float(np.mean([skimage.metrics.peak_signal_noise_ratio(b, a) for a, b in pairs]))


def ssim(generated: Path, reference: Path, networks: Networks) -> float:
    how = {"channel_axis": -1, "gaussian_weights": True, "sigma": 1.5, "use_sample_covariance": False}
    pairs = cut_pairs(generated, reference)
    return float(np.mean([skimage.metrics.structural_similarity(a, b, **how) for a, b in pairs]))


def lpips(generated: Path, reference: Path, networks: Networks) -> float:
    values = []
    with torch.inference_mode():
        for pair in cut_pairs(generated, reference):
            x, y = (torch.tensor(side).permute(2, 0, 1)[None] / 127.5 - 1 for side in pair)
            values.append(float(networks.loaded["lpips"](x, y)))
    return float(np.mean(values))


def inception(generated: Path, reference: Path, networks: Networks) -> float:
    sides: tuple[list[np.ndarray], list[np.ndarray]] = ([], [])
    for pair in cut_pairs(generated, reference):
        for side, picture in zip(sides, pair, strict=True):
            side.append(networks.loaded["fid"](picture[None]))
    return fid(*(np.concatenate(side) for side in sides))


def csim(generated: Path, reference: Path, networks: Networks) -> float:
    values = []
    for pair in found_pairs(generated, reference):
        box = pair[1].box
        a, b = (
            networks.loaded["csim"](
                cut_face(side.image, box)[None], points_in_region(side.points, box)[None]
            )[0]
            for side in pair
        )
        values.append(a @ b / (np.linalg.norm(a) * np.linalg.norm(b)))
    return float(np.mean(values))


def lmd(generated: Path, reference: Path, networks: Networks) -> float:
    landmarker, values = _landmarker(networks), []
    for pair in found_pairs(generated, reference):
        a, b = (points_in_region(to_68(side.landmarks(landmarker).points), pair[1].box)[48:] for side in pair)
        values.append(np.linalg.norm(a - b, axis=1).mean())
    return float(np.mean(values))


def aed(generated: Path, reference: Path, networks: Networks) -> float:
    """Each video fitted as a whole, where the pass fits batch by batch."""
    landmarker = _landmarker(networks, blendshapes=True)
    sides: tuple[list, list] = ([], [])
    for pair in found_pairs(generated, reference):
        for side, found in zip(sides, pair, strict=True):
            marks = found.landmarks(landmarker)
            side.append((points_in_region(marks.points, pair[1].box), marks.blendshapes))
    (ours, our_scores), (theirs, their_scores) = (map(np.stack, zip(*side, strict=True)) for side in sides)
    fit = fit_clip(networks.loaded["aed"], theirs, 256, their_scores)
    other = Fitter(networks.loaded["aed"], 256, identity=fit.identity).fit(ours, our_scores)
    return float(np.abs(other.expression - fit.expression).mean())


def lipcorr(generated: Path, reference: Path, networks: Networks) -> float:
    """At no shift."""
    landmarker = _landmarker(networks)
    openings = [
        [float(mouth_opening(side.landmarks(landmarker).points)) for side in pair]
        for pair in found_pairs(generated, reference)
    ]
    return float(np.corrcoef(np.array(openings).T)[0, 1])


def lse_d(generated: Path, reference: Path, networks: Networks) -> float:
    detector, sync_network, speech = FaceDetector(), networks.loaded["lse"], read_speech(generated)
    poses, half = [Found(image, detector).pose for image in images(generated)], sync_network.smoothing // 2
    crops = np.stack(
        [
            sync_network.cut(image, poses[i], poses[max(0, i - half) : i + half + 1])
            for i, image in enumerate(images(generated))
        ]
    )
    windows = min(len(poses), len(speech) // 640) - 5
    return lse(
        sync_network.embed_video(crops)[:windows], sync_network.embed_audio(speech, 0, windows)
    ).distance


def _landmarker(networks: Networks, blendshapes: bool = False) -> Landmarker:
    assert networks.landmarker is not None
    return Landmarker(networks.landmarker, blendshapes)


# What one script each would compute, by the name of that number in the shared pass.
SCRIPTS: dict[str, Callable[[Path, Path, Networks], float]] = {
    "psnr": psnr, "ssim": ssim, "lpips": lpips, "lmd": lmd, "csim": csim, "fid": inception, "aed": aed,
    "lse_d": lse_d, "lipcorr": lipcorr,
}  # fmt: skip
