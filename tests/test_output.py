"""Format, size and quality of a result, end to end on a real face."""

from functools import partial
from pathlib import Path

import av
import cv2
import numpy as np
import pytest
import soundfile
from PIL import Image
from skimage.data import astronaut
from skimage.metrics import peak_signal_noise_ratio as psnr

from lipsync.assets import asset
from lipsync.cli import main
from lipsync.errors import LipSyncError
from lipsync.generate import Request as AnyRequest
from lipsync.generate import generate
from lipsync.media import VideoWriter, audio_duration, probe, read_audio, read_frames
from lipsync.methods import EMBEDDED
from lipsync.plan import plan_result, result_seconds

Request = partial(AnyRequest, method=EMBEDDED)


@pytest.fixture(scope="module")
def speech(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("speech") / "speech.wav"
    soundfile.write(path, read_audio(asset("examples") / "english.wav")[18400:28000], 16000)  # 0.6 s
    return path


@pytest.fixture(scope="module")
def portrait(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The upper half of a public-domain portrait, (400, 360) pixels."""
    path = tmp_path_factory.mktemp("photo") / "astronaut.png"
    Image.fromarray(astronaut()[:400, 40:400]).save(path)
    return path


@pytest.mark.parametrize(
    ("ending", "codecs", "size", "written"),
    [
        (".webm", ("vp9", "opus"), 180, (180, 200)),
        (".mov", ("h264", "aac"), 1080, (360, 400)),  # nothing is enlarged
        (".gif", ("gif",), 180, (180, 200)),
    ],
)
def test_a_result_in_every_format(
    portrait: Path, speech: Path, tmp_path: Path, ending: str, codecs: tuple[str, ...],
    size: int, written: tuple[int, int],
) -> None:  # fmt: skip
    result = generate(Request(portrait, speech, tmp_path / f"o{ending}", size=size))
    info = probe(result.path)
    assert (info.width, info.height) == written == (result.width, result.height)
    assert (result.frames, info.frames) == (15, 15)
    assert info.duration == pytest.approx(0.6, abs=0.01)
    with av.open(str(result.path)) as file:
        assert tuple(stream.codec_context.name for stream in file.streams) == codecs
        tags = {key.lower(): value for key, value in file.metadata.items()}
    assert tags["comment"] == f"AI-generated: lips synchronised to speech with {EMBEDDED}"
    silent = "A GIF has no sound, so the result is silent."
    assert (silent in result.notes) is (ending == ".gif") is not info.has_audio
    if info.has_audio:
        assert audio_duration(result.path) == pytest.approx(0.6, abs=0.01)
    frames = [frame.image.astype(int) for frame in read_frames(result.path)]
    before = cv2.resize(astronaut()[:400, 40:400], written, interpolation=cv2.INTER_AREA)
    mark = frames[0][-14:-5, 6:60]  # white letters on a dark plate
    assert (mark.min(), mark.max()) < (90, 256)
    assert np.abs(mark - before[-14:-5, 6:60]).mean() > 20
    forehead = slice(0, written[1] // 4)
    assert psnr(before[forehead], frames[7][forehead].astype(np.uint8)) > (30 if ending == ".gif" else 36)


def test_reference_frames_are_told_in_pixels_of_the_result(
    portrait: Path, speech: Path, tmp_path: Path
) -> None:
    whole, half = (generate(Request(portrait, speech, tmp_path / "o.mp4", size=size)) for size in (None, 180))
    assert half.references
    for one, other in zip(whole.references, half.references, strict=True):
        assert np.abs(np.array(one.box) / 2 - other.box).max() <= 1


def test_the_picture_outside_the_mouth_is_as_good_as_asked_for(
    shared: Path, speech: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Against the frames of a real video, above the eyes: the default cannot be told from the source."""
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    source = shared / "data" / "originals" / "orig07.mpg"  # 360x288
    before = [frame.image[:100] for frame in read_frames(source, max_frames=15)]
    measured, sizes = {}, {}
    for quality in (None, "high", "medium", "small"):
        chosen = {} if quality is None else {"quality": quality}
        path = generate(Request(source, speech, tmp_path / f"{quality}.mp4", **chosen)).path
        after = [frame.image[:100] for frame in read_frames(path)]
        measured[quality] = psnr(np.stack(before), np.stack(after))
        sizes[quality] = path.stat().st_size
    assert measured["high"] > 41, measured
    assert measured["high"] > measured["medium"] + 1 > measured["small"] + 2 > 36, measured
    assert sizes["high"] > 1.3 * sizes["medium"] > 1.69 * sizes["small"], sizes
    assert (measured[None], sizes[None]) == (measured["high"], sizes["high"])


def test_a_fast_video_becomes_a_gif_of_a_rate_that_plays(speech: Path, tmp_path: Path) -> None:
    with VideoWriter(tmp_path / "fast.mp4", 64, 64, 60) as writer:
        for _ in range(30):
            writer.write(np.zeros((64, 64, 3), np.uint8))
    info = probe(tmp_path / "fast.mp4")
    for ending, fps in ((".gif", 30), (".mp4", 60)):
        plan = plan_result(Request(tmp_path / "fast.mp4", speech, tmp_path / f"o{ending}"), info, speech)
        assert (plan.fps, plan.frames) == (pytest.approx(fps), round(0.6 * fps))


@pytest.mark.parametrize(
    ("name", "options", "told"),
    [
        ("o.avi", {}, "o.avi cannot be written: the name must end in .mp4, .m4v, .mov, .webm, .gif."),
        ("o.mp4", {"quality": "best"}, "The quality must be 'high', 'medium' or 'small', not 'best'."),
        ("o.mp4", {"size": 0}, "The size must be 64 pixels or more, not 0."),
        ("o.gif", {}, "A GIF of 61 s would be very large; the limit is 60 s. Choose mp4 or webm, or cut the "
            "input."),
    ],
)  # fmt: skip
def test_what_cannot_be_is_one_sentence(
    portrait: Path, tmp_path: Path, name: str, options: dict[str, object], told: str
) -> None:
    long = tmp_path / "long.wav"
    soundfile.write(long, np.zeros(61 * 8000, np.int16), 8000)
    with pytest.raises(LipSyncError) as caught:
        result_seconds(Request(portrait, long, tmp_path / name, **options))
    assert str(caught.value) == told


def test_the_command_line_takes_size_quality_and_the_ending(
    portrait: Path, speech: Path, tmp_path: Path
) -> None:
    given = ["--face", str(portrait), "--audio", str(speech), "--method", EMBEDDED]
    main(["generate", *given, "--size", "180", "--quality", "small", "--out", str(tmp_path / "o.webm")])
    assert (probe(tmp_path / "o.webm").width, probe(tmp_path / "o.webm").height) == (180, 200)
    with pytest.raises(SystemExit):
        main(["generate", *given, "--quality", "best", "--out", str(tmp_path / "o.mp4")])
