"""Marks given to Netflix's sureal, the authors' own code of ITU-T P.913, 12.6, and of BT.500."""

from __future__ import annotations

import contextlib
import io
from types import SimpleNamespace
from typing import Any

import numpy as np
from sureal import BT500Model, P910AnnexEModel
from sureal.dataset_reader import RawDatasetReader


def reader(values: np.ndarray) -> Any:
    """A data set of sureal's with these marks.

    Args:
        values: (clips, raters), NaN where missing.
    """
    clips = [
        {"content_id": 0, "asset_id": row, "os": marks.tolist(), "path": ""}
        for row, marks in enumerate(values)
    ]
    source = {"content_id": 0, "content_name": "source", "path": ""}
    frame = {"dataset_name": "marks", "yuv_fmt": "yuv420p", "width": 1, "height": 1}
    return RawDatasetReader(SimpleNamespace(**frame, ref_videos=[source], dis_videos=clips))


def projection(values: np.ndarray) -> dict[str, Any]:
    """Corrected MOS, biases and inconsistencies of ITU-T P.913, 12.6 (P.910, annex E)."""
    with contextlib.redirect_stdout(io.StringIO()):  # it prints every iteration
        return dict(P910AnnexEModel(reader(values)).run_modeling())


def bt500_shares(values: np.ndarray) -> np.ndarray:
    """(raters,) (P + Q) / clips of BT.500."""
    return np.array(BT500Model(reader(values)).run_modeling()["observer_rejected_1st_stats"])
