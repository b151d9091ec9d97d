"""What is worked out beside the videos says nothing of the methods before it says their curves."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from eval.compare.sets import Entry, Sets
from eval.ui.compare import analysis
from lipsync.media import VideoWriter, WriterOptions
from tests.compare.conftest import write_sound
from tests.media.clips import astronaut


def ignore(done: int, total: int) -> None:
    """Progress that nobody reads."""


def test_mouth_and_waveform_stay_when_methods_swap_their_videos(tmp_path: Path, landmarker: Path) -> None:
    for number, name in enumerate("AB"):
        sound = write_sound(tmp_path / f"{name}.wav", 0.2, 0.2 + 0.1 * number)
        options = WriterOptions(duration=0.2)
        with VideoWriter(tmp_path / f"{name}.mp4", 256, 256, 25, audio=sound, options=options) as out:
            for _ in range(5):
                out.write(np.roll(astronaut(256, 256), 20 * number, axis=1))
    sets = Sets(tmp_path / "sets")
    set_ = sets.open(sets.create("t", [Entry("one", name, tmp_path / f"{name}.mp4") for name in "AB"]))
    item = set_.items[0]
    swapped = replace(item, clips={"A": item.clips["B"], "B": item.clips["A"]})
    shown = [analysis.quick(set_, one, lanes, ignore) for one in (item, swapped) for lanes in ("AB", "BA")]
    assert shown[0]["mouth"]["boxes"]
    assert shown[0]["curves"][0]["wave"]
    assert all(other == shown[0] for other in shown)
