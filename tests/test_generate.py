"""The main job, end to end, on real clips and on what people upload by mistake."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import wave
from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from lipsync.assets import asset
from lipsync.audio import RATE
from lipsync.errors import Cancelled, ConfigError, FaceError, LipSyncError, MediaError
from lipsync.generate import NO_SPEECH, Progress, generate
from lipsync.generate import Request as AnyRequest
from lipsync.media import VideoWriter, probe, read_audio, read_frames
from lipsync.methods import EMBEDDED, load_method

EXAMPLES = asset("examples")
Request = partial(AnyRequest, method=EMBEDDED)  # the quickest core; what ``auto`` takes is in tests/methods


def say(path: Path, seconds: float, silence: float = 0.0) -> Path:
    """So much of the English example, from the middle of a sentence on, then seconds of silence."""
    voice = read_audio(EXAMPLES / "english.wav")[18400:]
    samples = np.pad(np.resize(voice, int(seconds * RATE)), (0, int(silence * RATE)))
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((samples * 32767).astype("<i2").tobytes())
    return path


@pytest.fixture(scope="module")
def photo(tmp_path_factory) -> Path:
    """The portrait that scikit-image ships (public domain)."""
    from skimage.data import astronaut

    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    cv2.imwrite(str(path), astronaut()[:320, 60:380, ::-1])
    return path


@pytest.fixture(scope="module")
def speech(tmp_path_factory) -> Path:
    return say(tmp_path_factory.mktemp("speech") / "speech.wav", 1.2)


@pytest.fixture(scope="module")
def spoken(photo, speech, tmp_path_factory):
    """One result, looked at by several tests, with the progress it told."""
    told: list[Progress] = []
    output = tmp_path_factory.mktemp("out") / "out.mp4"
    return generate(Request(face=photo, audio=speech, output=output), progress=told.append), told


def test_a_photo_speaks_for_as_long_as_the_speech(spoken):
    result, _ = spoken
    info = probe(result.path)
    assert (info.width, info.height) == (320, 320) == (result.width, result.height)
    assert result.frames == 30 == len(list(read_frames(result.path)))
    assert result.frames_without_face == 0
    assert info.has_audio
    assert abs(info.duration - 1.2) < 0.05
    assert len(result.weights_sha256) == 64


def test_browsers_can_play_it_and_it_says_what_it_is(spoken):
    with av.open(str(spoken[0].path)) as container:
        video, audio = container.streams.video[0], container.streams.audio[0]
        assert (video.codec.name, video.pix_fmt, audio.codec.name) == ("h264", "yuv420p", "aac")
        assert "AI-generated" in container.metadata["comment"]


def test_only_the_lower_face_and_the_mark_change(spoken, photo):
    original = cv2.imread(str(photo))[..., ::-1].astype(int)
    changed = np.zeros(original.shape[:2], bool)
    for frame in read_frames(spoken[0].path):
        changed |= np.abs(frame.image.astype(int) - original).max(-1) > 40
    rows, columns = np.nonzero(changed[:280])  # the mark is below
    assert len(rows) > 20, "the mouth moves"
    assert rows.min() > 100, "eyes and hair stay"
    assert columns.min() > 60
    assert columns.max() < 260


def test_sharpening_brings_out_the_drawn_mouth_and_nothing_else(spoken, photo, speech, tmp_path):
    def detail(path: Path, rows: slice) -> float:
        frames = [frame.image[rows, 110:210].astype(np.float32) for frame in read_frames(path)]
        return float(np.mean([np.abs(f - cv2.GaussianBlur(f, (0, 0), 1.5)).mean() for f in frames]))

    sharp = generate(Request(photo, speech, tmp_path / "sharp.mp4", sharpen=1.0)).path
    eyes, mouth = slice(40, 110), slice(150, 200)
    assert detail(sharp, mouth) > 1.03 * detail(spoken[0].path, mouth)
    assert detail(sharp, eyes) == pytest.approx(detail(spoken[0].path, eyes), rel=0.01)


def test_progress_counts_up_to_the_end(spoken):
    _, told = spoken
    assert [p.stage for p in told][:2] == ["weights", "audio"]
    frames = [p for p in told if p.stage == "frames"]
    assert frames[-1].done == frames[-1].total == 30
    assert [p.done for p in frames] == sorted(p.done for p in frames)
    assert told[-1].stage == "finish"


def test_the_stages_are_timed(spoken):
    seconds = spoken[0].seconds
    assert set(seconds) >= {
        "weights",
        "audio",
        "decode",
        "track",
        "crop",
        "network",
        "blend",
        "encode",
        "total",
    }
    assert all(0 <= value <= seconds["total"] for value in seconds.values())


def test_the_mouth_follows_the_speech(photo, speech, tmp_path):
    """Silence and speech give different mouths; the same speech gives the same video."""
    quiet = tmp_path / "quiet.wav"
    rng = np.random.default_rng(0)
    with wave.open(str(quiet), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes((rng.normal(0, 30, 19200)).astype("<i2").tobytes())
    runs = {}
    for name, sound in (("loud", speech), ("again", speech), ("quiet", quiet)):
        result = generate(Request(face=photo, audio=sound, output=tmp_path / f"{name}.mp4", label=False))
        runs[name] = np.stack([f.image for f in read_frames(result.path)]).astype(float)
    moving = {name: np.abs(np.diff(run, axis=0)).mean() for name, run in runs.items()}
    assert (runs["loud"] == runs["again"]).all()
    assert moving["loud"] > 1.5 * moving["quiet"]


def test_a_recording_without_speech_leaves_the_lips_at_rest_and_says_so(photo, tmp_path):
    """A buzz like a razor's, which comes and goes four times a second."""
    t = np.arange(16000) / RATE
    buzz = 0.3 * np.sign(np.sin(2 * np.pi * 130 * t)) * (np.sin(2 * np.pi * 4 * t) > 0)
    with wave.open(str(tmp_path / "buzz.wav"), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes((buzz * 32767).astype("<i2").tobytes())
    result = generate(Request(photo, tmp_path / "buzz.wav", tmp_path / "out.mp4", label=False))
    assert result.notes == (NO_SPEECH,)
    frames = np.stack([frame.image for frame in read_frames(result.path)]).astype(float)
    assert np.abs(np.diff(frames, axis=0)).mean() < 0.1


@pytest.mark.parametrize("length", ["audio", "video"])
def test_lengths_of_video_and_speech_may_differ(length, photo, tmp_path):
    still = cv2.imread(str(photo))[..., ::-1]
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, 320, 320, 20) as writer:
        for _ in range(20):
            writer.write(np.ascontiguousarray(still))
    sound = say(tmp_path / "long.wav", 2.5)
    result = generate(Request(face=clip, audio=sound, output=tmp_path / "o.mp4", length=length))
    assert result.fps == 20
    assert result.frames == {"audio": 50, "video": 20}[length]
    assert abs(len(read_audio(result.path)) / 16000 - result.duration) < 0.1


def test_after_the_speech_the_mouth_hears_silence(photo, tmp_path):
    """A video that goes on after its speech equals one whose speech has silence appended."""
    still = np.ascontiguousarray(cv2.imread(str(photo))[..., ::-1])
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, 320, 320, 25) as writer:
        for _ in range(30):
            writer.write(still)
    runs = []
    for silence in (0.0, 0.6):
        sound = say(tmp_path / f"{silence}.wav", 0.6, silence=silence)  # cut off in the middle of a word
        result = generate(Request(clip, sound, tmp_path / f"{silence}.mp4", length="video"))
        runs.append(np.stack([frame.image for frame in read_frames(result.path)]))
    assert len(runs[0]) == 30
    assert (runs[0] == runs[1]).all()


def test_silence_is_drawn_where_it_is_asked_for(photo, tmp_path):
    silent = tmp_path / "silent.wav"
    with wave.open(str(silent), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(2 * 8000))
    result = generate(Request(photo, silent, tmp_path / "out.mp4", allow_silence=True))
    assert (result.frames, result.frames_without_face) == (12, 0)
    assert not read_audio(result.path)[:6000].any()


def test_a_slow_video_gets_enough_pictures_for_speech(photo, speech, tmp_path):
    still = np.ascontiguousarray(cv2.imread(str(photo))[..., ::-1])
    clip = tmp_path / "slides.mp4"
    with VideoWriter(clip, 320, 320, 4) as writer:
        for k in range(8):
            writer.write(np.roll(still, 2 * k, axis=1))
    result = generate(Request(clip, speech, tmp_path / "o.mp4", label=False))
    assert (result.fps, result.frames, result.frames_without_face) == (20, 24, 0)
    frames = [frame.image.astype(int) for frame in read_frames(result.path)]
    forehead = [frame[:60] for frame in frames]
    assert np.abs(forehead[1] - forehead[4]).mean() < 0.5 < np.abs(forehead[4] - forehead[5]).mean()


def test_a_large_photo_becomes_a_video_that_plays(photo, speech, tmp_path):
    large = tmp_path / "large.jpg"
    cv2.imwrite(str(large), cv2.resize(cv2.imread(str(photo)), (4032, 3024)))
    request = Request(large, speech, tmp_path / "o.mp4", face_point=(4032 * 0.5, 3024 * 0.4))
    result = generate(request)
    assert (result.width, result.height) == (1920, 1440)
    assert result.frames_without_face == 0


def test_frames_without_a_face_pass_through_and_are_counted(photo, speech, tmp_path):
    face = np.ascontiguousarray(cv2.imread(str(photo))[..., ::-1])
    wall = np.full_like(face, 90)
    clip = tmp_path / "clip.mp4"
    with VideoWriter(clip, 320, 320, 25) as writer:
        for k in range(30):
            writer.write(wall if 10 <= k < 20 else face)
    result = generate(Request(face=clip, audio=speech, output=tmp_path / "o.mp4", label=False))
    assert 8 <= result.frames_without_face <= 12
    frames = list(read_frames(result.path))
    assert np.abs(frames[15].image.astype(int) - 90).max() <= 3


@pytest.mark.parametrize(
    "name", [pytest.param("orig02.mp4", marks=pytest.mark.minutes), "orig07.mpg", "orig10.webm"]
)
def test_real_uploads_become_videos(name, shared, tmp_path, monkeypatch):
    """Two people, MPEG-1, VP9: the first second of each."""
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    source = shared / "data" / "originals" / name
    sound = say(tmp_path / "s.wav", 1.0)
    result = generate(Request(face=source, audio=sound, output=tmp_path / "结果 1.mp4"))
    info = probe(source)
    assert (result.width, result.height) == (info.width, info.height)
    assert result.frames == round(info.fps)
    assert result.frames_without_face < result.frames
    assert len(result.notes) == max(0, result.people - 1), "the second of two people is left unchanged"


def test_the_face_that_is_asked_for_speaks(shared, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    source = shared / "data" / "originals" / "orig02.mp4"
    sound = say(tmp_path / "s.wav", 0.8)
    before = [f.image.astype(int) for f in read_frames(source, max_frames=20)]
    middle = {}
    for index in (0, 1):
        output = tmp_path / f"{index}.mp4"
        result = generate(
            Request(source, sound, output, face_range=(0.0, 2.0), face_index=index, label=False)
        )
        assert result.faces_seen == 2
        after = [f.image.astype(int) for f in read_frames(result.path)]
        difference = np.mean([np.abs(a - b).max(-1) > 24 for a, b in zip(after, before, strict=True)], axis=0)
        middle[index] = np.nonzero(difference > 0.2)[1].mean()
    assert middle[0] < 640 < middle[1]
    with pytest.raises(FaceError, match="2 faces"):
        generate(Request(source, sound, tmp_path / "2.mp4", face_range=(0.0, 2.0), face_index=2))


def test_works_with_nothing_but_the_installed_packages(photo, speech, tmp_path, monkeypatch):
    """No landmarker, no network: coarser, and it says so once."""
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    monkeypatch.delenv("LIPSYNC_WEIGHTS", raising=False)
    result = generate(Request(face=photo, audio=speech, output=tmp_path / "o.mp4"))
    assert result.frames_without_face == 0
    assert len(result.notes) == 1
    assert "landmarker" in result.notes[0]


def _bad_inputs(folder: Path, photo: Path) -> dict[str, tuple[Path | None, Path | None]]:
    empty = folder / "empty.mp4"
    empty.touch()
    text = folder / "notes 笔记.mp4"
    text.write_text("hello " * 100)
    wall = folder / "wall.png"
    cv2.imwrite(str(wall), np.full((200, 300, 3), 120, np.uint8))
    tiny = folder / "tiny.png"
    cv2.imwrite(str(tiny), np.full((20, 20, 3), 120, np.uint8))
    silent = folder / "silent.wav"
    with wave.open(str(silent), "wb") as file:
        file.setparams((1, 2, 16000, 0, "NONE", ""))
        file.writeframes(bytes(32000))
    blip = folder / "blip.wav"
    with wave.open(str(blip), "wb") as file:
        file.setparams((1, 2, 48000, 0, "NONE", ""))
        file.writeframes(b"\x00\x40")
    cut = folder / "cut.mp4"
    whole = folder / "whole.mp4"
    with VideoWriter(whole, 64, 64, 25) as writer:
        for _ in range(50):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 3])
    return {
        "empty": (empty, None),
        "text": (text, None),
        "missing": (folder / "nowhere.mp4", None),
        "folder": (folder, None),
        "wall": (wall, None),
        "tiny": (tiny, None),
        "cut": (cut, None),
        "silent speech": (None, silent),
        "one sample of speech": (None, blip),
        "photo as speech": (None, photo),
        "text as speech": (None, text),
    }


@pytest.mark.parametrize(
    "case",
    [
        "empty",
        "text",
        "missing",
        "folder",
        "wall",
        "tiny",
        "cut",
        "silent speech",
        "one sample of speech",
        "photo as speech",
        "text as speech",
    ],
)
def test_bad_input_gives_a_sentence_and_leaves_nothing(case, photo, speech, tmp_path):
    inputs = tmp_path / "in"
    inputs.mkdir()
    output = tmp_path / "out"
    output.mkdir()
    face, sound = _bad_inputs(inputs, photo)[case]
    with pytest.raises(LipSyncError) as caught:
        generate(Request(face=face or photo, audio=sound or speech, output=output / "o.mp4"))
    message = str(caught.value)
    assert len(message) > 20
    assert message.endswith(".")
    assert "Traceback" not in message
    assert list(output.iterdir()) == []


def test_a_photo_has_no_sound_of_its_own(photo, tmp_path):
    with pytest.raises(MediaError, match="no sound"):
        generate(Request(face=photo, audio=None, output=tmp_path / "o.mp4"))


def test_the_limit_of_the_app_is_told_before_work_begins(photo, speech, tmp_path):
    with pytest.raises(ConfigError, match="limit"):
        generate(Request(face=photo, audio=speech, output=tmp_path / "o.mp4", max_seconds=1.0))


def test_impossible_wishes_are_refused(photo, speech, tmp_path):
    with pytest.raises(ConfigError, match="batch size"):
        generate(Request(face=photo, audio=speech, output=tmp_path / "o.mp4", batch_size=0))
    with pytest.raises(ConfigError, match=r"from 0 to 1, not 1\.2"):
        generate(Request(face=photo, audio=speech, output=tmp_path / "o.mp4", sharpen=1.2))
    clip = tmp_path / "mine.mp4"
    with VideoWriter(clip, 320, 320, 25) as writer:
        writer.write(np.ascontiguousarray(cv2.imread(str(photo))[..., ::-1]))
    before = clip.read_bytes()
    with pytest.raises(ConfigError, match=r"overwrite mine\.mp4"):
        generate(Request(face=clip, audio=speech, output=clip))
    assert clip.read_bytes() == before


def test_an_unknown_method_is_answered_with_the_nearest(photo, speech, tmp_path):
    with pytest.raises(ConfigError, match="wav2lip"):
        generate(Request(face=photo, audio=speech, output=tmp_path / "o.mp4", method="wav2lop"))


def test_cancel_stops_and_leaves_nothing(photo, tmp_path):
    sound = say(tmp_path / "s.wav", 20)
    stop, output = threading.Event(), tmp_path / "out"
    output.mkdir()
    threads = threading.active_count()

    def when_running(progress: Progress) -> None:
        if progress.stage == "frames":
            stop.set()

    with pytest.raises(Cancelled):
        generate(
            Request(face=photo, audio=sound, output=output / "o.mp4"), progress=when_running, cancel=stop
        )
    assert list(output.iterdir()) == []
    assert threading.active_count() <= threads + 1


def test_the_result_tells_which_frames_were_references(spoken, photo):
    from lipsync.faces import faces_in

    result, _ = spoken
    (frame,) = result.references
    assert frame.time == 0
    x0, y0, x1, y1 = frame.box
    left, top, right, bottom = faces_in(photo)[0].box
    # The square of the crop is about the detector's box, which is narrower than high.
    assert abs((x0 + x1) - (left + right)) < 30
    assert abs((y0 + y1) - (top + bottom)) < 30
    assert 0.8 * (bottom - top) < y1 - y0 < 1.4 * (bottom - top)
    assert json.loads(json.dumps(result.to_dict()))["references"] == [{"time": 0.0, "box": list(frame.box)}]


def test_a_method_sees_landmarks_and_expressions_of_its_crops(photo, speech, tmp_path):
    method, batches = load_method(EMBEDDED), []

    class Watching:
        references, blendshapes, supports_mouth_opening = 3, True, True

        def __getattr__(self, name):
            return getattr(method, name)

        def synthesize(self, batch):
            batches.append(batch)
            return batch.faces

    request = Request(photo, speech, tmp_path / "out.mp4", mouth_opening=1.4)
    generate(request, load=lambda *_, **__: Watching())
    first = batches[0]
    size = method.crop_size
    assert len(first.references) == len(first.reference_landmarks) == 3
    assert first.blendshapes.shape == (len(first.faces), 52)
    assert first.mouth_opening == 1.4
    lips = first.landmarks[:, [61, 291]].mean((0, 1))  # in the middle of an upright crop, below its centre
    assert abs(lips[0] / size - 0.5) < 0.05
    assert 0.52 < lips[1] / size < 0.8


def test_a_mouth_that_cannot_open_further_says_so(photo, speech, tmp_path):
    method = load_method(EMBEDDED)
    method.supports_mouth_opening = False
    request = Request(photo, speech, tmp_path / "out.mp4", mouth_opening=1.3)
    with pytest.raises(ConfigError, match="cannot change how far the mouth opens"):
        generate(request, load=lambda *_, **__: method)
    with pytest.raises(ConfigError, match=r"from 0\.2 to 3, not 9"):
        generate(Request(photo, speech, tmp_path / "out.mp4", mouth_opening=9))
    assert not list(tmp_path.iterdir())


def test_the_command_line_prints_json_and_exits_2_on_mistakes(photo, speech, tmp_path):
    base = [
        sys.executable,
        "-m",
        "lipsync",
        "generate",
        "--audio",
        str(speech),
        "--out",
        str(tmp_path / "o.mp4"),
        "--method",
        EMBEDDED,
    ]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
    good = subprocess.run(
        [*base, "--face", str(photo), "--json"], capture_output=True, text=True, env=environment
    )
    assert good.returncode == 0, good.stderr
    told = json.loads(good.stdout)
    assert told["frames"] == 30
    assert told["method"] == told["requested_method"] == EMBEDDED
    assert told["fallback"] is None
    bad = subprocess.run(
        [*base, "--face", str(tmp_path / "no.mp4")], capture_output=True, text=True, env=environment
    )
    assert bad.returncode == 2
    assert "Traceback" not in bad.stderr
    assert "no.mp4" in bad.stderr
