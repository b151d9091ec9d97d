"""A network that is loaded writes nothing that a person at the terminal would have to read."""

from __future__ import annotations

import os
import sys

from lipsync.faces.tracking import landmarks
from lipsync.faces.tracking.landmarks import Landmarker


def test_mediapipes_notices_are_held_back_and_nothing_else(landmarker, capfd):
    Landmarker(landmarker).close()
    with landmarks._without_notices():
        os.write(landmarks.STDERR, b"W0000 00:00 of MediaPipe\na line of somebody else\n")
    print("after", file=sys.stderr, flush=True)
    assert capfd.readouterr().err == "a line of somebody else\nafter\n"
