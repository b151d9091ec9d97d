"""A benchmark: every method's videos are generated or found, and all of them scored in the same way."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from eval.batch.batch_manifest import ManifestRow, with_controls
from eval.batch.pairing import videos_of_items
from eval.batch.rows import Engine, Options
from eval.batch.rows import run as score_rows
from eval.batch.suites.driving import DrivenFace, driven_faces
from eval.batch.suites.suite import Suite
from eval.batch.suites.suite_items import SuiteItem, data_sha256
from eval.scoring.controls import CONTROLS
from lipsync.errors import ConfigError
from lipsync.texts import Message

Report = Callable[[int, int, dict[str, Any]], None]
SCORES = "scores"  # folder of the rows
SOUNDS = "sounds"  # of the sounds without a voice


@dataclass(frozen=True)
class BenchedMethod:
    """One method of a benchmark.

    Attributes:
        name: in tables.
        title: what people call it.
        folder: where its videos lie, made elsewhere; None: they are generated here.
        weights_sha256: of its weights; empty where its videos come in a folder.
    """

    name: str
    title: str
    folder: Path | None = None
    weights_sha256: str = ""


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
    """

    suite: Suite
    methods: tuple[BenchedMethod, ...]
    faces: tuple[DrivenFace, ...]
    results: tuple[dict[str, Any], ...]
    videos: Mapping[tuple[str, str], Path]
    folder: Path
    data_sha256: str

    @property
    def scores(self) -> Path:
        """The folder of the scored rows."""
        return self.folder / SCORES


def chosen_methods(texts: Sequence[str]) -> list[BenchedMethod]:
    """The methods that a command names, each once: one of the portal's, or ``NAME=FOLDER`` of videos.

    Raises:
        ConfigError: two have one name, or a folder is not there.
        ArtefactError: weights are unavailable.
    """
    from lipsync.methods import load_method

    found: dict[str, BenchedMethod] = {}
    for text in texts:
        name, equals, folder = text.partition("=")
        if equals and not (name.strip() and folder):
            raise ConfigError("bench.method_form", text=text)
        if equals and not Path(folder).is_dir():
            raise ConfigError("folder.missing", folder=folder)
        if equals:
            method = BenchedMethod(name.strip(), name.strip(), Path(folder))
        else:
            loaded = load_method(text)
            method = BenchedMethod(loaded.card.name, str(loaded.card.title), None, loaded.weights_sha256)
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
        report: called with (rows done, rows in all, result) after each scored row.

    Raises:
        ConfigError: a folder of videos has none of the items, or the engine cannot be used.
    """
    faces = driven_faces(suite, items, folder / SOUNDS)
    videos: dict[tuple[str, str], Path] = {}
    problems: dict[tuple[str, str], str] = {}
    for method in methods:
        if method.folder is None:
            continue
        there = videos_of_items(method.folder, [face.item for face in faces], method.name)
        if not there:
            raise ConfigError(
                "bench.folder_without_items", method=method.name, folder=method.folder, item=faces[0].item
            )
        for face in faces:
            if face.item in there:
                videos[face.item, method.name] = there[face.item]
            else:
                problems[face.item, method.name] = Message("bench.no_video", folder=method.folder.name)
    rows = [
        ManifestRow(face.item, method.name, videos[face.item, method.name], face.reference)
        for method in methods
        for face in faces
        if (face.item, method.name) in videos
    ]
    options = Options(suite.metrics, suite.region, suite.variant, resize=suite.resize)
    scored = score_rows([*_controls(suite, faces), *rows], options, folder / SCORES, engine, report)
    by_row = {(result["item"], result["method"]): result for result in scored}
    for (item, name), problem in problems.items():
        by_row[item, name] = {"item": item, "method": name, "control": False, "error": problem}
    order = [(face.item, method.name) for method in methods for face in faces]
    results = [*(row for row in scored if row["control"]), *(by_row[key] for key in order)]
    return BenchRun(suite, tuple(methods), tuple(faces), tuple(results), videos, folder, data_sha256(items))


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
