"""Where the boxes lie that Wav2Lip was trained on: S3FD's, in sides of this project's face square.

    python -m tests.benchmarks.wav2lip_box CLIP [CLIP ...]

The detector's weights are fetched on first use (90 MB). Ten frames apart, the first thirty of each clip.
"""

from __future__ import annotations

import argparse
from itertools import islice
from pathlib import Path

import numpy as np

from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import read_frames
from lipsync.weights import hub
from tests.reference.s3fd import S3fd

LOOKED_AT, EVERY = 30, 10  # frames


def boxes(clips: list[Path]) -> np.ndarray:
    """(N, 4) left, top, right and bottom edges, sides of the square from its centre."""
    detector, found = S3fd(hub.fetch("s3fd")), []
    for clip in clips:
        tracker = FaceTracker(hub.fetch("face_landmarker"), 25.0)
        try:
            tracked = list(tracker.track(read_frames(clip, 25.0, LOOKED_AT)))
        finally:
            tracker.close()
        for item in islice(tracked, 0, None, EVERY):
            box = detector(item.frame.image)
            if item.pose is not None and box is not None:
                found.append((np.reshape(box, (2, 2)) - item.pose.centre).ravel() / float(item.pose.side))
    return np.array(found)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("clips", type=Path, nargs="+")
    found = boxes(parser.parse_args().clips)
    print(f"{len(found)} boxes      left    top  right bottom")
    for name, share in (("median", 0.5), ("10 %", 0.1), ("90 %", 0.9)):
        print(f"{name:>10}   " + " ".join(f"{edge:6.2f}" for edge in np.quantile(found, share, axis=0)))


if __name__ == "__main__":
    main()
