"""A benchmark: every method's videos are generated or found, and all of them scored in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from eval.batch.batch_manifest import ManifestRow, with_controls
from eval.batch.pairing import videos_of_items
from eval.batch.rows import Options, possible_metrics
from eval.batch.rows import run as score_rows
from eval.batch.suites.driving import DrivenFace, driven_faces, request_settings
from eval.batch.suites.suite import Suite
from eval.batch.suites.suite_items import SuiteItem, data_sha256
from eval.scoring.controls import CONTROLS
from lipsync.batch.batch_method import BatchMethod, batch_methods
from lipsync.batch.engines import Engine
from lipsync.batch.generate_batch import generate_batch
from lipsync.batch.generated_video import GeneratedVideo
from lipsync.data.face_speech_pairs import FaceSpeechPair
from lipsync.errors import ConfigError
from lipsync.methods import METHODS
from lipsync.texts import Message

Report = Callable[[str, int, int], None]
Found = dict[tuple[str, str], Path | str]  # item and method to the video, or to why there is none
VIDEOS = "videos"  # folder of what is generated, as Compare imports it
SCORES = "scores"  # folder of the rows
SOUNDS = "sounds"  # of the sounds without a voice


@dataclass(frozen=True)
class BenchedMethod:
    """One method of a benchmark.

    Attributes:
        name: in tables.
        title: what people call it.
        method: what generates its videos; None: they are made elsewhere.
        folder: where they lie then.
    """

    name: str
    title: str
    method: BatchMethod | None = None
    folder: Path | None = None

    @property
    def weights_sha256(self) -> str:
        """Of its weights; empty where its videos come in a folder."""
        return "" if self.method is None else self.method.weights_sha256


@dataclass(frozen=True)
class BenchRun:
    """A finished benchmark.

    Attributes:
        suite: what was run.
        methods: in the order of the command.
        faces: the videos that each of them had to make.
        results: a row for each video, as `eval.batch.rows.run` gives them.
        videos: where the video of an item and method lies; none where it is missing.
        folder: of the whole benchmark.
        data_sha256: of what went in.
        remarks: what was noted while the video of an item and method was generated, such as frames without a
            face, which stay as they are.
    """

    suite: Suite
    methods: tuple[BenchedMethod, ...]
    faces: tuple[DrivenFace, ...]
    results: tuple[dict[str, Any], ...]
    videos: Mapping[tuple[str, str], Path]
    folder: Path
    data_sha256: str
    remarks: Mapping[tuple[str, str], tuple[str, ...]] = field(default_factory=dict)

    @property
    def scores(self) -> Path:
        """The folder of the scored rows."""
        return self.folder / SCORES


def chosen_methods(texts: Sequence[str]) -> list[BenchedMethod]:
    """The methods that a command names: those of the portal, weights, or ``NAME=FOLDER`` of videos.

    Raises:
        ConfigError: two have one name, or a name or folder is unknown.
        ArtefactError: weights are unavailable.
    """
    found: dict[str, BenchedMethod] = {}
    for text in texts:
        name, equals, folder = (part.strip() for part in text.partition("="))
        if Path(text).exists():  # weights, in whose path there may be one too, as in runs/lr=1e-4
            equals = ""
        if equals and not (name and folder):
            raise ConfigError("bench.method_form", text=text)
        if equals and not Path(folder).is_dir():
            raise ConfigError("folder.missing", folder=folder)
        if equals:
            method = BenchedMethod(name, name, folder=Path(folder))
        else:
            (one,) = batch_methods([text])
            title = one.name if one.checkpoint else METHODS.get(one.method).card.title
            method = BenchedMethod(one.name, str(title), one)
        if method == found.get(method.name):
            continue
        if method.name in found or method.name in [control.name for control in CONTROLS]:
            raise ConfigError("bench.name_taken", name=method.name)
        found[method.name] = method
    return list(found.values())


def run_bench(
    suite: Suite,
    items: Sequence[SuiteItem],
    methods: Sequence[BenchedMethod],
    folder: Path,
    engine: Engine | None = None,
    report: Report | None = None,
) -> BenchRun:
    """Generate what is not there yet and score what is not scored yet.

    A row that fails is a result with the reason, and is tried again by the next run.

    Args:
        folder: keeps everything; a run that stopped goes on from it.
        report: called with (``bench.generating`` or ``bench.scoring``, videos done, videos in all).

    Raises:
        ConfigError: the items have no metric of the suite, a folder of videos has none of them, the engine
            cannot be used, or the disk is full.
    """
    report = report or (lambda stage, done, total: None)
    faces = driven_faces(suite, items, folder / SOUNDS)
    asked = [ManifestRow(face.item, "", face.face, face.reference, speaker=face.speaker) for face in faces]
    possible_metrics(asked, suite.metrics)  # before anything is generated
    found: Found = {}
    for method in methods:
        if method.folder is not None:
            found |= _brought(method, method.folder, faces)
    made = _generated(suite, faces, methods, folder, engine, report)
    found |= {(video.item, video.method): video.error or video.path for video in made}
    there = {key: path for key, path in found.items() if isinstance(path, Path)}
    rows = [
        ManifestRow(face.item, method.name, there[key], face.reference, speaker=face.speaker)
        for method in methods
        for face in faces
        if (key := (face.item, method.name)) in there
    ]
    options = Options(suite.metrics, suite.region, suite.variant, resize=suite.resize)
    rows = [*_controls(suite, faces), *rows]
    scored: list[dict[str, Any]] = []
    if rows:
        count = partial(report, "bench.scoring")
        scored = score_rows(
            rows, options, folder / SCORES, engine, lambda done, total, result: count(done, total)
        )
    by_row = {(row["item"], row["method"]): row for row in scored}
    for (item, name), problem in found.items():
        if (item, name) not in there:
            by_row[item, name] = {"item": item, "method": name, "control": False, "error": problem}
    order = [(face.item, method.name) for method in methods for face in faces]
    results = [*(row for row in scored if row["control"]), *(by_row[key] for key in order)]
    remarks = {(video.item, video.method): lines for video in made if (lines := _remarks(video))}
    return BenchRun(
        suite, tuple(methods), tuple(faces), tuple(results), there, folder, data_sha256(items), remarks
    )


def _generated(
    suite: Suite,
    faces: Sequence[DrivenFace],
    methods: Sequence[BenchedMethod],
    folder: Path,
    engine: Engine | None,
    report: Report,
) -> list[GeneratedVideo]:
    """The videos of the methods that are generated here, or why one is not there."""
    ours = [method.method for method in methods if method.method is not None]
    if not ours:
        return []
    pairs = [FaceSpeechPair(face.item, face.face, face.audio, face.reference) for face in faces]
    return generate_batch(
        pairs, ours, folder / VIDEOS, engine,
        lambda done, total, video: report("bench.generating", done, total), request_settings(suite),
    )  # fmt: skip


def _remarks(video: GeneratedVideo) -> tuple[str, ...]:
    """What was noted while it was generated."""
    if not video.frames_without_face:
        return video.notes
    count = Message("bench.without_face", count=video.frames_without_face, total=video.frames)
    return *video.notes, count


def _brought(method: BenchedMethod, folder: Path, faces: Sequence[DrivenFace]) -> Found:
    """The videos of a method that were made elsewhere, or that there is none.

    Raises:
        ConfigError: its folder has none of the items.
    """
    there = videos_of_items(folder, [face.item for face in faces], method.name)
    if not there:
        raise ConfigError("bench.folder_without_items", method=method.name, folder=folder, item=faces[0].item)
    nothing = Message("bench.no_video", folder=folder.name)
    return {(face.item, method.name): there.get(face.item, nothing) for face in faces}


def _controls(suite: Suite, faces: Sequence[DrivenFace]) -> list[ManifestRow]:
    """The rows of the suite's controls; of speech in a file of its own, with that file's sound."""
    sounds = {face.item: face.audio for face in faces if face.audio is not None}
    real = [
        ManifestRow(face.item, "", face.reference, face.reference)
        for face in faces
        if face.reference is not None and face.reference.is_file()
    ]
    controls = [control for control in CONTROLS if control.name in suite.controls]
    rows = [row for row in with_controls(real, controls) if row.control is not None]
    return [
        replace(row, control=row.control.with_audio(sounds[row.item]))
        if row.control is not None and row.control.audio is None and row.item in sounds
        else row
        for row in rows
    ]
