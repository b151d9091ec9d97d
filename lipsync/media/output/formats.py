"""The formats that a video can be written in, by the ending of its name."""

from dataclasses import dataclass
from math import ceil
from pathlib import Path
from typing import Literal, get_args

from lipsync.errors import MediaError

Quality = Literal["high", "medium", "small"]
QUALITIES: tuple[Quality, ...] = get_args(Quality)


@dataclass(frozen=True)
class Format:
    """A container, the encoder of its pictures, and what it cannot hold.

    Attributes:
        container, encoder: as FFmpeg names them; for a GIF, those of the file that it is made of.
        crf: the encoder's quality for each of `QUALITIES`; less is better.
        encoder_options: the encoder's other options.
        sound: whether it holds sound.
        captions: the encoder of a caption track; empty: it holds none.
        fastest: most frames per second, where there is a limit.
        longest: most seconds; longer ones would be too large to be of use.
    """

    container: str
    encoder: str
    crf: dict[Quality, int]
    encoder_options: dict[str, str]
    sound: bool = True
    captions: str = "mov_text"
    fastest: float | None = None
    longest: float | None = None

    def rate(self, fps: float) -> float:
        """``fps``, or the highest whole fraction of it that the format can show."""
        return fps if self.fastest is None else fps / ceil(fps / self.fastest)


# swscale puts each colour sample in the middle of its four pixels; x264 would say "left edge", and every
# reading and writing again would move the colours by half a pixel.
CHROMA = "chromaloc=1"
# "superfast" with what makes "veryfast" better: the same quality and size for two thirds of its work
# (`python -m tests.benchmarks.output --presets veryfast superfast`).
X264 = {"preset": "superfast", "x264-params": f"{CHROMA}:mbtree=1:rc-lookahead=10:subme=2:me=hex"}
# Without "realtime" the encoder takes four times as long for a file that is about a tenth smaller.
VP9 = {"b": "0", "deadline": "realtime", "cpu-used": "7", "row-mt": "1", "chroma_sample_location": "center"}
X264_CRF: dict[Quality, int] = {"high": 18, "medium": 23, "small": 28}
MP4 = Format("mp4", "libx264", X264_CRF, X264)
MOV = Format("mov", "libx264", X264_CRF, X264)
WEBM = Format("webm", "libvpx-vp9", {"high": 20, "medium": 32, "small": 44}, VP9, captions="webvtt")
# Browsers show frames that follow each other in less than 0.02 s for 0.1 s each.
GIF = Format(
    "mp4", "libx264", dict.fromkeys(QUALITIES, 8), X264, sound=False, captions="", fastest=50, longest=60
)
FORMATS = {".mp4": MP4, ".m4v": MP4, ".mov": MOV, ".webm": WEBM, ".gif": GIF}
NAMES = ("mp4", "webm", "mov", "gif")  # to choose from: the endings without those that mean the same


def format_of(path: Path) -> Format:
    """The format that the name asks for.

    Raises:
        MediaError: no video can be written under such a name.
    """
    if path.suffix.lower() not in FORMATS:
        raise MediaError("writer.ending", name=path.name, endings=", ".join(FORMATS))
    return FORMATS[path.suffix.lower()]
