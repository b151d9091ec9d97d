"""Fréchet distance between the Inception features of two sets of pictures (Heusel et al. 2017)."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import scipy.linalg
import torch
import torch.nn.functional as F

from lipsync.errors import ArtefactError
from lipsync.experts.inception import rebuilt
from lipsync.nn.packed import packed
from lipsync.nn.threads import over_parts
from lipsync.texts import Message

FEATURES = 2048
# Below as many frames as dimensions the covariance has no full rank and the distance is biased upwards.
ENOUGH_FRAMES = 2048
# Up to so many pictures on a side their features are kept, which gives the distance in an instant; the roots
# of two covariances of 2048 dimensions take seconds.
MOST_ROWS = 1024


@dataclass(frozen=True)
class FeatureSums:
    """What a set of features contributes; add two to join their sets.

    Attributes:
        count: number of pictures.
        total: (D,) float64, sum of the features.
        products: (D, D) float64, sum of their outer products.
    """

    count: int
    total: np.ndarray
    products: np.ndarray

    def __add__(self, other: Features) -> FeatureSums:
        more = other.sums()
        return FeatureSums(self.count + more.count, self.total + more.total, self.products + more.products)

    def sums(self) -> FeatureSums:
        """Itself."""
        return self

    def mean(self) -> np.ndarray:
        """(D,) mean feature."""
        return self.total / self.count

    def covariance(self) -> np.ndarray:
        """(D, D) sample covariance (divided by count − 1, as in the reference implementation)."""
        mean = self.mean()
        return (self.products - self.count * np.outer(mean, mean)) / (self.count - 1)


@dataclass(frozen=True)
class FeatureRows:
    """The same of a small set: the features themselves, (N, D) float64."""

    rows: np.ndarray

    def __add__(self, other: Features) -> Features:
        if isinstance(other, FeatureRows) and self.count + other.count <= MOST_ROWS:
            return FeatureRows(np.concatenate([self.rows, other.rows]))
        return self.sums() + other

    @property
    def count(self) -> int:
        """Number of pictures."""
        return len(self.rows)

    def sums(self) -> FeatureSums:
        """What a set of any size is known by."""
        return FeatureSums(self.count, self.rows.sum(0), self.rows.T @ self.rows)


Features = FeatureSums | FeatureRows


@dataclass(frozen=True)
class FidScore:
    """FID with the numbers it cannot be read without.

    Attributes:
        value: the distance; lower is better.
        generated_frames, reference_frames: how many pictures each side has.
    """

    value: float
    generated_frames: int
    reference_frames: int

    @property
    def enough(self) -> bool:
        """Whether both sides have the 2,048 frames below which FID must carry a warning."""
        return min(self.generated_frames, self.reference_frames) >= ENOUGH_FRAMES


def fid_update(features: np.ndarray) -> Features:
    """What one batch contributes; add over batches and give both sides to `fid_compute`.

    Args:
        features: (N, D), one row per picture, from `inception_features`.

    Raises:
        ValueError: if it is not a matrix.
    """
    if features.ndim != 2:
        raise ValueError(f"features must be (N, D), not {features.shape}")
    rows = FeatureRows(features.astype(np.float64))
    return rows if rows.count <= MOST_ROWS else rows.sums()


def fid_compute(generated: Features, reference: Features) -> FidScore:
    """|m₁ − m₂|² + tr(S₁ + S₂ − 2·(S₁·S₂)^½) of means m and covariances S.

    Raises:
        ValueError: if a side has fewer than 2 pictures or the features differ in length.
    """
    if min(generated.count, reference.count) < 2:
        raise ValueError(Message("reason.two_pictures"))
    if isinstance(generated, FeatureRows) and isinstance(reference, FeatureRows):
        distance = _of_rows(generated.rows, reference.rows)
    else:
        distance = _of_sums(generated.sums(), reference.sums())
    return FidScore(max(distance, 0.0), generated.count, reference.count)


def _of_rows(generated: np.ndarray, reference: np.ndarray) -> float:
    """With S₁ = AᵀA and S₂ = BᵀB of centred rows, tr (S₁·S₂)^½ is the sum of the singular values of A·Bᵀ."""
    if generated.shape[1] != reference.shape[1]:
        raise ValueError(f"features differ in length: {generated.shape[1]} and {reference.shape[1]}")
    means = generated.mean(0), reference.mean(0)
    a, b = (
        (rows - mean) / np.sqrt(len(rows) - 1)
        for rows, mean in zip((generated, reference), means, strict=True)
    )
    overlap = scipy.linalg.svdvals(a @ b.T).sum()
    shift = means[0] - means[1]
    return float(shift @ shift + (a * a).sum() + (b * b).sum() - 2 * overlap)


def _of_sums(generated: FeatureSums, reference: FeatureSums) -> float:
    if generated.total.shape != reference.total.shape:
        raise ValueError(f"features differ in length: {len(generated.total)} and {len(reference.total)}")
    s1, s2 = generated.covariance(), reference.covariance()
    shift = generated.mean() - reference.mean()
    # S₁·S₂ has the eigenvalues of the symmetric R·S₂·R with R = S₁^½, which are real and not
    # negative; the matrix root of the product itself would come out complex when ranks are short.
    values, vectors = scipy.linalg.eigh(s1)
    root = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    overlap = np.sqrt(np.maximum(scipy.linalg.eigvalsh(root @ s2 @ root), 0)).sum()
    return float(shift @ shift + np.trace(s1) + np.trace(s2) - 2 * overlap)


def fid(generated: np.ndarray, reference: np.ndarray) -> float:
    """FID of (N, D) and (M, D) features; lower is better.

    >>> import numpy as np
    >>> points = np.array([[0.0, 0.0], [2.0, 0.0], [0.0, 2.0], [2.0, 2.0]])
    >>> round(fid(points + [3.0, 4.0], points), 6)
    25.0
    """
    return fid_compute(fid_update(generated), fid_update(reference)).value


def load_inception(path: Path | None = None) -> torch.nn.Module:
    """The Inception network of 2015 that published FIDs rest on, from its TorchScript.

    Args:
        path: the file; None fetches the artefact ``inception_fid``.

    Raises:
        ArtefactError: if the file is unavailable or is not a TorchScript network.
    """
    if path is None:
        from lipsync.weights.hub import fetch

        path = fetch("inception_fid")
    try:
        return packed(rebuilt(torch.jit.load(str(path), map_location="cpu").eval()))
    except (RuntimeError, ValueError) as error:
        raise ArtefactError("fid.not_torchscript", path=path) from error


def inception_features(network: torch.nn.Module, pictures: np.ndarray, batch: int = 4) -> np.ndarray:
    """(N, 2048) float32 features of (N, H, W, 3) uint8 RGB pictures of any size.

    Resized to 299×299 bicubically with an antialiasing filter (as Parmar et al. 2022 ask for),
    without rounding back to 8 bits, then scaled to −1…0.992 as the network was trained. In single precision:
    with bfloat16 FID moved by up to 1 %.
    """
    device = next(iter(network.parameters()), torch.zeros(0)).device

    def embed(part: np.ndarray) -> np.ndarray:
        if not len(part):
            return np.zeros((0, FEATURES), np.float32)
        with torch.inference_mode():
            x = torch.tensor(part).permute(0, 3, 1, 2).float().to(device)
            x = ((resize_299(x) - 128) / 128).contiguous(memory_format=torch.channels_last)
            return network(x).float().cpu().numpy()

    return over_parts(embed, batch, pictures)


def resize_299(pictures: torch.Tensor) -> torch.Tensor:
    """(N, 3, 299, 299) from (N, 3, H, W), float 0..255 on both sides."""
    size = (299, 299)
    if pictures.shape[2:] == size:
        return pictures
    return F.interpolate(pictures, size, mode="bicubic", antialias=True, align_corners=False).clamp(0, 255)
