"""Jobs of the portal: requests to generate, done in the background."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from lipsync.adapt import Adapted, AdaptRequest, adapt
from lipsync.errors import Cancelled, LipSyncError
from lipsync.generate import Progress, Request, Result, generate
from lipsync.media import VideoWriter, WriterOptions, loop_frames, probe, read_frames
from lipsync.media.output.captions import caption_file
from lipsync.media.output.formats import format_of
from lipsync.media.photo import reduced
from lipsync.methods import AUTO
from lipsync.methods.adapted import PREFIX as ADAPTED
from lipsync.plan import used_parts
from lipsync.ui.choices.speech_queue import SpeechQueue
from lipsync.ui.job_queue import Task, Tasks
from lipsync.ui.public.visitor_limits import VisitorLimits

log = logging.getLogger(__name__)

THUMBNAIL = "thumbnail.jpg"  # in the folder of a job, beside its result
SIDE = 192  # pixels of its longer side
NEAR_LOSSLESS = 10  # x264's CRF; scores are computed against such a part

Generate = Callable[[Request, Callable[[Progress], None], threading.Event], Result]
Adapt = Callable[[AdaptRequest, Callable[[Progress], None], threading.Event], Adapted]


@dataclass
class Job(Task):
    """One request, how far it is, and its result once there is one.

    Attributes:
        learn: the face is learned first, and the request's method is then the core that came of it.
        source: the face file, or the part of it that was used as a file of its own, which the result can be
            laid beside.
    """

    request: Request
    learn: AdaptRequest | None = None
    adapted: Adapted | None = None
    progress: Progress | None = None
    source: Path | None = None
    result: Result | None = None


class Jobs(Tasks[Job]):
    """Generates one request after the other, see `Tasks`, and logs what each result was made by.

    Args:
        keep, most, limit, visitors: as for `Tasks`.
        work: what does the job.
        adapt: what learns a face.

    Attributes:
        speeches: speaks the texts that people type in place of a speech.
    """

    def __init__(
        self,
        keep: float = 3600.0,
        most: int = 20,
        work: Generate = generate,
        limit: float | None = None,
        adapt: Adapt = adapt,
        visitors: VisitorLimits | None = None,
    ) -> None:
        self._generate, self._adapt = work, adapt
        self._speeds: dict[str, float] = {}
        self.speeches = SpeechQueue(keep=keep, most=most, limit=limit, visitors=visitors)
        super().__init__(keep=keep, most=most, limit=limit, visitors=visitors)

    def submit(
        self,
        request: Request,
        learn: AdaptRequest | None = None,
        part: bool = False,
        within: Path | None = None,
    ) -> Job:
        """Queue a request; its ``output`` is only a file name here, the folder is the job's own.

        Args:
            learn: of the same face, to be done before.
            part: of a larger task, which is what counts for its visitor.
            within: folder of that task, to hold the job's; None: beside those of other jobs.

        Raises:
            ConfigError: too many jobs are waiting, in all or of this visitor.
        """
        name, folder = self._place()
        folder = folder if within is None else within / name
        here = replace(request, output=folder / request.output.name)
        return self._add(Job(here, learn, id=name, folder=folder), part)

    @property
    def folders(self) -> tuple[Path, ...]:
        """Where the results lie."""
        return self.folder, self.speeches.folder

    def close(self) -> None:
        self.speeches.close()
        super().close()

    def speed(self, method: str) -> float | None:
        """Frames per second of the method's last job on this machine."""
        return self._speeds.get(method)

    def _do(self, job: Job) -> None:
        def report(step: Progress) -> None:
            job.progress = step

        if job.learn is not None:
            job.adapted = self._adapt(job.learn, report, job.cancel)
            job.request = replace(job.request, method=f"{ADAPTED}{job.adapted.facts.name}")
        result = self._generate(job.request, report, job.cancel)
        if job.adapted is not None:
            result = replace(result, notes=(job.adapted.summary, *result.notes))
        self._speeds[result.method] = speed(result)
        exact = result.method, result.weights_sha256, result.revision
        log.info("made by %s, weights %s, revision %s", *exact)
        job.source = _used_part(job.request, job.folder, job.cancel)
        job.result = _renamed(result)
        _write_thumbnail(job.result.path, job.folder / THUMBNAIL)


def _used_part(request: Request, folder: Path, cancel: threading.Event) -> Path:
    """The face file where all of it was used, else a new one in the folder with the part that was.

    Raises:
        Cancelled: ``cancel`` was set.
    """
    if request.face_range is None:
        return request.face
    face = probe(request.face)
    fps = face.output_fps
    part, _ = used_parts(request, face, format_of(request.output).rate(fps))  # as the result begins
    path = folder / f"{request.face.stem[:70]}-part.mp4"
    sound = request.face if face.has_audio else None
    options = WriterOptions(crf=NEAR_LOSSLESS, sound_part=part)
    with VideoWriter(path, face.width, face.height, fps, sound, options) as writer:
        for frame in loop_frames(request.face, fps, max(1, round((part.end - part.start) * fps)), part=part):
            if cancel.is_set():
                raise Cancelled("job.stopped")
            writer.write(frame.image)
    return path


def _renamed(result: Result) -> Result:
    """The result whose file carries the name of the method that was taken, where ``auto`` was asked for."""
    path, end = result.path, f"-{AUTO}"
    if not path.stem.endswith(end):
        return result
    named = path.with_name(f"{path.stem.removesuffix(end)}-{result.method}{path.suffix}")
    if result.captions:
        caption_file(path).rename(caption_file(named))
    return replace(result, path=path.rename(named))


def _write_thumbnail(video: Path, picture: Path) -> None:
    """Write the first frame of a video as a small JPEG; a video that cannot be read has none."""
    try:
        frame = next(iter(read_frames(video, max_frames=1)), None)
    except LipSyncError:
        return
    if frame is not None:
        Image.fromarray(reduced(frame.image, SIDE)).save(picture, quality=85)


def speed(result: Result) -> float:
    """Frames per second of a finished job, all stages together; 0 when it was not timed."""
    total = result.seconds.get("total", 0.0)
    return result.frames / total if total > 0 else 0.0
