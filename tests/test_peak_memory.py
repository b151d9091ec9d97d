"""The memory of the command line does not grow with the length of the video."""

from pathlib import Path

from tests.benchmarks.memory import SIDE, command_line, make_recording
from tests.benchmarks.programs import HERE

SHORT, LONG = 4, 16  # s; every queue is full after 3
ALLOWED = 60  # MB; the pictures of the 12 s between them are 130


def test_the_peak_does_not_grow_with_the_length(tmp_path: Path) -> None:
    peaks = []
    for seconds in (SHORT, LONG):
        face, speech = make_recording(tmp_path, seconds, SIDE)
        peaks.append(command_line(HERE, "lstm-cbam", face, speech))
    assert peaks[1] < peaks[0] + ALLOWED, peaks
