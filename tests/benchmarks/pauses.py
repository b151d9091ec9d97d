"""``python -m tests.benchmarks.pauses PREPARED [--split NAME ...]``: do people close their mouth in a pause?

Finds the pauses of prepared clips (``python -m lipsync prepare``) with the speech-activity network, and
prints by their length how wide the real lips are open in them, as a share of the clip's mean opening. Left
out are the 0.15 s in which a mouth comes to rest and the 0.1 s in which it gets ready. ``PAUSE`` of
``lipsync.audio.activity`` was chosen by this table.
"""

from __future__ import annotations

import argparse
from collections import defaultdict
from pathlib import Path

import numpy as np

from lipsync.audio.activity import speech_probability, stretches
from lipsync.data.clips import Clip, load_clips
from lipsync.media import read_audio

LIMITS = (0.3, 0.5, 0.8, 1.2, 2.0, np.inf)  # s: upper ends of the lengths that are counted together
REST, READY = 0.15, 0.1  # s
FPS = 25  # of prepared clips


def pauses(clip: Clip) -> list[tuple[str, float, np.ndarray]]:
    """Where each pause of the clip lies, its length in s, and the relative opening of its (T,) frames."""
    opening = clip.shape[:, 0] / clip.shape[:, 0].mean()
    length = len(opening) / FPS
    speech = stretches(speech_probability(read_audio(clip.folder / f"{clip.name}.mp4")), pause=0)
    if not len(speech):
        return []
    begins, ends = np.r_[0, speech[:, 1]], np.r_[speech[:, 0], length]
    places = ["begin", *["inside"] * (len(speech) - 1), "end"]
    found = []
    for place, begin, end in zip(places, begins, ends, strict=True):
        first = int(np.ceil((begin + REST * (place != "begin")) * FPS))
        stop = int(np.floor((end - READY * (place != "end")) * FPS))
        if stop > first:
            found.append((place, end - begin, opening[first:stop]))
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("prepared", type=Path)
    parser.add_argument("--split", nargs="+", default=["train"])
    arguments = parser.parse_args()
    groups: dict[tuple[str, float], list[np.ndarray]] = defaultdict(list)
    for clip in load_clips(arguments.prepared, tuple(arguments.split)):
        for place, length, opening in pauses(clip):
            limit = next(limit for limit in LIMITS if length <= limit)
            groups[place, limit].append(opening)
    print("place   up to (s)  pauses  frames  opening / mean of the clip")
    for place, limit in sorted(groups):
        frames = np.concatenate(groups[place, limit])
        print(f"{place:8}{limit:9.1f}{len(groups[place, limit]):8}{len(frames):8}{frames.mean():10.2f}")


if __name__ == "__main__":
    main()
