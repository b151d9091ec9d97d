"""One row of a batch: what is scored and how, and the files that keep what came of it."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from eval.batch.batch_manifest import ManifestRow
from eval.scoring.protocol import Region, Variant
from lipsync.batch.row_records import finished_record, stored_record, write_record
from lipsync.experts.perceptual import LpipsNet


@dataclass(frozen=True)
class Options:
    """How the scores of a batch are made; the same for all its rows."""

    metrics: tuple[str, ...] | None = None
    region: Region = "face"
    variant: Variant = "track"
    syncnet: Path | None = None
    lpips: LpipsNet = "alex"
    resize: bool = False


@dataclass(frozen=True)
class ScoringJob:
    """One row, how to score it and where its files go; all that a worker anywhere needs."""

    row: ManifestRow
    options: Options
    folder: Path
    fingerprint: str
    threads: int = 0  # of torch; 0: as it likes

    @property
    def key(self) -> str:
        """File name of the row: readable, and unique whatever the names hold."""
        return row_key(self.row.item, self.row.method)

    @property
    def path(self) -> Path:
        """The file of the result."""
        return self.folder / "rows" / f"{self.key}.json"

    @property
    def frames(self) -> Path:
        """The file of what every metric says about every frame."""
        return frames_file(self.folder, self.row.item, self.row.method)

    def finished(self) -> dict[str, Any] | None:
        """The result of an earlier run with the same inputs, if it had one and it is all there."""
        result = finished_record(self.path, self.fingerprint)
        if result is None or not self.frames.is_file():
            return None
        kinds = result.get("feature_kinds", [""]) if result.get("features") else []
        paths = (path for kind in kinds for path in feature_paths(self.folder, result["features"], kind))
        lost = any(not path.is_file() for path in paths)
        return None if lost else result

    def write(self, **found: Any) -> dict[str, Any]:
        """Keep a result, ``scores`` or an ``error``; gives it back as a later run reads it.

        Scores of an earlier run stay beside an error: their videos may come back, as a disk that was away.
        """
        values = {
            "fingerprint": self.fingerprint, "item": self.row.item, "method": self.row.method,
            "control": self.row.control is not None, **found,
        }  # fmt: skip
        earlier = stored_record(self.path) if "error" in found else None
        return values if earlier and "scores" in earlier else write_record(self.path, values)


def row_key(item: str, method: str) -> str:
    """File name of a row: readable, and unique whatever the names hold."""
    name = f"{item}--{method}"
    mark = hashlib.sha256(f"{item}\0{method}".encode()).hexdigest()[:8]  # names may hold hyphens themselves
    return f"{re.sub(r'[^A-Za-z0-9._+-]+', '-', name)[:80]}-{mark}"


def frames_file(folder: Path, item: str, method: str) -> Path:
    """The CSV with a line for every frame of a row, in the folder of its batch."""
    return folder / "frames" / f"{row_key(item, method)}.csv"


class FeatureFiles:
    """Two growing files for every kind of features, named only when the row is done."""

    def __init__(self, job: ScoringJob):
        self.name: str | None = None
        self.kinds: list[str] = []
        self._folder, self._key = job.folder, job.key
        self._files: dict[Path, Any] = {}

    def __call__(self, generated: np.ndarray, reference: np.ndarray, kind: str = "") -> None:
        paths = feature_paths(self._folder, self._key, kind)
        if kind not in self.kinds:
            self.kinds.append(kind)
            paths[0].parent.mkdir(parents=True, exist_ok=True)
            self._files |= {path: path.with_suffix(".part").open("wb") for path in paths}
        for path, rows in zip(paths, (generated, reference), strict=True):
            self._files[path].write(np.ascontiguousarray(rows, np.float32).tobytes())

    def __enter__(self) -> FeatureFiles:
        return self

    def __exit__(self, kind: Any, *_: Any) -> None:
        for path, file in self._files.items():
            file.close()
            if kind is None:
                path.with_suffix(".part").replace(path)
                self.name = self._key
            else:
                path.with_suffix(".part").unlink(missing_ok=True)


def feature_paths(folder: Path, name: str, kind: str) -> tuple[Path, Path]:
    """The files of one kind of features of a row's generated and reference faces."""
    sides = (f"{kind}-{side}" if kind else side for side in ("generated", "reference"))
    generated, reference = (folder / "features" / f"{name}.{side}.f32" for side in sides)
    return generated, reference


def load_features(
    folder: Path, result: Mapping[str, Any], kind: str = "", width: int = 2048
) -> tuple[np.ndarray, np.ndarray] | None:
    """(N, width) features of one kind of a row's generated and reference faces, left on disk."""
    name = result.get("features")
    paths = feature_paths(folder, str(name), kind)
    if not name or not all(path.is_file() and path.stat().st_size for path in paths):
        return None
    generated, reference = (np.memmap(path, np.float32, "r").reshape(-1, width) for path in paths)
    return generated, reference
