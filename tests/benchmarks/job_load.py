"""``python -m tests.benchmarks.job_load``: many jobs of several visitors at once at the real portal.

Each visitor has a face of their own (the example photo or video, in a size that nobody else's has) and
speech of their own (a piece of the example recordings). First each visitor's job is done alone; then all
visitors ask for theirs several times at once. Every result must have the visitor's size and speech, and the
sound, sample for sample, and the pictures, but for the encoder, that it had alone. The queue takes a limited
number: who is refused reads one sentence, and comes again.
"""

from __future__ import annotations

import argparse
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import soundfile
from gradio_client import Client, handle_file
from gradio_client.exceptions import AppError

from lipsync.assets import asset
from lipsync.media import VideoWriter, read_frames
from lipsync.media.sound import read_audio
from tests.portal import serving

EXAMPLES = asset("examples")
METHOD = "lstm-cbam"  # the fastest of those that ship
RATE = 16_000  # Hz
ENCODED = (
    40.0  # dB; x264 165 with AVX-512 does not give the same bits each time, by which no eye sees a thing
)
LIKE = 0.9  # correlation of a result's sound with the visitor's own
AGAIN = 5.0  # s after which a refused one comes again
LIMIT = 540.0  # s after which nobody comes again


@dataclass
class Visitor:
    """Somebody with a browser of their own.

    Attributes:
        face, speech: files.
        size: pixels, width and height of the face.
        sound: (N,) what is said.
        alone: the result when nobody else was there.
    """

    number: int
    client: Client
    face: Path
    speech: Path
    size: int
    sound: np.ndarray
    alone: Path = Path()

    def generate(self) -> tuple[Path, dict[str, Any]]:
        """One job through the API: the file and the facts.

        Raises:
            AppError: it was refused, with the sentence.
        """
        face, speech = handle_file(str(self.face)), handle_file(str(self.speech))
        path, facts = self.client.predict(face, speech, METHOD, consent=True, api_name="/generate")
        return Path(path), facts


@dataclass
class Counts:
    """What became of the jobs.

    Attributes:
        done, refused: how many; a job that was refused several times counts as often.
        same: results that are, byte for byte, what they were alone.
        wrong: what is wrong with each result that is not the visitor's.
    """

    done: int = 0
    same: int = 0
    refused: int = 0
    sentences: set[str] = field(default_factory=set)
    wrong: list[str] = field(default_factory=list)
    lock: threading.Lock = field(default_factory=threading.Lock)


def visitor(number: int, address: str, folder: Path) -> Visitor:
    """A visitor whose size and speech are nobody else's."""
    folder.mkdir()
    size = 256 + 16 * number
    face = folder / ("face.jpg" if number % 2 else "face.mp4")
    if number % 2:
        photo = cv2.imread(str(EXAMPLES / "portrait.jpg"))
        cv2.imwrite(str(face), cv2.resize(photo, (size, size), interpolation=cv2.INTER_AREA))
    else:
        with VideoWriter(face, size, size, 25.0) as writer:
            for frame, _ in zip(read_frames(EXAMPLES / "portrait.mp4"), range(30), strict=False):
                writer.write(cv2.resize(frame.image, (size, size), interpolation=cv2.INTER_AREA))
    recording = read_audio(EXAMPLES / ("english.wav" if number % 4 < 2 else "chinese.wav"))
    begin = round(RATE * (0.3 + 0.25 * (number // 2)))
    sound = recording[begin : begin + round(RATE * (1.0 + 0.08 * number))]
    soundfile.write(folder / "speech.wav", sound, RATE)
    client = Client(address, verbose=False, download_files=str(folder / "results"))
    return Visitor(number, client, face, folder / "speech.wav", size, sound)


def difference(result: Path, facts: dict[str, Any], own: Visitor, others: list[Visitor]) -> str:
    """What shows that a result is not this visitor's; "": nothing."""
    if (facts["width"], facts["height"]) != (own.size, own.size):
        return f"{facts['width']} x {facts['height']} and not {own.size} pixels"
    sound = read_audio(result)
    if similarity(sound, own.sound) < LIKE:
        alike = max(others, key=lambda other: similarity(sound, other.sound))
        return f"the sound is not its own, but more like that of visitor {alike.number}"
    if not np.array_equal(sound, read_audio(own.alone)):
        return "not the sound that it was alone"
    one, other = (np.stack([frame.image for frame in read_frames(path)]) for path in (result, own.alone))
    if one.shape != other.shape or psnr(one, other) < ENCODED:
        return "not the pictures that it was alone"
    return ""


def psnr(one: np.ndarray, other: np.ndarray) -> float:
    """Peak signal-to-noise ratio of two videos (T, H, W, 3) uint8, in dB."""
    error = np.square(one.astype(np.float32) - other).mean()
    return float(10 * np.log10(255**2 / max(error, 1e-9)))


def similarity(one: np.ndarray, other: np.ndarray) -> float:
    """The largest normalised correlation of two recordings over all delays, (N,) and (M,)."""
    size = 1 << (len(one) + len(other)).bit_length()
    product = np.fft.irfft(np.fft.rfft(one, size) * np.conj(np.fft.rfft(other, size)))
    return float(product.max() / (np.linalg.norm(one) * np.linalg.norm(other) + 1e-9))


def insist(own: Visitor, visitors: list[Visitor], counts: Counts, end: float) -> None:
    """One job, asked for until it is taken."""
    while time.monotonic() < end:
        try:
            result, facts = own.generate()
        except AppError as refusal:
            with counts.lock:
                counts.refused += 1
                counts.sentences.add(str(refusal))
            time.sleep(AGAIN)
            continue
        wrong = difference(result, facts, own, [other for other in visitors if other is not own])
        with counts.lock:
            counts.done += 1
            counts.same += result.read_bytes() == own.alone.read_bytes()
            if wrong:
                counts.wrong.append(f"visitor {own.number}: {wrong}")
        return


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--jobs", type=int, default=50, help="in all")
    parser.add_argument("--visitors", type=int, default=10)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, serving(Path(folder)) as address:
        visitors = [
            visitor(number, address, Path(folder) / f"visitor {number}") for number in range(options.visitors)
        ]
        began = time.monotonic()
        for own in visitors:
            own.alone, _ = own.generate()
        alone = time.monotonic() - began
        counts, began = Counts(), time.monotonic()
        with ThreadPoolExecutor(options.jobs) as threads:
            for job in range(options.jobs):
                own = visitors[job % len(visitors)]
                threads.submit(insist, own, visitors, counts, began + LIMIT - alone)
        seconds = time.monotonic() - began
    print(f"{len(visitors)} jobs alone, one after the other: {alone:.0f} s")
    print(
        f"{options.jobs} jobs of {len(visitors)} visitors at once: {counts.done} done, "
        f"{counts.refused} refused, {len(counts.wrong)} mixed up, {seconds:.0f} s; "
        f"{counts.same} the same to the byte as alone"
    )
    for sentence in sorted(counts.sentences):
        print(f"  refused: {sentence}")
    for wrong in counts.wrong:
        print(f"  {wrong}")
    raise SystemExit(1 if counts.wrong or counts.done < options.jobs else 0)


if __name__ == "__main__":
    main()
