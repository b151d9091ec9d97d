"""Video, photos and sound in and out, with PyAV."""

from lipsync.media.excerpt import read_excerpt
from lipsync.media.frames import Frame, read_frames
from lipsync.media.looped_video import loop_frames
from lipsync.media.probe import MediaInfo, probe
from lipsync.media.sound import audio_duration, read_audio, read_audio_blocks
from lipsync.media.timeline import WHOLE, TimeRange
from lipsync.media.writer import VideoWriter, WriterOptions

__all__ = [
    "WHOLE",
    "Frame",
    "MediaInfo",
    "TimeRange",
    "VideoWriter",
    "WriterOptions",
    "audio_duration",
    "loop_frames",
    "probe",
    "read_audio",
    "read_audio_blocks",
    "read_excerpt",
    "read_frames",
]
