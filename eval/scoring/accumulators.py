"""Per-frame columns of all metrics but LSE, and the scores made of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from eval.functional.aed import aed_compute, aed_update
from eval.functional.csim import csim_compute, csim_update
from eval.functional.fid import Features, fid_compute, fid_update
from eval.functional.lipcorr import lipcorr_compute, lipcorr_update
from eval.functional.lmd import lmd_compute, lmd_update
from eval.functional.lpips import lpips_compute, lpips_update
from eval.functional.psnr import psnr_compute, psnr_of_mse, psnr_update
from eval.functional.ssim import ssim_compute, ssim_update
from eval.scoring.expressions import NO_FIT, Expressions
from eval.scoring.networks import Networks
from eval.scoring.pair import NO_REFERENCE_FACE, Batch

PIXEL = frozenset({"psnr", "psnr_pooled", "ssim", "lpips"})
OPENINGS = ("opening_generated", "opening_reference")


@dataclass
class Columns:
    """Collects what every metric says about every frame of one video.

    Attributes:
        metrics: names of `eval.scoring.metrics` that can be computed.
        portrait: (D,) embedding of one reference picture for CSIM, where one is given.
        keep: gets each batch of Inception features, (generated, reference); for FID over many videos.
    """

    metrics: Collection[str]
    networks: Networks
    portrait: np.ndarray | None = None
    keep: Callable[[np.ndarray, np.ndarray], None] | None = None
    values: dict[str, list[np.ndarray]] = field(default_factory=dict)
    reasons: list[str] = field(default_factory=list)
    _features: tuple[Features, Features] | None = None
    _expressions: Expressions | None = None

    def add(self, batch: Batch) -> None:
        """What one batch contributes to every metric."""
        wanted = set(self.metrics)
        self.reasons += [
            pair.reason if pair.generated.landmarks is None or _blind(pair) else "" for pair in batch.pairs
        ]
        if wanted & PIXEL:
            self._pixels(batch, wanted)
        for metric, variant in _LMD.items():
            if metric in wanted:
                generated, reference = batch.landmarks if metric == "lmd_vico" else batch.landmarks_in_region
                self._put(metric, lmd_update(generated, reference, variant))  # type: ignore[arg-type]
        if "aed" in wanted:
            self._put("aed", aed_update(*self._coefficients(batch)))
        if "lipcorr" in wanted:
            for name, column in zip(OPENINGS, batch.openings, strict=True):
                self._put(name, column)
        if "csim" in wanted:
            self._put("csim", self._similarity(batch))
        if "fid" in wanted and batch.cut.any():
            self._inception(batch)

    def column(self, name: str) -> np.ndarray:
        """(T,) values of one column over all frames."""
        return np.concatenate(self.values[name]) if name in self.values else np.zeros(0)

    def score(self, metric: str) -> tuple[float, int, Counter[str], dict[str, Any]]:
        """(value, frames, skipped by reason, detail) of one metric.

        Raises:
            ValueError: where no frame can be used.
        """
        if metric == "fid":
            if self._features is None:
                raise ValueError("no frame has a face region")
            fid = fid_compute(*self._features)
            unused = len(self.reasons) - fid.generated_frames
            return (
                fid.value, fid.generated_frames,
                Counter({NO_REFERENCE_FACE: unused}), {"enough_frames": fid.enough},
            )  # fmt: skip
        if metric == "lipcorr":
            return self._correlation()
        values = self.column({"psnr": "mse", "psnr_pooled": "mse"}.get(metric, metric))
        used = ~np.isnan(values)
        skipped: Counter[str] = Counter()
        for row in np.flatnonzero(~used):
            otherwise = NO_FIT if metric == "aed" else "no face"
            skipped[NO_REFERENCE_FACE if metric in PIXEL else self.reasons[row] or otherwise] += 1
        frames = int(used.sum())
        if metric in ("psnr", "psnr_pooled"):
            psnr = psnr_compute(values[used])
            value = psnr.mean if metric == "psnr" else psnr.pooled
            return value, frames, skipped, {"identical_frames": psnr.identical}
        return _COMPUTE[metric](values).value, frames, skipped, {}

    def rows(self, count: int) -> dict[str, np.ndarray]:
        """Columns for the table per frame, each (count,) with NaN where nothing is known."""
        columns = {name: self.column(name) for name in self.values}
        if "mse" in columns:
            columns = {"psnr": psnr_of_mse(columns.pop("mse")), **columns}
        return {
            name: np.concatenate([column, np.full(count - len(column), np.nan)])
            for name, column in columns.items()
        }

    def _pixels(self, batch: Batch, wanted: set[str]) -> None:
        generated, reference = batch.pictures if batch.compared.any() else (None, None)
        updates: dict[str, Callable[..., np.ndarray]] = {}
        if wanted & {"psnr", "psnr_pooled"}:
            updates["mse"] = psnr_update
        if "ssim" in wanted:
            updates["ssim"] = ssim_update
        if "lpips" in wanted:
            updates["lpips"] = lambda g, r: lpips_update(self.networks.lpips, g, r)  # type: ignore[arg-type]
        for name, update in updates.items():
            column = np.full(len(batch.pairs), np.nan)
            if generated is not None:
                column[batch.compared] = update(generated, reference)
            self._put(name, column)

    def _similarity(self, batch: Batch) -> np.ndarray:
        generated = batch.embeddings[0] if self.portrait is None else batch.embed(0)
        reference = batch.embeddings[1] if self.portrait is None else self.portrait
        both = ~np.isnan(generated[:, 0])
        if self.portrait is None:
            both &= ~np.isnan(reference[:, 0])
        out = np.full(len(generated), np.nan)
        if both.any():
            out[both] = csim_update(
                generated[both], reference if self.portrait is not None else reference[both]
            )
        return out

    def _coefficients(self, batch: Batch) -> tuple[np.ndarray, np.ndarray]:
        """(N, E) expression coefficients of both: of the 3D face, or without its file the scores."""
        if self.networks.face is None:
            return batch.expressions
        if self._expressions is None:
            self._expressions = Expressions(self.networks.face)
        return self._expressions(batch)

    def _inception(self, batch: Batch) -> None:
        assert self.networks.inception is not None
        generated, reference = (self.networks.inception(side) for side in batch.faces)
        if self.keep is not None:
            self.keep(generated, reference)
        seen = fid_update(generated), fid_update(reference)
        if self._features is not None:
            seen = self._features[0] + seen[0], self._features[1] + seen[1]
        self._features = seen

    def _correlation(self) -> tuple[float, int, Counter[str], dict[str, Any]]:
        clip = lipcorr_update(self.column(OPENINGS[0]), self.column(OPENINGS[1]))
        score = lipcorr_compute([clip])
        skipped = Counter(reason for reason in self.reasons if reason)
        detail = {"by_lag": clip.by_lag, "frames": clip.frames, "still": clip.still}
        return score.r, clip.frames, skipped, detail

    def _put(self, name: str, column: np.ndarray) -> None:
        self.values.setdefault(name, []).append(column)


_LMD = {"lmd": "mouth", "lmd_all68": "all68", "lmd_normalised": "normalised", "lmd_vico": "vico"}
_COMPUTE: Mapping[str, Callable[[np.ndarray], Any]] = {
    "ssim": ssim_compute,
    "lpips": lpips_compute,
    "csim": csim_compute,
    "aed": aed_compute,
    **dict.fromkeys(_LMD, lmd_compute),
}


def _blind(pair: Any) -> bool:
    return pair.reference is not None and pair.reference.landmarks is None
