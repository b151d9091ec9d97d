"""``python -m tests.benchmarks.speech_languages``: one core driven by speech of several languages.

Speech comes from clips whose manifest names their language (column ``language``: those of real people, and
recordings that generated clips were made from), and from espeak-ng for languages without any, where it is
installed. Each drives the same video. For every language: the correlation of the measured inner-lip gap with
the loudness of the speech, at no shift and with the speech of another clip, and, where the clip shows who
speaks, LipCorr of the clip redrawn with its own speech.

    python -m tests.benchmarks.speech_languages --data FOLDER [--method NAME] [--checkpoint WEIGHTS] \
        [--clips 2]
"""

from __future__ import annotations

import argparse
import csv
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import soundfile

from eval.functional.mouth.lipcorr import lipcorr
from lipsync.assets import asset
from lipsync.audio import RATE
from lipsync.faces.tracking.landmarks import mouth_opening
from lipsync.faces.tracking.track import FaceTracker
from lipsync.generate import Request, generate
from lipsync.media import probe, read_audio, read_frames
from lipsync.methods import EMBEDDED
from lipsync.weights import hub

FACE = asset("examples", "portrait.mp4")
LANGUAGES = ("zh", "en", "ja", "fr")
FPS, LONGEST = 25, 5.0  # Hz of the curves; seconds of each speech
SPLITS = {"val": 0, "extra": 1, "train": 2}  # people the core may not know come first
SENTENCES = {
    "zh": ("cmn", "今天天气很好，我们去公园散步吧。"),
    "en": ("en", "The weather is fine today, so let us walk through the park."),
    "ja": ("ja", "きょうはてんきがいいので、こうえんをさんぽしましょう。"),
    "fr": ("fr", "Il fait beau aujourd'hui, allons nous promener dans le parc."),
}


@dataclass(frozen=True)
class Speech:
    language: str
    path: Path
    real: bool  # a video of the person who says it
    kind: str  # "clip (SPLIT)", "sound of a generated clip" or "synthesised"


def speeches(data: Path | None, count: int, folder: Path) -> Iterator[Speech]:
    """Up to ``count`` of each language."""
    found: dict[str, list[Speech]] = {language: [] for language in LANGUAGES}
    if data is not None:
        with (data / "manifest.csv").open(encoding="utf-8", newline="") as file:
            rows = sorted(csv.DictReader(file), key=lambda row: SPLITS.get(row["split"], len(SPLITS)))
        for row in rows:
            real = row["split"] != "generated"
            if (
                row["language"] in found
                and float(row["duration_s"]) >= 2
                and float(row["vad_speech"] or 1) > 0.5
            ):
                kind = f"clip ({row['split']})" if real else "sound of a generated clip"
                found[row["language"]].append(Speech(row["language"], data / row["file"], real, kind))
    for language, known in found.items():
        if not known and shutil.which("espeak-ng"):
            voice, text = SENTENCES[language]
            path = folder / f"{language}.wav"
            subprocess.run(["espeak-ng", "-v", voice, "-w", str(path), text], check=True)
            known.append(Speech(language, path, False, "synthesised"))
        yield from known[:count]


def openings(video: Path) -> np.ndarray:
    """(T,) inner-lip gap of every frame, the last known one where no face is found."""
    tracker = FaceTracker(hub.locate("face_landmarker"), probe(video).output_fps)
    values: list[float] = []
    try:
        for item in tracker.track(read_frames(video)):
            known = values[-1] if values else 0.0
            values.append(known if item.landmarks is None else float(mouth_opening(item.landmarks)))
    finally:
        tracker.close()
    return np.array(values)


def loudness(samples: np.ndarray, frames: int) -> np.ndarray:
    """(T,) level in dB of the 80 ms around each frame, not below 50 dB under the loudest."""
    half, padded = RATE // FPS, np.pad(samples, RATE)
    centres = RATE + np.arange(frames) * RATE // FPS
    power = np.array([np.square(padded[c - half : c + half]).mean() for c in centres])
    level = 10 * np.log10(np.maximum(power, 1e-12))
    return np.maximum(level, level.max() - 50)


def correlation(a: np.ndarray, b: np.ndarray) -> float:
    length = min(len(a), len(b))
    return float(np.corrcoef(a[:length], b[:length])[0, 1])


def redraw(face: Path, speech: Path, out: Path, options: argparse.Namespace) -> np.ndarray:
    """Openings of ``face`` speaking ``speech``."""
    generate(Request(face, speech, out, method=options.method, checkpoint=options.checkpoint, label=False))
    return openings(out)


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description="One core driven by speech of several languages.")
    parser.add_argument("--data", type=Path, help="folder of clips with a manifest.csv")
    parser.add_argument("--method", default=EMBEDDED)
    parser.add_argument("--checkpoint", type=Path)
    parser.add_argument("--clips", type=int, default=2, help="of each language (default: %(default)s)")
    options = parser.parse_args(arguments)
    rows: list[tuple[Speech, np.ndarray, np.ndarray, float | None]] = []
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for speech in speeches(options.data, options.clips, folder):
            samples = read_audio(speech.path)[: round(LONGEST * RATE)]
            sound = folder / "speech.wav"
            soundfile.write(sound, samples, RATE)
            drawn = redraw(FACE, sound, folder / "drawn.mp4", options)
            own = None
            if speech.real:
                again = redraw(speech.path, speech.path, folder / "again.mp4", options)
                own = lipcorr([(again, openings(speech.path))]).r
            rows.append((speech, drawn, loudness(samples, len(drawn)), own))
            print(f"{speech.language} {speech.path.name} ({speech.kind})", flush=True)
    if not rows:
        raise SystemExit("There is no speech: give --data, or install espeak-ng.")
    print("| language | speech | r of gap and loudness | with another speech | LipCorr, own speech |")
    print("| --- | --- | ---: | ---: | ---: |")
    for index, (speech, drawn, level, own) in enumerate(rows):
        other = correlation(drawn, rows[(index + 1) % len(rows)][2])
        said = f"{own:.2f}" if own is not None else "–"
        print(
            f"| {speech.language} | {speech.kind} | {correlation(drawn, level):.2f} | {other:.2f} | {said} |"
        )


if __name__ == "__main__":
    main()
