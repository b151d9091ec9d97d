"""What is changed about people's footage is said in the result, and a job that is stopped leaves nothing."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile
from skimage import data

from lipsync.assets import asset
from lipsync.audio import RATE
from lipsync.generate import generate
from lipsync.media import probe, read_audio
from lipsync.methods import EMBEDDED
from lipsync.request import Request
from tests.media.clips import write_clip

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
    with av.open(str(tmp_path / "hlg.mkv"), "w") as container:
        stream = container.add_stream("ffv1", rate=FPS)
        stream.height, stream.width, stream.pix_fmt = 320, 318, "yuv420p10le"
        for _ in range(5):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(portrait[:320, :318]), "rgb24")
            frame = frame.reformat(format="yuv420p10le", dst_colorspace=9)
            frame.colorspace, frame.color_primaries, frame.color_trc, frame.color_range = 9, 9, 18, 1
            context = stream.codec_context
            context.colorspace, context.color_primaries, context.color_trc, context.color_range = 9, 9, 18, 1
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
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
