"""What a parser may do with a stranger's file: give a result or one sentence, in bounds and in its folder."""

from __future__ import annotations

import os
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
import unicodedata
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hypothesis.strategies import SearchStrategy

from lipsync.errors import LipSyncError
from lipsync.texts import known, languages
from tests.portal import ROOT

WORK = 5.0  # s of processor time for one example
WAIT = 60.0  # s by the clock, on a machine that is busy with something else
MEMORY = 500_000_000  # bytes beside what the process used before
CLAIM = 8_000_000_000  # bytes that it may ask for; what it does not write to costs nothing
SENTENCE = 2000  # characters
CHANGES = ("os.mkdir", "os.rename", "os.link", "os.symlink", "os.remove", "os.rmdir", "os.truncate")


class Files(dict[str, bytes]):
    """Name to content, of what a stranger gives. Hypothesis prints it, and some are long."""

    def __repr__(self) -> str:
        return ", ".join(f"{name} ({len(content)} bytes)" for name, content in self.items())


class Fault(Exception):
    """What a parser must not do.

    Attributes:
        kind: the same for the same mistake, whatever the file.
    """

    def __init__(self, kind: str, text: str) -> None:
        super().__init__(f"{kind}: {text}")
        self.kind = kind


class TooSlow(BaseException):
    """Raised in the parser; no `except Exception` catches it."""


@dataclass(frozen=True)
class Parser:
    """One reader of strangers' files.

    Attributes:
        name: on the command line.
        examples: good and bad files.
        read: reads what lies in a folder, where it may also write, and asserts that the result can be used.
        good: files that it takes.
    """

    name: str
    examples: SearchStrategy[Files]
    read: Callable[[Path], None]
    good: Callable[[], Files]

    def check(self, files: Files) -> None:
        """Let it read files.

        Raises:
            Fault: it did what it must not.
        """
        folder = Path(tempfile.mkdtemp(prefix="fuzz-"))
        try:
            for name, content in files.items():
                (folder / name).parent.mkdir(parents=True, exist_ok=True)
                (folder / name).write_bytes(content)
            _guarded(self.read, folder)
        finally:
            shutil.rmtree(folder, ignore_errors=True)


def _guarded(read: Callable[[Path], None], folder: Path) -> None:
    try:
        with _staying_in(folder), _bounds():
            read(folder)
    except LipSyncError as problem:
        _check_sentence(problem, folder)
    except Fault:
        raise
    except (Exception, TooSlow) as problem:
        raise Fault(f"{type(problem).__name__} {_place(problem)}", str(problem)[:300]) from problem


def _check_sentence(problem: LipSyncError, folder: Path) -> None:
    key = problem.message.key
    for language in languages():
        sentence = problem.message.text(language)
        if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in sentence):
            raise Fault(f"line break or control character in {key}", repr(sentence)[:300])
        if len(sentence.replace(str(folder), "")) > SENTENCE:
            raise Fault(f"{len(sentence)} characters in {key}", sentence[:300])
    if not known(key):
        raise Fault("sentence without a key", str(problem)[:300])


def _place(problem: BaseException) -> str:
    """The last line of ours that the exception came through."""
    frames = traceback.extract_tb(problem.__traceback__)
    ours = [frame for frame in frames if re.match(rf"{ROOT}/(lipsync|eval)/", frame.filename)]
    frame = (ours or frames)[-1]
    return f"in {Path(frame.filename).name}, {frame.name}: {frame.line}"


@contextmanager
def _bounds() -> Iterator[None]:
    """Bounds of time and memory while it lasts."""

    def stop(number: int, frame: Any) -> None:
        raise TooSlow("the time is over")

    Path("/proc/self/clear_refs").write_text("5")  # VmHWM, the most memory so far, begins anew
    used, held = _bytes("VmRSS"), _bytes("VmData")
    before = resource.getrlimit(resource.RLIMIT_DATA)
    timers = ((signal.ITIMER_PROF, signal.SIGPROF, WORK), (signal.ITIMER_REAL, signal.SIGALRM, WAIT))
    handlers = [signal.signal(number, stop) for _, number, _ in timers]
    for timer, _, seconds in timers:
        signal.setitimer(timer, seconds)
    resource.setrlimit(resource.RLIMIT_DATA, (held + CLAIM, before[1]))
    try:
        yield
    finally:
        for timer, _, _ in timers:
            signal.setitimer(timer, 0)
        resource.setrlimit(resource.RLIMIT_DATA, before)
        for (_, number, _), handler in zip(timers, handlers, strict=True):
            signal.signal(number, handler)
    if _bytes("VmHWM") - used > MEMORY:
        raise Fault("memory", f"{(_bytes('VmHWM') - used) / 1e6:.0f} MB")


def _bytes(name: str) -> int:
    """A number of this process's status."""
    found = re.search(rf"{name}:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return int(found[1]) * 1024


# An audit hook cannot be taken away again, so there is one, which looks only while a folder is given.
_allowed: list[Path] = []
_watching: list[bool] = []


@contextmanager
def _staying_in(folder: Path) -> Iterator[None]:
    """Changes of files outside a folder are faults while it lasts."""
    if not _watching:
        sys.addaudithook(_audit)
        _watching.append(True)
    _allowed.append(folder)
    try:
        yield
    finally:
        _allowed.clear()


def _audit(event: str, arguments: tuple[Any, ...]) -> None:
    if not _allowed or (event != "open" and event not in CHANGES):
        return
    if event == "open" and not (arguments[2] or 0) & (os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC):
        return
    changed = {"os.symlink": arguments[1:2], "os.rename": arguments[:2], "os.link": arguments[:2]}
    with suppress(TypeError, ValueError):  # a number of an open file, or a name that cannot be one
        for path in changed.get(event, arguments[:1]):
            place = os.path.abspath(os.path.join(_base(event, arguments), os.fsdecode(path)))
            inside = place.startswith((f"{_allowed[0]}/", "/proc/self/")) or place == str(_allowed[0])
            if not inside and place != os.devnull and "__pycache__" not in place:
                raise Fault("outside its folder", f"{event} {place}")


def _base(event: str, arguments: tuple[Any, ...]) -> str:
    """What the names of an event are relative to."""
    number = -1 if event in ("open", "os.truncate") else arguments[-1]
    return os.getcwd() if number < 0 else os.readlink(f"/proc/self/fd/{number}")
