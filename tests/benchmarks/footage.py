"""What becomes of footage as people have it: over sixty odd files, one line each.

    python -m tests.benchmarks.footage [--face CLIP] [--other CLIP] [--method NAME] [--out DIR] [--group NAME]

The files are made from one second of a face clip, or of the portrait that scikit-image ships, and kept with
their results under ``--out`` where it is given. ``--other`` is a clip of another person, for the cut. With
``--group`` one group of files is made. A line says what the result is and which notes it has, or the sentence
that refused the file.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from fractions import Fraction
from functools import partial
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory

import cv2
import numpy as np
from PIL import Image
from skimage import data

from lipsync.assets import asset
from lipsync.audio import RATE
from lipsync.errors import LipSyncError
from lipsync.generate import Request, generate
from lipsync.media import read_audio, read_frames
from lipsync.methods import EMBEDDED
from tests.media.clips import write_clip, write_hdr

COUNT, FPS, SIDE = 25, 25, 320  # frames, frames/s and pixels of the pictures that the files are made of
Make = Callable[[Path], object]


class Material:
    """One second of a face and of speech, and the ways to spoil them."""

    def __init__(self, face: Path | None, other: Path | None) -> None:
        self.images = _pictures(face) if face else _portrait()
        self.other = _pictures(other) if other else [np.ascontiguousarray(i[:, ::-1]) for i in self.images]
        self.speech = read_audio(asset("examples") / "english.wav", RATE)[None, 18400 : 18400 + RATE]

    def each(self, change: Callable[[np.ndarray, int], np.ndarray]) -> list[np.ndarray]:
        """The pictures after a change, which is given each one and its number."""
        return [
            np.ascontiguousarray(change(image, number)).astype(np.uint8)
            for number, image in enumerate(self.images)
        ]

    def sound(self, rate: int, channels: int = 1) -> np.ndarray:
        """(channels, N) the speech at another rate."""
        samples = self.speech[0]
        times = np.arange(round(len(samples) * rate / RATE)) * RATE / rate
        return np.repeat(np.interp(times, np.arange(len(samples)), samples)[None], channels, 0).astype(
            np.float32
        )


def _pictures(clip: Path) -> list[np.ndarray]:
    return [cv2.resize(frame.image, (SIDE, SIDE)) for frame in islice(read_frames(clip, FPS), COUNT)]


def _portrait() -> list[np.ndarray]:
    picture = data.astronaut()
    return [
        np.ascontiguousarray(picture[k // 5 : SIDE + k // 5, 60 + k // 4 : 60 + SIDE + k // 4])
        for k in range(COUNT)
    ]


def files(material: Material) -> Iterator[tuple[str, str, Make]]:
    """Group, file name and what makes it."""
    for group in (_containers, _rates, _sizes, _colours, _pictures_of_people, _sounds, _no_videos):
        for name, make in group(material):
            yield group.__name__.strip("_").replace("_", " "), name, make


def _video(images: list[np.ndarray], path: Path, sound: np.ndarray | None = None, **options) -> None:
    write_clip(path, images, sound=sound, **options)


def _containers(m: Material) -> Iterator[tuple[str, Make]]:
    for name, codec, pixels in (
        ("h264.mp4", "libx264", "yuv420p"),
        ("h264.mov", "libx264", "yuv420p"),
        ("h264.mkv", "libx264", "yuv420p"),
        ("h264.ts", "libx264", "yuv420p"),
        ("h264.flv", "libx264", "yuv420p"),
        ("hevc.mp4", "libx265", "yuv420p"),
        ("vp8.webm", "libvpx", "yuv420p"),
        ("vp9.webm", "libvpx-vp9", "yuv420p"),
        ("av1.mp4", "libsvtav1", "yuv420p"),
        ("mpeg4.avi", "mpeg4", "yuv420p"),
        ("mpeg2.mpg", "mpeg2video", "yuv420p"),
        ("mjpeg.avi", "mjpeg", "yuvj420p"),
        ("prores.mov", "prores_ks", "yuv422p10le"),
        ("ffv1.mkv", "ffv1", "yuv420p"),
        ("wmv2.wmv", "wmv2", "yuv420p"),
        ("animation.gif", "gif", "rgb8"),
        ("raw.avi", "rawvideo", "yuv420p"),
        ("rle.mov", "qtrle", "rgb24"),
    ):
        yield name, partial(_video, m.images, codec=codec, pix_fmt=pixels)
    still = [Image.fromarray(image) for image in m.images]
    for name in ("animation.webp", "animation.png"):
        yield (
            name,
            lambda path: still[0].save(path, save_all=True, append_images=still[1:], duration=40, loop=0),
        )
    for name in ("photo.jpg", "photo.png", "photo.webp", "photo.bmp", "photo.tiff", "photo.avif"):
        yield name, still[0].save


def _rates(m: Material) -> Iterator[tuple[str, Make]]:
    for fps in (5, 10, 15, 24000 / 1001, 24, 30000 / 1001, 30, 50, 60000 / 1001, 120):
        yield f"{fps:.5g}-fps.mp4", partial(_video, m.images, fps=fps)
    uneven = np.cumsum([0.02, 0.06] * COUNT)[:COUNT]
    yield "uneven.mp4", partial(_video, m.images, times=[float(t) for t in uneven])
    yield "one-frame.mp4", partial(_video, m.images[:1])


def _sizes(m: Material) -> Iterator[tuple[str, Make]]:
    for name, width, height in (
        ("odd-319x321.mkv", 319, 321),
        ("tall.mp4", 240, 320),
        ("64-pixels.mp4", 64, 64),
    ):
        images = [cv2.resize(image, (width, height)) for image in m.images]
        yield name, partial(_video, images, codec="ffv1" if width % 2 else "libx264")
    large = [
        cv2.copyMakeBorder(cv2.resize(i, (2160, 2160)), 0, 0, 840, 840, cv2.BORDER_REFLECT)
        for i in m.images[:5]
    ]
    yield "4k.mp4", partial(_video, large)
    small = m.each(
        lambda image, _: np.pad(cv2.resize(image, (96, 96)), ((200, 200), (300, 300), (0, 0)), "edge")
    )
    yield "face-40-pixels.mp4", partial(_video, small)
    yield (
        "anamorphic.mp4",
        partial(_video, m.each(lambda image, _: cv2.resize(image, (240, 320))), aspect=Fraction(4, 3)),
    )
    for turn in (90, 180, 270):
        turned = [np.ascontiguousarray(np.rot90(image, turn // 90)) for image in m.images]
        yield f"metadata-{turn}.mp4", partial(_video, turned, rotation=(-turn, False, False))
        yield f"lying-{turn}.mp4", partial(_video, turned)


def _colours(m: Material) -> Iterator[tuple[str, Make]]:
    yield "444.mp4", partial(_video, m.images, pix_fmt="yuv444p")
    yield "10-bit.mkv", partial(_video, m.images, codec="libx265", pix_fmt="yuv420p10le")
    yield "422.mov", partial(_video, m.images, codec="prores_ks", pix_fmt="yuv422p10le")
    clear = m.each(lambda image, _: np.dstack([image, np.full(image.shape[:2], 128)]))
    yield "alpha.webm", partial(_video, clear, codec="libvpx-vp9", pix_fmt="yuva420p")
    yield "alpha.mov", partial(_video, clear, codec="qtrle", pix_fmt="argb")
    for name, transfer, white in (
        ("hlg.mkv", 18, 0.75),
        ("pq.mkv", 16, 0.58),
    ):  # white paper's share of the code
        images = [(image * white).astype(np.uint8) for image in m.images]
        yield name, partial(write_hdr, images=images, transfer=transfer)
    woven = [b.copy() for b in m.images]
    for first, second in zip(m.images, woven[1:], strict=False):
        second[1::2] = first[1::2]
    yield "interlaced.mp4", partial(_video, woven, options={"x264-params": "tff=1"})


def _pictures_of_people(m: Material) -> Iterator[tuple[str, Make]]:
    grey = m.each(lambda image, _: np.repeat(image.mean(2, keepdims=True), 3, 2))
    yield "grey.mp4", partial(_video, grey)
    yield "sepia.mp4", partial(_video, [(g * (1.0, 0.85, 0.66)).astype(np.uint8) for g in grey])
    yield "fade-in.mp4", partial(_video, m.each(lambda image, k: image * min(1.0, k / 12)))
    yield "fade-out.mp4", partial(_video, m.each(lambda image, k: image * min(1.0, (COUNT - 1 - k) / 12)))
    yield (
        "flash.mp4",
        partial(_video, m.each(lambda image, k: np.full_like(image, 255) if k == 12 else image)),
    )
    yield "dark.mp4", partial(_video, m.each(lambda image, _: image * 0.15))
    yield "blurred.mp4", partial(_video, m.each(lambda image, _: cv2.GaussianBlur(image, (0, 0), 4)))
    yield "cut.mp4", partial(_video, [*m.images[:8], *m.other[:9], *m.images[8:16]])
    yield "two-people.mp4", partial(_video, [np.hstack(pair) for pair in zip(m.images, m.other, strict=True)])
    slides = m.each(
        lambda image, k: np.roll(np.pad(image, ((0, 0), (0, SIDE), (0, 0))), SIDE - 26 * k, 1)[:, :SIDE]
    )
    yield "enters.mp4", partial(_video, slides)

    def cup(image: np.ndarray, number: int) -> np.ndarray:
        return image if number < 8 else cv2.rectangle(image.copy(), (115, 200), (205, 300), (40, 80, 160), -1)

    yield "covered.mp4", partial(_video, m.each(cup))
    yield "cat.png", lambda path: Image.fromarray(data.chelsea()).save(path)
    yield "no-face.mp4", partial(_video, m.each(lambda image, _: image * 0 + 128))


def _sounds(m: Material) -> Iterator[tuple[str, Make]]:
    for name, codec, rate, channels in (
        ("mono-8k.mkv", "pcm_s16le", 8000, 1),
        ("stereo-44k.mp4", "aac", 44100, 2),
        ("5.1.mp4", "aac", 48000, 6),
        ("mp3.mkv", "libmp3lame", 44100, 2),
        ("opus.webm", "libopus", 48000, 1),
        ("flac.mkv", "flac", 96000, 1),
        ("alac.mov", "alac", 44100, 2),
    ):
        sound = m.sound(rate, channels)
        picture = "libvpx" if name.endswith("webm") else "libx264"
        yield name, partial(_video, m.images, sound=sound, rate=rate, sound_codec=codec, codec=picture)
    against = m.sound(44100, 2) * np.array([[1], [-1]], np.float32)
    yield "out-of-phase.mp4", partial(_video, m.images, sound=against)
    yield "silent.mp4", partial(_video, m.images, sound=m.sound(44100) * 0)
    yield "short-sound.mp4", partial(_video, m.images, sound=m.sound(44100)[:, :8820])
    yield "late-sound.mp4", partial(_video, m.images, sound=m.sound(44100), sound_start=0.4)
    late = [0.6 + k / FPS for k in range(COUNT)]
    yield "late-picture.mp4", partial(_video, m.images, sound=m.sound(44100), times=late)


def _no_videos(m: Material) -> Iterator[tuple[str, Make]]:
    def cut_off(path: Path) -> None:
        _video(m.images, path)
        path.write_bytes(path.read_bytes()[:5000])

    yield "cut-off.mp4", cut_off
    yield "empty.mp4", lambda path: path.write_bytes(b"")
    yield "text.mp4", lambda path: path.write_text("not a video", encoding="utf-8")
    yield "sound-alone.mp4", lambda path: _video([], path, sound=m.sound(44100))
    yield "photo-as.mp4", lambda path: Image.fromarray(m.images[0]).save(path, format="JPEG")
    yield "one-pixel.png", lambda path: Image.fromarray(m.images[0][:1, :1]).save(path)
    yield "名前 with spaces.mp4", partial(_video, m.images)


def _became(face: Path, speech: Path | None, out: Path, method: str) -> str:
    """What a file became, or why it was refused; None as speech takes its own sound."""
    try:
        result = generate(Request(face, speech, out, method, label=False))
    except LipSyncError as refused:
        return f"refused: {refused}"
    drawn = result.frames - result.frames_without_face
    notes = "".join(f"; {note}" for note in result.notes)
    return (
        f"{drawn} of {result.frames} frames drawn, {result.width}x{result.height} at {result.fps:.5g}{notes}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--face", type=Path)
    parser.add_argument("--other", type=Path)
    parser.add_argument("--method", default=EMBEDDED)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--group")
    options = parser.parse_args()
    material, broken, count = Material(options.face, options.other), 0, 0
    with ExitStack() as stack:
        folder = options.out or Path(stack.enter_context(TemporaryDirectory()))
        folder.mkdir(parents=True, exist_ok=True)
        speech = folder / "speech.wav"
        write_clip(speech, sound=material.speech, rate=RATE, sound_codec="pcm_s16le")
        for group, name, make in files(material):
            if options.group not in (None, group):
                continue
            face = folder / name
            make(face)
            began = time.perf_counter()
            try:
                own = group == "sounds"  # its own sound is what is odd about it
                became = _became(face, None if own else speech, folder / f"{name}.result.mp4", options.method)
            except Exception as bug:  # the whole list is wanted, with every bug in it
                became, broken = f"BUG: {type(bug).__name__}: {bug}", broken + 1
            count += 1
            print(f"{group:>20}  {name:<22} {time.perf_counter() - began:5.1f} s  {became}", flush=True)
    print(f"{count} files, {broken} bugs")
    raise SystemExit(1 if broken else 0)


if __name__ == "__main__":
    main()
