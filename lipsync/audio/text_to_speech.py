"""A text as speech, with Piper in a process of its own."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import threading
import unicodedata
from pathlib import Path

import av
import soundfile

from lipsync.audio.voices import DEFAULT_VOICE, PACKAGE, Voice, engine_installed, voice_named
from lipsync.errors import Cancelled, ConfigError, MediaError, MissingInput
from lipsync.media.source import open_media
from lipsync.texts import Message
from lipsync.weights import hub

LONGEST = 2000  # characters of a text; about two minutes
OTHER = 0.2  # share of letters of another script from which on the text is in another language
SYNTHETIC = "the voice is synthetic: "  # in the comment of a file, where the voice's name follows
PATIENCE = 300  # s that a text may take
POLL = 0.1  # s between two looks at whether to stop


def speak(
    text: str,
    output: Path,
    voice: str = DEFAULT_VOICE,
    progress: hub.Progress | None = None,
    cancel: threading.Event | None = None,
) -> Path:
    """Write a text as speech: a WAV file whose comment says that the voice is synthetic.

    Args:
        text: at most `LONGEST` characters, in the voice's language.
        output: file to write; its ending is .wav.
        progress: of the download of the voice, where it is not here yet.
        cancel: set to stop.

    Raises:
        ConfigError: the engine is not installed, there is no such voice, or it cannot speak the text.
        ArtefactError: the voice is unavailable.
        MediaError: the file cannot be written.
        Cancelled: ``cancel`` was set.
    """
    speaker = voice_named(voice)
    words = checked(text, speaker)
    if not engine_installed():
        raise ConfigError("speech.no_engine", package=PACKAGE)
    if output.suffix.lower() != ".wav" or not output.parent.is_dir():
        raise MediaError("speech.output", name=output.name)
    config, network = (hub.fetch(name, progress) for name in speaker.files)
    with tempfile.TemporaryDirectory(prefix="lipsync-speech-") as folder:
        typed, plain = Path(folder) / "text", Path(folder) / "speech.wav"
        typed.write_text(words, encoding="utf-8")
        _run(_engine(network, config, typed, plain), cancel or threading.Event())
        if not plain.is_file() or not soundfile.info(plain).frames:
            raise ConfigError("speech.nothing_spoken")
        _write_tagged(plain, output, speaker)
    return output


def checked(text: str, voice: Voice) -> str:
    """The text on one line.

    Raises:
        ConfigError: it is empty, too long, or in another language than the voice's, as far as letters show.
    """
    words = " ".join(text.split())
    letters = [letter for letter in words if letter.isalpha()]
    if not any(letter.isalnum() for letter in words):
        raise MissingInput("speech.no_text")
    if len(words) > LONGEST:
        raise ConfigError("speech.too_long", length=len(words), most=LONGEST)
    other = [letter for letter in letters if not unicodedata.name(letter, "").startswith(voice.script)]
    if len(other) > OTHER * len(letters):
        found = "".join(dict.fromkeys(other))[:10]
        language = Message(f"language.{voice.language}")
        raise ConfigError("speech.other_language", voice=voice.name, language=language, letters=found)
    return words


def synthetic_voice(path: Path) -> str | None:
    """The name of the voice that made the speech of a file, as its comment has it; else None."""
    with open_media(path) as container:
        comments = [text for tag, text in container.metadata.items() if tag.lower() == "comment"]
    _, found, name = "".join(comments).rpartition(SYNTHETIC)
    return name if found else None


def _engine(network: Path, config: Path, text: Path, output: Path) -> list[str]:
    """The command that speaks; a program of its own, so that its licence stays its own."""
    given = {"-m": network, "-c": config, "-i": text, "-f": output}
    return [sys.executable, "-m", "piper", *(str(part) for pair in given.items() for part in pair)]


def _run(command: list[str], cancel: threading.Event) -> None:
    """Let the engine speak; stop it where the work is cancelled or takes too long."""
    process = subprocess.Popen(
        command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        encoding="utf-8", errors="replace",
    )  # fmt: skip
    waiting = float(PATIENCE)
    try:
        while True:
            try:
                _, trouble = process.communicate(timeout=POLL)
                break
            except subprocess.TimeoutExpired:
                waiting -= POLL
            if cancel.is_set():
                raise Cancelled("job.stopped")
            if waiting <= 0:
                raise ConfigError("speech.too_slow", seconds=PATIENCE)
    finally:
        if process.poll() is None:
            process.kill()
            process.communicate()
    if process.returncode:
        problem = (trouble.strip().splitlines() or [str(process.returncode)])[-1]
        raise ConfigError("speech.failed", problem=problem)


def _write_tagged(plain: Path, output: Path, voice: Voice) -> None:
    try:
        with av.open(str(plain)) as source, av.open(f"file:{output}", "w", format="wav") as target:
            target.metadata["comment"] = f"AI-generated: {SYNTHETIC}{voice.name}"
            stream = target.add_stream_from_template(source.streams.audio[0])
            for packet in source.demux(source.streams.audio[0]):
                if packet.dts is not None:
                    packet.stream = stream
                    target.mux(packet)
    except (av.error.FFmpegError, OSError) as problem:
        output.unlink(missing_ok=True)
        raise MediaError("writer.cannot_write", name=output.name, problem=problem.strerror) from problem
