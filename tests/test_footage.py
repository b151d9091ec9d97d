"""What is changed about people's footage is said in the result, and a job that is stopped leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import cv2
import numpy as np
import pytest
import soundfile
from skimage import data

from lipsync.assets import asset
from lipsync.audio import RATE
from lipsync.errors import FaceError
from lipsync.generate import generate
from lipsync.media import probe, read_audio, read_frames
from lipsync.methods import EMBEDDED
from lipsync.request import Request
from tests.media.clips import write_clip, write_hdr

FPS = 25


@pytest.fixture(scope="module")
def voice() -> np.ndarray:
    """(1, N) a second of speech at 16 kHz."""
    return read_audio(asset("examples") / "english.wav", RATE)[None, 18400 : 18400 + RATE]


@pytest.fixture(scope="module")
def portrait() -> np.ndarray:
    """(321, 319, 3) odd in both directions."""
    return np.ascontiguousarray(data.astronaut()[:321, 60:379])


def test_hdr_is_said(portrait, voice, tmp_path):
    write_hdr(tmp_path / "hlg.mkv", [np.ascontiguousarray(portrait[:320, :318])] * 5, transfer=18)
    soundfile.write(tmp_path / "a.wav", voice[0, : RATE // 2], RATE)
    request = Request(tmp_path / "hlg.mkv", tmp_path / "a.wav", tmp_path / "out.mp4", EMBEDDED)
    assert "generate.hdr" in [note.key for note in generate(request).notes]


@pytest.mark.parametrize(("start", "said"), [(0.6, ["generate.early_sound"]), (0.0, [])])
def test_speech_before_the_picture_is_said_to_be_cut(start, said, portrait, voice, tmp_path):
    times = [start + k / FPS for k in range(20)]
    clip = write_clip(
        tmp_path / "late.mp4", [portrait[:320, :318]] * 20, times=times, sound=np.tile(voice, 2), rate=RATE
    )
    result = generate(Request(clip, None, tmp_path / "out.mp4", EMBEDDED))
    assert [note.key for note in result.notes] == said
    assert not said or "0.6 s" in result.notes[0]


def test_speech_in_channels_out_of_phase_is_no_silence(portrait, voice, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), portrait[..., ::-1])
    soundfile.write(tmp_path / "a.wav", np.stack([voice[0], -voice[0]], 1)[: RATE // 2], RATE)
    result = generate(Request(tmp_path / "a.png", tmp_path / "a.wav", tmp_path / "out.mp4", EMBEDDED))
    assert result.notes == ()


def test_the_size_that_is_told_is_the_size_that_is_written(portrait, voice, tmp_path):
    cv2.imwrite(str(tmp_path / "odd.png"), portrait[..., ::-1])
    soundfile.write(tmp_path / "a.wav", voice[0, : RATE // 4], RATE)
    result = generate(Request(tmp_path / "odd.png", tmp_path / "a.wav", tmp_path / "out.mp4", EMBEDDED))
    info = probe(result.path)
    assert (result.width, result.height) == (info.width, info.height) == (320, 322)


@pytest.mark.parametrize("stop", [signal.SIGTERM, signal.SIGINT])
def test_a_stopped_job_leaves_nothing(stop, portrait, voice, tmp_path):
    cv2.imwrite(str(tmp_path / "a.png"), portrait[..., ::-1])
    soundfile.write(tmp_path / "a.wav", np.tile(voice[0], 60), RATE)
    (tmp_path / "out").mkdir()
    command = [sys.executable, "-m", "lipsync", "generate", "--method", EMBEDDED, "--face", "a.png"]
    with subprocess.Popen(
        [*command, "--audio", "a.wav", "--out", "out/o.mp4"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parents[1])},
        stderr=subprocess.PIPE,
        text=True,
        # Ignored where the tests run in the background of a shell, and that is inherited.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
    ) as job:
        while job.poll() is None and not any((tmp_path / "out").iterdir()):
            time.sleep(0.05)
        time.sleep(0.3)
        job.send_signal(stop)
        told = job.communicate(timeout=60)[1]
    assert job.returncode == 130
    assert "Traceback" not in told
    assert list((tmp_path / "out").iterdir()) == []


def test_jobs_at_once_give_the_same_files_as_one_after_the_other(portrait, voice, tmp_path):
    cv2.imwrite(str(tmp_path / "0.png"), portrait[..., ::-1])
    cv2.imwrite(str(tmp_path / "1.png"), portrait[:, ::-1, ::-1])
    for number, sound in enumerate((voice[0], voice[0, ::-1])):
        soundfile.write(tmp_path / f"{number}.wav", sound, RATE)

    def written(number: int, name: str) -> bytes:
        face, audio = tmp_path / f"{number}.png", tmp_path / f"{number}.wav"
        return generate(Request(face, audio, tmp_path / f"{name}{number}.mp4", EMBEDDED)).path.read_bytes()

    with ThreadPoolExecutor(2) as pool:
        together = list(pool.map(lambda number: written(number, "together"), range(2)))
    apart = [written(number, "apart") for number in range(2)]
    assert together == apart
    assert apart[0] != apart[1]


def cartoon(size: int) -> np.ndarray:
    """(S, S, 3) a simple drawing of a face, its mouth around (0.5, 0.67) of the side."""
    image = np.full((size, size, 3), (180, 215, 240), np.uint8)

    def oval(x: float, y: float, a: float, b: float, colour: tuple[int, int, int], arc: str = "") -> None:
        """An ellipse, or its ``upper`` or ``lower`` half; ``brow`` and ``nose`` are such halves as lines."""
        middle, axes = (int(x * size), int(y * size)), (int(a * size), int(b * size))
        begin, end = {"upper": (180, 360), "brow": (180, 360), "": (0, 360)}.get(arc, (0, 180))
        line = 2 if arc in ("brow", "nose") else -1
        cv2.ellipse(image, middle, axes, 0, begin, end, colour, line, cv2.LINE_AA)

    oval(0.5, 0.5, 0.3, 0.37, (250, 205, 160))
    oval(0.5, 0.27, 0.3, 0.16, (90, 50, 20), "upper")
    for x in (0.38, 0.62):
        oval(x, 0.45, 0.06, 0.075, (255, 255, 255))
        oval(x, 0.45, 0.03, 0.03, (40, 90, 30))
        oval(x, 0.45, 0.015, 0.015, (0, 0, 0))
        oval(x, 0.36, 0.07, 0.02, (70, 40, 20), "brow")
    oval(0.5, 0.56, 0.025, 0.035, (200, 140, 100), "nose")
    oval(0.5, 0.66, 0.11, 0.05, (190, 50, 60), "lower")
    return image


def small(image: np.ndarray, pixels: int) -> np.ndarray:
    """(360, 640, 3) the (S, S, 3) portrait ``pixels`` a side, in a wide grey picture."""
    wide = np.full((360, 640, 3), (110, 120, 115), np.uint8)
    wide[100 : 100 + pixels, 250 : 250 + pixels] = cv2.resize(
        image, (pixels, pixels), interpolation=cv2.INTER_AREA
    )
    return wide


@pytest.mark.parametrize(
    ("kind", "mouth"),  # the part of the picture that may change: rows, columns, in pixels
    [("drawn", (slice(68, 124), slice(26, 102))), ("of 40 pixels", (slice(126, 156), slice(262, 312)))],
)
def test_only_the_mouths_of_drawn_and_of_tiny_faces_move(kind, mouth, voice, tmp_path):
    image = cartoon(128) if kind == "drawn" else small(data.astronaut()[:256, 90:346], 90)
    cv2.imwrite(str(tmp_path / "a.png"), image[..., ::-1])
    soundfile.write(tmp_path / "a.wav", voice[0], RATE)
    request = Request(tmp_path / "a.png", tmp_path / "a.wav", tmp_path / "out.mp4", EMBEDDED, label=False)
    result = generate(request)
    assert result.frames_without_face == 0
    shown = np.stack([frame.image for frame in read_frames(result.path)]).astype(int)
    height, width = image.shape[:2]
    moved = np.ptp(shown[:, :height, :width], axis=0).max(-1)
    assert moved[mouth].max() > 40
    moved[mouth] = 0
    assert moved.mean() < 1
    assert moved.max() < 40


def test_an_animal_is_refused_in_a_sentence(voice, tmp_path):
    cv2.imwrite(str(tmp_path / "cat.png"), data.chelsea()[..., ::-1])
    soundfile.write(tmp_path / "a.wav", voice[0], RATE)
    with pytest.raises(FaceError, match=r"^No human face was found in cat\.png\. Choose a picture of a"):
        generate(Request(tmp_path / "cat.png", tmp_path / "a.wav", tmp_path / "out.mp4", EMBEDDED))
    assert not (tmp_path / "out.mp4").exists()
