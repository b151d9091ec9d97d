"""``python -m tests.benchmarks.opening FACE ... --method NAME``: how far the mouth opens with each factor.

A clip is driven by its own sound, a photo by the example's speech. Prints the mean inner-lip gap that the
landmarker measures in what the core draws, as a share of that with factor 1.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np

from lipsync.media import probe, read_audio
from lipsync.methods import EMBEDDED
from lipsync.weights import hub
from tests.methods.test_opening import FACTORS, drawn

SPEECH = Path(__file__).parents[2] / "assets" / "examples" / "english.wav"
SAMPLES, FRAMES = 48_000, 48  # of the speech and of the face


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("faces", type=Path, nargs="+", metavar="FACE")
    parser.add_argument("--method", default=EMBEDDED)
    options = parser.parse_args()
    landmarker = hub.fetch("face_landmarker")
    print(f"{'factor':<24}" + "".join(f"{factor:8.1f}" for factor in FACTORS))
    for face in options.faces:
        voice = read_audio(face if probe(face).has_audio else SPEECH)[:SAMPLES]
        gaps = [
            np.nanmean(drawn(face, voice, factor, landmarker, options.method, FRAMES)) for factor in FACTORS
        ]
        shares = np.array(gaps) / gaps[FACTORS.index(1.0)]
        print(f"{face.stem:<24}" + "".join(f"{share:8.2f}" for share in shares), flush=True)


if __name__ == "__main__":
    main()
