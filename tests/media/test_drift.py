"""Sound and picture of a long video stay together."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from lipsync.media import probe
from tests.benchmarks.drift import clicks_after_flashes, source, written


@pytest.mark.parametrize("kind", ["mp4", "mkv"])
def test_a_minute_at_59_94_does_not_drift(kind: str, tmp_path: Path) -> None:
    """Written at 60 frames/s, the last click would come 55 ms after its flash."""
    made = source(tmp_path / f"source.{kind}", 60, Fraction(60000, 1001))
    late = clicks_after_flashes(written(made, tmp_path / "result.mp4"))
    assert len(late) == 6
    assert np.abs(late).max() < 1  # ms
    assert probe(tmp_path / "result.mp4").fps == pytest.approx(60000 / 1001, abs=1e-4)
