"""Transcripts of prepared clips with times: ``words.csv`` beside the manifest.

Where there is no transcript, a speech recogniser makes one, with errors.

    python -m lipsync.data.transcripts --data PREPARED
"""

from __future__ import annotations

import argparse
import csv
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from lipsync.audio import RATE
from lipsync.data.clips import FPS, Clip, load_clips
from lipsync.errors import ConfigError
from lipsync.experts.lip_reader import spell
from lipsync.media import read_audio
from lipsync.texts import for_terminal

FILE = "words.csv"
COLUMNS = ("clip", "start_s", "end_s", "word")


@dataclass(frozen=True)
class Word:
    start: float  # seconds in the clip
    end: float
    text: str  # as ``spell`` gives it


class Transcripts:
    """The words of each clip.

    Raises:
        ConfigError: the folder has no ``words.csv``, or one with other columns.
    """

    def __init__(self, folder: Path):
        path = Path(folder) / FILE
        if not path.is_file():
            raise ConfigError("transcripts.missing", folder=folder, file=FILE, columns=", ".join(COLUMNS))
        self._of: dict[str, list[Word]] = {}
        with path.open(encoding="utf-8", newline="") as file:
            rows = csv.DictReader(file)
            if not set(COLUMNS) <= set(rows.fieldnames or ()):
                raise ConfigError("transcripts.columns", path=path, columns=", ".join(COLUMNS))
            for row in rows:
                text = spell(row["word"])
                if text:
                    word = Word(float(row["start_s"]), float(row["end_s"]), text)
                    self._of.setdefault(row["clip"], []).append(word)

    def of(self, clip: Clip) -> list[Word]:
        return self._of.get(clip.name, [])

    def text(self, clip: Clip, first: int, frames: int) -> str:
        """The words that lie wholly within ``frames`` frames from ``first`` on."""
        start, end = first / FPS, (first + frames) / FPS
        return " ".join(word.text for word in self.of(clip) if word.start >= start and word.end <= end)


def transcribe(clips: list[Clip], model: str | Path = "base", threads: int = 0) -> Iterator[tuple[str, Word]]:
    """Words that Whisper recognises in each clip, with their times; clip name and word.

    Args:
        model: a name of faster-whisper, or a folder of CTranslate2's files.

    Raises:
        ConfigError: faster-whisper is not installed.
    """
    try:
        from faster_whisper import WhisperModel
    except ImportError as problem:
        raise ConfigError("transcripts.no_whisper") from problem
    net = WhisperModel(str(model), device="cpu", compute_type="int8", cpu_threads=threads)
    for clip in clips:
        samples = read_audio(clip.folder / f"{clip.name}.mp4")
        if len(samples) < RATE // 2:
            continue
        segments, _ = net.transcribe(samples, beam_size=1, word_timestamps=True)
        for segment in segments:
            for word in segment.words or ():
                yield clip.name, Word(word.start, word.end, word.word.strip())


def main(arguments: list[str] | None = None) -> None:
    parser = argparse.ArgumentParser(description=for_terminal("help.transcripts.description"))
    parser.add_argument("--data", type=Path, required=True, help=for_terminal("help.fit.data"))
    parser.add_argument("--out", type=Path, help=for_terminal("help.transcripts.out"))
    parser.add_argument("--splits", nargs="+", default=["train", "extra", "val"])
    parser.add_argument("--model", default="base", help=for_terminal("help.transcripts.model"))
    options = parser.parse_args(arguments)
    folder = options.out or options.data
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / FILE).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(COLUMNS)
        for clip, word in transcribe(load_clips(options.data, tuple(options.splits)), options.model):
            table.writerow((clip, f"{word.start:.2f}", f"{word.end:.2f}", word.text))
            file.flush()


if __name__ == "__main__":
    main()
