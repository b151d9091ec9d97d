"""Request and result of the pipeline."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from pathlib import Path

from lipsync.media.output.captions import Caption, CaptionStyle
from lipsync.media.output.formats import Quality
from lipsync.methods import DEFAULT


@dataclass(frozen=True)
class Request:
    """One job. Paths are read where they are; only ``output`` is written."""

    face: Path  # video or photo
    audio: Path | None  # any file with sound; None: the video's own sound
    output: Path  # its ending is the format: .mp4, .m4v, .mov, .webm, or .gif, which has no sound
    # ``auto``, a name of ``lipsync.methods.METHODS``, or ``hub:org/name[@revision]``
    method: str = DEFAULT
    checkpoint: Path | None = None  # weights instead of the method's own
    # Which face, counted from the left in the first frame with faces; None: the largest.
    face_index: int | None = None
    face_point: tuple[float, float] | None = None  # or the face at this place, pixels of the upright picture
    person: int | None = None  # or somebody of the whole video, counted from 1, the largest
    faces: str = (
        "one"  # "one" speaks, wherever he or she appears; "all" do, each with references of their own
    )
    # "audio": as long as the speech, the video plays back and forth; "video": as the video.
    length: str = "audio"
    label: bool = True  # visible "AI-generated" mark; the metadata mark is always there
    # How far the mouth opens against what the speech asks for; for methods with ``supports_mouth_opening``.
    mouth_opening: float = 1.0
    sharpen: float = 0.0  # 0..1, how far drawn detail is brought to the strength of the skin around it
    batch_size: int = 16
    # Draw for a recording that holds nothing too, to see whether the lips rest; else it is a mistake.
    allow_silence: bool = False
    size: int | None = None  # pixels of the result's shorter side at most, as 720; None: as the source
    quality: Quality = "high"  # of the whole picture; "medium" and "small" make smaller files
    # s: the part of the face video, and of the sound in ``audio``, that is used; None: all. The end may lie
    # beyond the recording. Of a video with its own sound, ``face_range`` cuts both.
    face_range: tuple[float, float] | None = None
    audio_range: tuple[float, float] | None = None
    # Of the words that a recogniser finds: a "track" that players can hide, or "burnt" into the picture, and
    # beside the result, always but for "none", a "file" of its name with the ending .srt.
    captions: CaptionStyle = "none"
    max_seconds: float | None = None  # refuse longer results (the app's limit); None: no limit


@dataclass(frozen=True)
class ReferenceFrame:
    """A frame that showed the method what this person's mouth looks like."""

    time: float  # s in the face video
    box: tuple[int, int, int, int]  # of the face on it: x0, y0, x1, y1, pixels of the result


@dataclass(frozen=True)
class Result:
    """What was done. ``to_dict`` is what ``--json`` prints."""

    path: Path
    frames: int
    frames_without_face: int
    width: int  # pixels of the file; an odd video gets one more column or row
    height: int
    fps: float
    duration: float  # seconds
    method: str
    weights_sha256: str
    faces_seen: int  # faces in the first frame that shows any
    seconds: dict[str, float] = field(default_factory=dict)  # per stage, and "total"
    notes: tuple[str, ...] = ()  # notes to show, e.g. coarse tracking without the landmarker
    revision: str | None = None  # commit of the Hub repository that the weights were taken from
    references: tuple[ReferenceFrame, ...] = ()  # from the most closed mouth to the most open one
    requested_method: str = ""  # the request's, where ``method`` is what was taken for ``auto``
    people: int = 0  # in the whole video; 0: they were not told apart
    captions: tuple[Caption, ...] = ()
    fallback: str | None = None  # one sentence why ``auto`` took no better core; None: there is none

    def to_dict(self) -> dict:
        """Plain values for JSON, seconds rounded to milliseconds."""
        return {
            **asdict(self),
            "path": str(self.path),
            "seconds": {stage: round(value, 3) for stage, value in self.seconds.items()},
            "notes": list(self.notes),
        }
