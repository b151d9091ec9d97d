"""``python -m lipsync speak``: a text as speech, to be given to ``generate``."""

from __future__ import annotations

import argparse
from pathlib import Path

from lipsync.errors import ConfigError
from lipsync.texts import for_terminal


def add_speak_command(commands: argparse._SubParsersAction) -> None:
    parser = commands.add_parser("speak", help=for_terminal("help.speak.help"))
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("--text", help=for_terminal("help.speak.text"))
    source.add_argument("--file", type=Path, help=for_terminal("help.speak.file"))
    parser.add_argument("--voice", help=for_terminal("help.speak.voice"))
    parser.add_argument("--out", type=Path, required=True, help=for_terminal("help.speak.out"))
    parser.set_defaults(handler=_speak)


def _speak(options: argparse.Namespace) -> None:
    from lipsync.audio.text_to_speech import speak
    from lipsync.audio.voices import DEFAULT_VOICE
    from lipsync.media import audio_duration

    text = options.text if options.file is None else _text_of(options.file)
    voice = options.voice or DEFAULT_VOICE
    path = speak(text, options.out, voice)
    print(for_terminal("cli.spoken", path=path, seconds=audio_duration(path), voice=voice))


def _text_of(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError("speech.unreadable", path=path.name, problem=problem) from problem
