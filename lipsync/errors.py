"""Errors that a person can cause and mend.

An error carries the key of its text and the parameters (`lipsync.texts`); as a string it is the English
sentence. Every text is one or two sentences: what was wrong (with which file) and what to do. The pages show
it, the command line prints it and exits with status 2. Anything else that is raised is a bug and keeps its
traceback.
"""

import errno
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from lipsync.texts import Message, for_terminal

LONGEST = 400  # characters of one parameter in a sentence


class MessageError(Exception):
    """An exception whose sentence is a text.

    Args:
        key: of the text, or a message.
        parameters: fill the text's fields.

    Attributes:
        message: the sentence, which can be translated.
    """

    def __init__(self, key: str, /, **parameters: object) -> None:
        self.message = Message(key, **{name: _short(value) for name, value in parameters.items()})
        super().__init__(self.message)


def _short(value: object) -> object:
    """The value; a text or list of somebody else's that no sentence could hold is cut."""
    if isinstance(value, Message) or not isinstance(value, str | list | tuple | dict | set):
        return value
    if not isinstance(value, str) and any(isinstance(entry, Message) for entry in value):
        return value
    return value if len(text := str(value)) <= LONGEST else f"{text[:LONGEST]}…"


class LipSyncError(MessageError):
    """Base of all errors whose message is meant for the person at the keyboard."""

    @property
    def on_page(self) -> Message:
        """The sentence that a page shows."""
        return self.message


def page_sentence(error: BaseException | None) -> Message:
    """What a page shows of an error; a bug is only named as one."""
    return error.on_page if isinstance(error, LipSyncError) else Message("job.bug")


class MediaError(LipSyncError):
    """A video, photo or sound file cannot be read or written."""


class FaceError(LipSyncError):
    """No usable face, or the face asked for is not there."""


class ArtefactError(LipSyncError):
    """A weights file is missing, unreachable or not what its checksum says."""

    @property
    def on_page(self) -> Message:
        """The sentence without the paths and checksums, which are for the log of whoever runs the portal."""
        if self.message.key != "weights.missing":
            return self.message
        return Message("weights.missing.page", file=self.message.parameters["file"])

    @property
    def reason(self) -> str:
        """Why, in a few words that fit into another sentence."""
        reasons = self.message.parameters.get("reasons")
        return reasons[0] if isinstance(reasons, list) and reasons else self.message.clause


class ConfigError(LipSyncError):
    """An option, a name or a configuration value is not possible."""


class MissingInput(ConfigError):
    """Something that has to be chosen first is not; nothing was tried yet."""


class StudyError(LipSyncError):
    """A study, a session or a clip is not there, or does not take what it is given."""


class Cancelled(LipSyncError):
    """The person stopped the job."""


@contextmanager
def full_disk_reported() -> Iterator[None]:
    """What is done inside raises a sentence where the disk, or the user's share of it, is full.

    Raises:
        ConfigError: it is.
    """
    try:
        yield
    except OSError as problem:
        if not disk_is_full(problem):
            raise
        raise ConfigError("disk.full") from problem


def disk_is_full(problem: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, says that the disk or the user's share of it is full."""
    while problem is not None:
        if getattr(problem, "errno", None) in (errno.ENOSPC, errno.EDQUOT):
            return True
        problem = problem.__cause__
    return False


def exit_status(command: Callable[[], int | None]) -> int:
    """Run a command: 0 when it went well, 2 with one sentence on stderr when the person can mend what is
    wrong, 130 when it was stopped."""
    if threading.current_thread() is threading.main_thread():
        # Whoever ends the process (a scheduler, a closing session) gets what Ctrl-C gives: nothing is left.
        signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return command() or 0
    except LipSyncError as problem:
        print(for_terminal(problem.message), file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print(for_terminal("job.stopped"), file=sys.stderr)
        return 130
