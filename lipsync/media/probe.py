"""What a file is, read from the file itself and not from its name."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path

import av

from lipsync.errors import MediaError
from lipsync.file_cache import cached_per_file
from lipsync.media.frames import converter
from lipsync.media.hdr import is_hdr
from lipsync.media.photo import photo_size, read_photo
from lipsync.media.picture import orientation
from lipsync.media.sound import audio_duration
from lipsync.media.source import decode, open_media, sound_stream, video_stream
from lipsync.media.timeline import scan

PHOTO_FPS = 25.0
SLOWEST = 20.0  # frames per second; below, a syllable gets fewer than four pictures


@dataclass(frozen=True)
class MediaInfo:
    """Facts about a readable file.

    Attributes:
        kind: "video", "photo" or "audio".
        width, height: pixels as :func:`~lipsync.media.frames.read_frames` delivers them, upright and
            square; 0 for audio.
        fps: average frames per second, 1 to 240; 0 for photos and audio.
        duration: seconds of picture, or of sound for audio; 0 for a photo.
        frames: about how many frames there are at ``fps``; 1 for a photo, 0 for audio.
        has_audio: there is sound in it.
        rotation: clockwise degrees that the stored picture was turned by (0, 90, 180, 270).
        variable_rate: frames are shown for different lengths of time.
        hdr: the picture is HDR (HLG or PQ), which is read as a standard screen shows it.
    """

    kind: str
    width: int
    height: int
    fps: float
    duration: float
    frames: int
    has_audio: bool
    rotation: int
    variable_rate: bool
    hdr: bool = False

    @property
    def output_fps(self) -> float:
        """Frames per second of a video made from this one: its own, but enough for lips to follow speech.

        A slower one is read at a multiple of its rate, which shows each picture several times; a photo
        at 25.
        """
        return self.fps * ceil(SLOWEST / self.fps) if self.fps else PHOTO_FPS


@cached_per_file(32)  # a job asks for it at every stage, and a long video takes seconds
def probe(path: Path) -> MediaInfo:
    """What a file holds; its first frame or its sound has been decoded, so it can be worked with.

    Raises:
        MediaError: missing, a folder, empty, cut short, damaged, mislabelled or not supported.
    """
    size = photo_size(path)
    if size is not None:
        read_photo(path)  # the pixels too: a half-copied photo has a good header
        return MediaInfo("photo", size[0], size[1], 0.0, 0.0, 1, False, size[2], False)
    with open_media(path) as container:
        stream = video_stream(container)
        if stream is None:
            if sound_stream(container) is None:
                raise MediaError("media.nothing", path=path.name)
            return MediaInfo("audio", 0, 0, 0.0, audio_duration(path), 0, True, 0, False)
        frame: av.VideoFrame | None = next(decode(container, stream), None)
        if frame is None:
            raise MediaError("media.no_frame", path=path.name)
        height, width = converter(container)(frame).shape[:2]
        rotation, _ = orientation(frame)
    timeline = scan(path)
    return MediaInfo(
        kind="video",
        width=width,
        height=height,
        fps=timeline.fps,
        duration=timeline.duration,
        frames=timeline.frames,
        has_audio=timeline.has_sound,
        rotation=rotation,
        variable_rate=timeline.variable,
        hdr=is_hdr(frame.color_trc),
    )
