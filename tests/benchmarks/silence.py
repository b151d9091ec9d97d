"""``python -m tests.benchmarks.silence CLIP ... --method NAME``: does the mouth rest when nobody speaks?

Each clip, in which the face goes on talking, is driven by its own speech, by digital silence, room noise
and music, and by its own speech with a pause of 1.5 s in the middle. The landmarker measures the opening of
what was drawn: inner-lip gap in inter-ocular distances. Printed for each sound:

- mean opening, and as a share of the clip's own lower quartile, which it is to stay below;
- spread (standard deviation), and as a share of that in own speech, of which it is to be at most a fifth;
- largest change from one frame to the next.

Of the pause what lies between 0.2 s after the speech and 0.1 s before it goes on counts. ``closed`` is how
long after the speech the opening falls to the lower quartile for good, ``opened`` when it exceeds it again,
seconds after the speech goes on or before it (below 0); "-" where it never does. ``jump`` of the pause is
that around both its ends.

A recording that holds nothing is refused, so digital silence has one sample of 0.001 at its end.
"""

from __future__ import annotations

import argparse
import tempfile
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import soundfile

from lipsync.audio import RATE
from lipsync.audio.activity import AFTER, BEFORE
from lipsync.data.backgrounds import music, noise
from lipsync.faces.tracking.crop import crop_face, crop_matrix
from lipsync.faces.tracking.landmarks import Landmarker, mouth_opening
from lipsync.faces.tracking.track import FaceTracker
from lipsync.media import probe, read_audio, read_frames
from lipsync.methods import DEFAULT
from lipsync.weights import hub

SIDE = 192  # pixels of the crop that is looked at
PAUSE = 1.5  # s
LOUDNESS = 0.1  # largest sample of noise and music
FADE = 160  # samples at the ends of the pause: 10 ms


@dataclass(frozen=True)
class Mouths:
    """The faces of one video."""

    openings: np.ndarray  # (T,) NaN where no face is seen
    faces: list[np.ndarray]  # (SIDE, SIDE, 3) uint8
    fps: float

    def between(self, begin: float, end: float) -> np.ndarray:
        """Openings from second ``begin`` to second ``end``."""
        times = np.arange(len(self.openings)) / self.fps
        return self.openings[(times >= begin - 1e-6) & (times <= end + 1e-6)]


def mouths(video: Path, frames: int) -> Mouths:
    """Of the first frames of a video."""
    model, fps = hub.fetch("face_landmarker"), probe(video).output_fps
    tracker, find = FaceTracker(model, fps), Landmarker(model)
    openings, faces = [], []
    for item in tracker.track(read_frames(video, fps, frames)):
        seen = None
        if item.pose is not None:
            faces.append(crop_face(item.frame.image, crop_matrix(item.pose, SIDE), SIDE))
            seen = find(faces[-1])
        openings.append(np.nan if seen is None else float(mouth_opening(seen.points)))
    tracker.close()
    find.close()
    return Mouths(np.array(openings), faces, fps)


def with_pause(speech: np.ndarray) -> tuple[np.ndarray, float]:
    """Speech (N,) with a pause in the middle, and when it begins, s."""
    half = len(speech) // 2
    first, last = speech[:half].copy(), speech[half:].copy()
    fade = np.linspace(0, 1, FADE)
    first[-FADE:] *= fade[::-1]
    last[:FADE] *= fade
    return np.concatenate([first, np.zeros(round(PAUSE * RATE), speech.dtype), last]), half / RATE


def sounds(speech: np.ndarray) -> dict[str, np.ndarray]:
    """By name, each as long as the speech (N,)."""
    rng = np.random.default_rng(7)
    silent = np.zeros_like(speech)
    silent[-1] = 1e-3
    made = {"silence": silent, "noise": noise(len(speech), rng), "music": music(len(speech), rng)}
    return {k: v if k == "silence" else LOUDNESS * v / np.abs(v).max() for k, v in made.items()}


def closed_after(mouth: Mouths, begin: float, quartile: float) -> float | None:
    """Seconds after the pause's ``begin`` until the opening stays at or below ``quartile``."""
    wide = np.flatnonzero(mouth.between(begin, begin + PAUSE - BEFORE) > quartile)
    late = (wide[-1] + 1) / mouth.fps if len(wide) else 0.0
    return late if late < PAUSE - BEFORE - 1 / mouth.fps else None


def opened_after(mouth: Mouths, end: float, quartile: float) -> float | None:
    """Seconds after the pause's ``end`` until the opening exceeds ``quartile``; below 0 is before it."""
    wide = np.flatnonzero(mouth.between(end - BEFORE, end + 1.0) > quartile)
    return wide[0] / mouth.fps - BEFORE if len(wide) else None


def jump(openings: np.ndarray) -> float:
    return float(np.nanmax(np.abs(np.diff(openings)), initial=0.0))


def sheet(rows: dict[str, list[np.ndarray]], count: int = 10) -> np.ndarray:
    """One row of faces for each sound, spread over its time."""
    lines = []
    for name, faces in rows.items():
        picked = [faces[i] for i in np.linspace(0, len(faces) - 1, count).astype(int)]
        line = np.concatenate(picked, 1)
        cv2.putText(line, name, (4, 16), cv2.FONT_HERSHEY_SIMPLEX, 0.5, (255, 255, 0), 1, cv2.LINE_AA)
        lines.append(line)
    return np.concatenate(lines)


@dataclass(frozen=True)
class Scale:
    """What a clip's figures are compared with."""

    quartile: float  # lower quartile of its real openings
    spread: float  # of the openings drawn for its own speech


def figures(openings: np.ndarray, change: float, scale: Scale, *late: float | None) -> str:
    """One line of the table."""
    mean, spread = float(np.nanmean(openings)), float(np.nanstd(openings))
    values = (mean, mean / scale.quartile, spread, spread / scale.spread, change)
    widths = (9.3, 9.2, 9.3, 9.2, 9.3)
    ends = "".join(f"{'-':>9}" if x is None else f"{x:9.2f}" for x in late)
    return "".join(f"{value:{width}f}" for value, width in zip(values, widths, strict=True)) + ends


def drawn(clip: Path, sound: np.ndarray, method: str) -> Mouths:
    """The clip's face with another sound (N,)."""
    from lipsync.generate import Request, generate

    with tempfile.TemporaryDirectory() as folder:
        voice, made = Path(folder) / "voice.wav", Path(folder) / "out.mp4"
        soundfile.write(voice, sound, RATE)
        generate(Request(clip, voice, made, method, label=False))
        return mouths(made, round(len(sound) / RATE * probe(clip).output_fps))


def measure(clip: Path, method: str, seconds: float) -> dict[str, list[np.ndarray]]:
    """Print the table of one clip; its faces by sound."""
    speech = read_audio(clip)[: round(seconds * RATE)]
    real = mouths(clip, round(len(speech) / RATE * probe(clip).output_fps))
    own = drawn(clip, speech, method)
    scale = Scale(float(np.nanpercentile(real.openings, 25)), float(np.nanstd(own.openings)))
    found = {"real": real, "own": own}
    found |= {name: drawn(clip, sound, method) for name, sound in sounds(speech).items()}
    for name, mouth in found.items():
        print(f"{clip.stem:<16} {name:<8}" + figures(mouth.openings, jump(mouth.openings), scale), flush=True)
    sound, begin = with_pause(speech)
    paused, end = drawn(clip, sound, method), begin + PAUSE
    line = figures(
        paused.between(begin + AFTER, end - BEFORE),
        max(jump(paused.between(x - 0.1, x + AFTER)) for x in (begin, end)),
        scale,
        closed_after(paused, begin, scale.quartile),
        opened_after(paused, end, scale.quartile),
    )
    print(f"{clip.stem:<16} {'pause':<8}" + line, flush=True)
    first, last = (round(x * paused.fps) for x in (begin - 0.4, end + 0.4))
    return {k: v.faces for k, v in found.items()} | {"pause": paused.faces[max(0, first) : last]}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("clips", type=Path, nargs="+", metavar="CLIP")
    parser.add_argument("--method", default=DEFAULT)
    parser.add_argument("--seconds", type=float, default=4.0, help="at most, of each clip")
    parser.add_argument("--sheets", type=Path, metavar="DIR", help="leave a picture of the faces here")
    options = parser.parse_args()
    heads = ("mean", "/ low q.", "spread", "/ own", "jump", "closed", "opened")
    print(f"{'clip':<16} {'sound':<8}" + "".join(f"{head:>9}" for head in heads))
    for clip in options.clips:
        rows = measure(clip, options.method, options.seconds)
        if options.sheets is not None:
            options.sheets.mkdir(parents=True, exist_ok=True)
            picture = cv2.cvtColor(sheet(rows), cv2.COLOR_RGB2BGR)
            cv2.imwrite(str(options.sheets / f"{clip.stem}-{options.method}.png"), picture)


if __name__ == "__main__":
    main()
