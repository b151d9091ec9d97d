"""Captions of a result, from the request to the files: a track, drawn, and a file of their own."""

import json
import time
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lipsync.assets import asset
from lipsync.audio.recognition import FILES, SpokenWord, Transcript, installed, recognise
from lipsync.cli import main
from lipsync.errors import LipSyncError
from lipsync.generate import Request, Result, generate
from lipsync.media import read_audio, read_frames
from lipsync.media.output.captions import Caption, caption_file
from lipsync.methods import AUTO, EMBEDDED
from lipsync.ui.generate_queue import Jobs
from lipsync.weights import hub

EXAMPLES = asset("examples")
SPEECH = EXAMPLES / "english.wav"
TEXT = "good morning every sound we make has its own shape of the lips"
WORDS = Transcript(
    (
        SpokenWord(0.2, 0.5, " Good", 0.9),
        SpokenWord(0.5, 0.9, " morning.", 0.9),
        SpokenWord(2.0, 3.0, " Lips", 0.2),
    ),
    "en",
)
FACE = EXAMPLES / "portrait.jpg"


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The first 1.6 s of the speech."""
    path = tmp_path_factory.mktemp("speech") / "short.wav"
    soundfile.write(path, read_audio(SPEECH)[:25600], 16000)
    return path


@pytest.fixture
def recogniser(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """Stands for Whisper; the lengths of what it was given."""
    given: list[int] = []

    def recognise(samples: np.ndarray, progress, fetched) -> Transcript:  # type: ignore[no-untyped-def]
        given.append(len(samples))
        progress(3.0)
        return WORDS

    monkeypatch.setattr("lipsync.audio.captioning.recognise", recognise)
    monkeypatch.setattr("lipsync.plan.installed", lambda: True)
    return given


def test_a_track_in_the_video_and_the_same_beside_it(
    recogniser: list[int], short: Path, tmp_path: Path
) -> None:
    stages = []
    request = Request(FACE, short, tmp_path / "o.mp4", EMBEDDED, size=160, captions="track")
    result = generate(request, lambda step: stages.append((step.stage, step.done, step.total)))
    assert recogniser == [25600]
    assert ("captions", 2, 2) in stages
    assert [caption.lines for caption in result.captions] == [("Good morning.",)]  # the rest comes too late
    assert json.loads(json.dumps(result.to_dict()))["captions"][0]["lines"] == ["Good morning."]
    assert "hard to recognise" in " ".join(result.notes)  # the mean of 0.9, 0.9 and 0.2 is below 0.7
    with av.open(str(result.path)) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio", "subtitle"]
    text = (tmp_path / "o.srt").read_text(encoding="utf-8")
    assert text == "1\n00:00:00,200 --> 00:00:01,400\nGood morning.\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["o.mp4", "o.srt"]


def test_drawn_captions_stand_in_the_frames_of_their_time_alone(
    recogniser: list[int], short: Path, tmp_path: Path
) -> None:
    plain = generate(Request(FACE, short, tmp_path / "plain.mp4", EMBEDDED))
    drawn = generate(Request(FACE, short, tmp_path / "o.mp4", EMBEDDED, captions="burnt"))
    assert plain.captions == ()
    assert not (tmp_path / "plain.srt").exists()
    rows = slice(-160, -40)  # of 640, above the mark
    differs = [
        float(np.abs(a.image[rows].astype(int) - b.image[rows]).mean()) > 3
        for a, b in zip(read_frames(plain.path, 25), read_frames(drawn.path, 25), strict=True)
    ]
    assert differs == [0.2 <= k / 25 < 1.4 for k in range(40)]
    with av.open(str(drawn.path)) as file:
        assert [stream.type for stream in file.streams] == ["video", "audio"]


def test_what_cannot_be_captioned_is_refused_before_the_work(recogniser: list[int], tmp_path: Path) -> None:
    with pytest.raises(LipSyncError, match="A gif holds no caption track"):
        generate(Request(FACE, SPEECH, tmp_path / "o.gif", EMBEDDED, captions="track"))
    with pytest.raises(LipSyncError, match="Captions cannot be 'loud'"):
        generate(Request(FACE, SPEECH, tmp_path / "o.mp4", EMBEDDED, captions="loud"))
    assert recogniser == []


def test_where_the_captions_cannot_be_written_there_is_no_video(
    recogniser: list[int], short: Path, tmp_path: Path
) -> None:
    (tmp_path / "o.srt").mkdir()
    with pytest.raises(LipSyncError, match=r"o\.srt cannot be written"):
        generate(Request(FACE, short, tmp_path / "o.mp4", EMBEDDED, size=160, captions="file"))
    assert [path.name for path in tmp_path.iterdir()] == ["o.srt"]


def test_silence_has_no_captions_and_a_note(
    monkeypatch: pytest.MonkeyPatch, recogniser: list[int], short: Path, tmp_path: Path
) -> None:
    monkeypatch.setattr("lipsync.audio.captioning.recognise", lambda *_: Transcript((), "en"))
    result = generate(Request(FACE, short, tmp_path / "o.mp4", EMBEDDED, size=160, captions="track"))
    assert "No words were recognised in the speech, so there are no captions." in result.notes
    assert [path.name for path in tmp_path.iterdir()] == ["o.mp4"]


def test_without_the_recogniser_the_sentence_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lipsync.audio.recognition.find_spec", lambda name: None)
    command = ["generate", "--face", str(EXAMPLES / "portrait.jpg"), "--audio", str(SPEECH)]
    assert main([*command, "--out", str(tmp_path / "o.mp4"), "--captions", "file"]) == 2
    assert "pip install faster-whisper" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []


def test_the_captions_of_a_job_have_the_name_of_the_method_that_auto_took() -> None:
    def work(request: Request, progress: object, cancel: object) -> Result:
        request.output.write_bytes(b"video")
        caption_file(request.output).write_bytes(b"captions")
        captions = (Caption(0, 1, ("Good morning.",)),)
        return Result(request.output, 10, 0, 96, 96, 25.0, 0.4, "best", "0" * 64, 1, captions=captions)

    queue = Jobs(work=work)
    try:
        job = queue.submit(Request(FACE, SPEECH, Path("me-auto.mp4"), AUTO, captions="file"))
        while not job.over:
            time.sleep(0.01)
        assert sorted(path.name for path in job.folder.iterdir()) == ["me-best.mp4", "me-best.srt"]
    finally:
        queue.close()


def _errors(words: list[str], spoken: list[str]) -> int:
    """Words that have to be changed, left out or put in: the distance that the word error rate counts."""
    row = list(range(len(spoken) + 1))
    for i, word in enumerate(words, 1):
        above, row[0] = row[0], i
        for j, other in enumerate(spoken, 1):
            above, row[j] = row[j], min(row[j] + 1, row[j - 1] + 1, above + (word != other))
    return row[-1]


@pytest.mark.slow
def test_the_recogniser_finds_the_words_of_a_known_text() -> None:
    if not installed():
        pytest.skip("needs faster-whisper: pip install faster-whisper")
    if any(hub.locate(name) is None for name in FILES):
        pytest.skip(f"needs Whisper base: python -m lipsync weights --fetch {' '.join(FILES)}")
    found = recognise(read_audio(SPEECH))
    assert found.language == "en"
    words = [word.text.strip(" .,!?").lower() for word in found.words]
    spoken = TEXT.split()
    assert _errors(words, spoken) / len(spoken) < 0.4  # a robot's voice: 0.31, of a person's it is less
    assert found.words[0].start < 0.3
    assert 3.5 < found.words[-1].end <= 4.56
    assert recognise(np.zeros(32000, np.float32)).words == ()
