"""Errors that a person can cause and mend.

Every message is one or two sentences: what was wrong (with which file) and what to do.
The tabs show it, the command line prints it and exits with status 2. Anything else that
is raised is a bug and keeps its traceback.
"""


class LipSyncError(Exception):
    """Base of all errors whose message is meant for the person at the keyboard."""


class MediaError(LipSyncError):
    """A video, photo or sound file cannot be read or written."""


class FaceError(LipSyncError):
    """No usable face, or the face asked for is not there."""


class ArtefactError(LipSyncError):
    """A weights file is missing, unreachable or not what its checksum says.

    Attributes:
        reason: why, in a few words that fit into another sentence.
    """

    def __init__(self, message: str, reason: str = "") -> None:
        super().__init__(message)
        self.reason = reason or message.rstrip(".")


class ConfigError(LipSyncError):
    """An option, a name or a configuration value is not possible."""


class StudyError(LipSyncError):
    """A study, a session or a clip is not there, or does not take what it is given."""


class Cancelled(LipSyncError):
    """The person stopped the job."""
