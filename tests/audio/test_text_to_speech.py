"""Typed text as speech: what is refused, that the engine can be stopped, that the file names the voice."""

import sys
import threading
import time
from pathlib import Path

import av
import numpy as np
import pytest
import soundfile

from lipsync.assets import asset
from lipsync.audio import text_to_speech
from lipsync.audio.recognition import FILES, installed, recognise
from lipsync.audio.text_to_speech import checked, speak, synthetic_voice
from lipsync.audio.voices import DEFAULT_VOICE, VOICES, available, engine_installed
from lipsync.cli import main
from lipsync.errors import Cancelled, LipSyncError
from lipsync.generate import Request, generate
from lipsync.media import read_audio
from lipsync.methods import EMBEDDED
from lipsync.ui.choices.speech_queue import SpeechQueue
from lipsync.weights import hub

EXAMPLES = asset("examples")
JOE = VOICES[DEFAULT_VOICE]
# Writes a second of a tone, and what it was given beside it.
SPEAK = """
import sys, wave, math, struct
text, output, kept = open(sys.argv[1], encoding="utf-8").read(), sys.argv[2], sys.argv[3]
open(kept, "w", encoding="utf-8").write(text)
with wave.open(output, "wb") as file:
    file.setparams((1, 2, 22050, 0, "NONE", ""))
    for k in range(22050):
        file.writeframes(struct.pack("<h", int(8000 * math.sin(k / 8))))
"""


@pytest.fixture
def engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Stands for Piper and its voice; the text that it was given."""
    given = tmp_path / "given.txt"

    def command(network: Path, config: Path, text: Path, output: Path) -> list[str]:
        return [sys.executable, "-c", SPEAK, str(text), str(output), str(given)]

    monkeypatch.setattr(text_to_speech, "_engine", command)
    monkeypatch.setattr(text_to_speech, "engine_installed", lambda: True)
    monkeypatch.setattr(text_to_speech.hub, "fetch", lambda name, progress: Path(name))
    return given


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "no text to speak"),
        (" \n\t ", "no text to speak"),
        ("... ?!", "no text to speak"),
        ("a" * 2001, "has 2001 characters, and the limit is 2000"),
        ("早上好，每一个音", "speaks English and cannot say '早上好每一个音'"),
        ("Доброе утро", "cannot say 'Добреут'"),
    ],
)
def test_what_the_voice_cannot_speak_is_refused_in_a_sentence(text: str, problem: str) -> None:
    with pytest.raises(LipSyncError, match=problem.replace("?", r"\?")):
        checked(text, JOE)


def test_a_text_goes_to_the_engine_as_one_line(engine: Path, tmp_path: Path) -> None:
    text = '  -- Café at 9, said Zoë (北)\n\nand\tleft; $(ls) "quoted"  '
    assert speak(text, tmp_path / "o.wav") == tmp_path / "o.wav"
    assert engine.read_text(encoding="utf-8") == '-- Café at 9, said Zoë (北) and left; $(ls) "quoted"'


def test_the_file_names_the_voice_and_so_does_the_video_that_is_made_of_it(
    engine: Path, tmp_path: Path
) -> None:
    speech = speak("Good morning.", tmp_path / "o.wav")
    assert soundfile.info(speech).frames == 22050
    assert synthetic_voice(speech) == "en_US-joe-medium"
    assert synthetic_voice(EXAMPLES / "english.wav") is None
    cut = tmp_path / "cut.wav"
    soundfile.write(cut, read_audio(EXAMPLES / "english.wav")[:3200], 16000)
    for voice, said in ((speech, "; the voice is synthetic: en_US-joe-medium"), (cut, "")):
        request = Request(EXAMPLES / "portrait.jpg", voice, tmp_path / "o.webm", EMBEDDED, size=96)
        path = generate(request).path
        assert synthetic_voice(path) == (said.rpartition(" ")[2] or None)  # where it is used once more
        with av.open(str(path)) as file:
            comment = file.metadata["COMMENT"]
        assert comment == f"AI-generated: lips synchronised to speech with {EMBEDDED}{said}"


def test_speaking_stops_when_it_is_cancelled_and_leaves_nothing(
    engine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    slow = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(text_to_speech, "_engine", lambda *_: slow)
    cancel, began = threading.Event(), time.monotonic()
    threading.Timer(0.3, cancel.set).start()
    with pytest.raises(Cancelled):
        speak("Good morning.", tmp_path / "o.wav", cancel=cancel)
    assert time.monotonic() - began < 20
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("program", "problem"),
    [
        ("raise ValueError('no such voice')", r"failed \(ValueError: no such voice\)"),
        ("pass", "Nothing in this text can be spoken"),
    ],
)
def test_an_engine_that_fails_is_a_sentence(
    engine: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, program: str, problem: str
) -> None:
    monkeypatch.setattr(text_to_speech, "_engine", lambda *_: [sys.executable, "-c", program])
    with pytest.raises(LipSyncError, match=problem):
        speak("Good morning.", tmp_path / "o.wav")


def test_without_the_engine_there_is_no_field_and_the_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr("lipsync.audio.voices.PACKAGE", "no-such-package")
    assert available() == []
    assert main(["speak", "--text", "Good morning.", "--out", str(tmp_path / "o.wav")]) == 2
    assert "Run `pip install piper-tts`" in capsys.readouterr().err
    monkeypatch.setattr("lipsync.audio.voices.engine_installed", lambda: True)
    monkeypatch.setattr("lipsync.audio.voices.hub.locate", lambda name: None)
    monkeypatch.setattr("lipsync.audio.voices.hub.offline", lambda: True)
    assert available() == []  # neither here nor to be fetched
    monkeypatch.setattr("lipsync.audio.voices.hub.offline", lambda: False)
    assert available() == [JOE]


def test_the_command_reads_a_file_and_names_a_wrong_one(
    engine: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "text.txt").write_text("Good\nmorning.", encoding="utf-8")
    out = tmp_path / "o.wav"
    assert main(["speak", "--file", str(tmp_path / "text.txt"), "--out", str(out)]) == 0
    assert engine.read_text(encoding="utf-8") == "Good morning."
    for options in (
        ["--file", "gone.txt"],
        ["--text", "a", "--voice", "bob"],
        ["--text", "a", "--out", "o.mp3"],
    ):
        assert main(["speak", "--out", str(out), *options]) == 2
    said = capsys.readouterr().err
    assert "gone.txt" in said
    assert "choose one of en_US-joe-medium" in said
    assert "has to end in .wav" in said


def test_a_queued_text_is_checked_at_once_and_spoken_in_its_own_folder(engine: Path) -> None:
    queue = SpeechQueue()
    try:
        with pytest.raises(LipSyncError, match="no text to speak"):
            queue.submit(" ", DEFAULT_VOICE)
        task = queue.submit("Good morning.", DEFAULT_VOICE)
        while not task.over:
            time.sleep(0.02)
        assert (task.state, task.result) == ("done", task.folder / "speech.wav")
    finally:
        queue.close()
    assert not task.folder.exists()


@pytest.mark.slow
def test_a_spoken_text_is_understood_by_the_recogniser(tmp_path: Path) -> None:
    if not engine_installed():
        pytest.skip("needs piper-tts: pip install piper-tts")
    if not JOE.here:
        pytest.skip(f"needs the voice: python -m lipsync weights --fetch {' '.join(JOE.files)}")
    text = "Good morning. Every sound we make has its own shape of the lips."
    speech = speak(text, tmp_path / "o.wav")
    samples = read_audio(speech)
    assert 2.5 < len(samples) / 16000 < 6
    assert float(np.abs(samples).max()) > 0.1
    if not installed() or any(hub.locate(name) is None for name in FILES):
        pytest.skip("needs faster-whisper and Whisper base to read it back")
    words = [word.text.strip(" .,!?").lower() for word in recognise(samples).words]
    wanted = text.lower().replace(".", "").split()
    assert len(words) == len(wanted)
    assert sum(a == b for a, b in zip(words, wanted, strict=True)) >= len(wanted) - 1


def test_the_voices_are_in_the_artefact_table() -> None:
    for voice in VOICES.values():
        rows = [hub.artefacts()[name] for name in voice.files]
        assert all(row.licence and row.sources for row in rows)
        network, config = (hub.artefacts()[name].file for name in (voice.network, voice.config))
        assert config == f"{network}.json"
