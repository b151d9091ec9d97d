"""``python -m tests.benchmarks.sureal CHECKOUT``: our statistics beside Netflix's sureal on its example data.

CHECKOUT is a copy of github.com/Netflix/sureal; the package on PyPI holds no data. For every data set: the
largest difference of corrected MOS, bias, inconsistency and standard error (ITU-T P.913, 12.6), how far
shrinkage departs from it, and which raters' BT.500 counts differ. Ends with 1 where something differs that
is not one of these two:

- Where all marks of a clip are equal, sureal counts every one of them as above and as below the range of no
  width; we count none. Such clips are left out of the comparison of BT.500, and counted.
- sureal takes several marks of one rater for one clip as repetitions; we take the last one. Data sets with
  repetitions are compared on the last mark.
"""

from __future__ import annotations

import argparse
import runpy
import warnings
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from eval.study.statistics.correction import corrected_mos
from eval.study.statistics.screening import bt500_counts

NEAR = 1e-9
PARTS = {
    "quality": "quality_scores",
    "bias": "observer_bias",
    "inconsistency": "observer_inconsistency",
    "error": "quality_scores_std",
}


def tables(checkout: Path) -> Iterator[tuple[str, np.ndarray]]:
    """Name and (clips, raters) marks of every data set with marks."""
    from sureal.dataset_reader import RawDatasetReader

    for path in sorted(checkout.rglob("*dataset*.py")):
        held = runpy.run_path(str(path)) if path.parent.name in ("dataset", "resource") else {}
        if "dis_videos" in held and "pc_" not in path.name:  # those of pairs hold no marks
            marks = RawDatasetReader(SimpleNamespace(**held)).opinion_score_3darray
            yield str(path.relative_to(checkout)), _last(marks)
    for path in sorted(checkout.glob("itu*/*.csv")):
        rows = [line.strip().split(",") for line in path.read_text().splitlines()]
        rows = [row for row in rows if len(row) == len(rows[0])]
        yield str(path.relative_to(checkout)), np.array(rows, float)


def _last(marks: np.ndarray) -> np.ndarray:
    """(clips, raters): of (clips, raters, repetitions) the last that is there."""
    found = marks[:, :, 0]
    for later in np.moveaxis(marks, 2, 0)[1:]:
        found = np.where(np.isnan(later), found, later)
    return found


def compare(values: np.ndarray) -> tuple[str, bool]:
    """What is measured on one table, and whether all is alike."""
    from tests.reference.sureal_model import bt500_shares, projection

    mine, theirs = corrected_mos(values), projection(values)
    off = {
        part: float(np.abs(getattr(mine, part) - np.array(theirs[name])).max())
        for part, name in PARTS.items()
    }
    shrunk = np.abs(corrected_mos(values, shrink=True).quality - mine.quality).max()
    varies = np.nanmin(values, 1) < np.nanmax(values, 1)
    counts = sum(bt500_counts(values[varies]))
    wanted = np.round(bt500_shares(values[varies]) * varies.sum())
    apart = {
        int(rater): (int(counts[rater]), int(wanted[rater])) for rater in np.flatnonzero(counts != wanted)
    }
    line = ", ".join(f"{part} {value:.0e}" for part, value in off.items())
    line += f"; shrinkage {shrunk:.2f}; BT.500 differs: {apart or 'nowhere'}, {(~varies).sum()} equal clips"
    return line, max(off.values()) <= NEAR and not apart


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("checkout", type=Path)
    warnings.simplefilter("ignore")  # sureal divides by a spread of 0
    alike = True
    for name, values in tables(parser.parse_args().checkout):
        line, same = compare(values)
        print(f"{name} {values.shape}: {line}")
        alike &= same
    return 0 if alike else 1


if __name__ == "__main__":
    raise SystemExit(main())
