"""Learns one person: tunes a core on a video of them for some minutes, and never leaves one that is worse."""

from __future__ import annotations

import csv
import shutil
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from lipsync.errors import Cancelled, ConfigError
from lipsync.generate import Progress
from lipsync.methods import AUTO, METHODS, MethodEntry
from lipsync.methods.adapted import Facts, read_facts
from lipsync.texts import Message
from lipsync.weights import hub

if TYPE_CHECKING:
    from lipsync.data.preparation.person import PersonClips
    from lipsync.methods.registry import Recipe
    from lipsync.methods.tuning import HeldOutScore

FEWEST, MOST = 0.1, 60.0  # minutes
CHECKS = 8  # validations in the time that is given, beside the one before it
PATIENCE = 4  # of them without a gain in a row end it early


@dataclass(frozen=True)
class AdaptRequest:
    """One person to learn."""

    face: Path  # video in which they speak
    out: Path  # folder of the core that is written; it must not exist yet
    method: str = AUTO  # the core to begin with, as for ``lipsync.generate.Request``
    checkpoint: Path | None = None  # a folder or file of weights instead of the method's own
    minutes: float = 2.0  # of learning; cutting the video comes before it
    steps: int = 0  # at most; 0: as many as the time allows
    seed: int = 0


@dataclass(frozen=True)
class Adapted:
    """A core that was written."""

    path: Path
    facts: Facts

    @property
    def summary(self) -> str:
        """One sentence for the person."""
        facts = self.facts
        if facts.kept_original:
            return Message("adapt.no_gain", face=facts.face)
        key, name = ("mouth_lpips", "LPIPS") if "mouth_lpips" in facts.after else ("mouth_l1", "L1")
        return Message(
            "adapt.learned",
            face=facts.face,
            seconds=facts.seconds,
            metric=name,
            before=facts.before[key],
            after=facts.after[key],
        )


@dataclass(frozen=True)
class _Learning:
    """What a core learns from, and how what it learned is measured."""

    request: AdaptRequest
    entry: MethodEntry
    source: Path  # folder of the weights to begin with
    recipe: Recipe
    person: PersonClips
    score: HeldOutScore


def resolve_method(name: str) -> str:
    """The method that ``auto`` means for adapting; other names as they are."""
    if name != AUTO:
        return name
    from lipsync.methods.auto import load_best

    return load_best().card.name


def adapt(
    request: AdaptRequest,
    progress: Callable[[Progress], None] = lambda step: None,
    cancel: threading.Event | None = None,
) -> Adapted:
    """Write ``request.out``: a core tuned on the video, or the untouched one where nothing was gained.

    The video's usable frames but the last fifth are learned from; the last fifth decides which weights are
    kept. Everything happens in a temporary folder that gets its name at the end, so whatever stops it leaves
    nothing behind. Of the video nothing is kept but what the weights learned.

    Args:
        progress: gets stages "weights", "face" (seconds of video) and "learn" (seconds of the time given).
        cancel: set it to stop.

    Raises:
        LipSyncError: one sentence about what was wrong with which input.
        Cancelled: ``cancel`` was set.
    """
    if not FEWEST <= request.minutes <= MOST:
        raise ConfigError("adapt.minutes", least=FEWEST, most=MOST, minutes=request.minutes)
    stop = cancel or threading.Event()

    def report(stage: str, done: float = 0, total: float | None = None) -> None:
        if stop.is_set():
            raise Cancelled("job.stopped")
        progress(Progress(stage, int(done), None if total is None else int(total)))

    try:
        with _alone(request.out) as partial, TemporaryDirectory(prefix="lipsync-adapt-") as work:
            facts = _adapt(request, partial, Path(work), report)
            partial.rename(request.out)
    except (OSError, SafetensorError) as problem:
        reason = getattr(problem, "strerror", None) or str(problem)
        raise ConfigError("adapt.cannot_write", path=request.out, reason=reason) from problem
    return Adapted(request.out, facts)


@contextmanager
def _alone(out: Path) -> Iterator[Path]:
    """A new hidden folder beside ``out``, removed at the end unless it was renamed; one run at a time.

    Raises:
        ConfigError: ``out`` exists, or another run is about to write it.
    """
    taken = Message("adapt.exists", path=out)
    if out.exists():
        raise ConfigError(taken)
    out.parent.mkdir(parents=True, exist_ok=True)
    partial, lock = (out.with_name(f".{out.name}.{ending}") for ending in ("partial", "lock"))
    held = FileLock(lock)
    try:
        held.acquire(timeout=0)
    except Timeout as problem:
        raise ConfigError("adapt.being_written", path=out) from problem
    try:
        if out.exists():  # by the run that held the lock until now
            raise ConfigError(taken)
        shutil.rmtree(partial, ignore_errors=True)  # of a run that was killed
        partial.mkdir()
        yield partial
    finally:
        shutil.rmtree(partial, ignore_errors=True)
        lock.unlink(missing_ok=True)
        held.release()


def _adapt(request: AdaptRequest, out: Path, work: Path, report: Callable[..., None]) -> Facts:
    """Fill the folder ``out``; ``work`` is for what is needed on the way."""
    from lipsync.data.preparation.person import check_video, prepare_person
    from lipsync.methods.tuning import HeldOutScore, recipe_for

    check_video(request.face)  # before anything is fetched
    name = resolve_method(request.method)
    entry = METHODS.get(name)
    report("weights")
    source = _source(entry, request.checkpoint, work, lambda done, total: report("weights", done, total))
    method = entry.load(entry.card, source, False)
    recipe = recipe_for(entry, source)
    landmarker = hub.locate("face_landmarker") or hub.fetch("face_landmarker")
    (work / "clips").mkdir()
    person = prepare_person(
        request.face, work / "clips", landmarker, lambda done, total: report("face", done, total)
    )
    learning = _Learning(request, entry, source, recipe, person, HeldOutScore(person, landmarker))
    rows, seconds = _tune(learning, work, report)
    best = min(rows, key=lambda row: row["score"])
    origin = read_facts(source)
    facts = Facts(
        name=request.out.name,
        method=origin.method if origin else name,
        title=origin.title if origin else entry.card.title,
        source_sha256=hub.checksum(source / "model.safetensors"),
        face=request.face.name,
        resolution=method.crop_size,
        supports_mouth_opening=method.supports_mouth_opening,
        kept_original=True,
        video_seconds=round(person.seconds, 2),
        seconds=round(seconds, 1),
        steps=int(rows[-1]["step"]),
        best_step=0,
        before=_figures(rows[0]),
        after=_figures(rows[0]),
    )
    if best["step"] > 0:
        facts = _exported(facts, int(best["step"]), work / "run" / recipe.folder, out, learning)
    if facts.kept_original:
        for file in ("config.json", "model.safetensors"):
            shutil.copyfile(source / file, out / file)
    facts.write(out)
    _write_card(out, facts, source)
    return facts


def _source(
    entry: MethodEntry, checkpoint: Path | None, work: Path, progress: Callable[[int, int | None], None]
) -> Path:
    """The folder of the core to begin with; a published file becomes one."""
    if checkpoint is not None:
        if not checkpoint.exists():
            raise ConfigError("checkpoint.missing", path=checkpoint)
        found = checkpoint.parent if checkpoint.name == "model.safetensors" else checkpoint
    elif entry.core is not None:
        from lipsync.methods.hub_core import fetch_core

        found = fetch_core(entry.core, progress).path
    else:
        found = entry.weights(progress)
        for name in entry.needs:
            hub.fetch(name, progress)
    if found.is_dir():
        return found
    from lipsync.methods.wav2lip.convert import read_generator
    from lipsync.methods.wav2lip.model import Generator

    config, state = read_generator(found)
    net = Generator(config)
    net.load_state_dict(state)
    net.save_pretrained(work / "source")
    return work / "source"


def _tune(
    learning: _Learning, work: Path, report: Callable[..., None]
) -> tuple[list[dict[str, float]], float]:
    """Train in ``work/run``, where the best weights are left.

    Returns:
        The validations, the first of them before any step, and the seconds that it took.
    """
    import torch

    from lipsync.data.face_fitting import keep_fit
    from lipsync.methods.tuning import PersonStage
    from lipsync.nn.device import default_device, supports_bfloat16
    from lipsync.training.loop import RunConfig, fit

    request, recipe, score = learning.request, learning.recipe, learning.score
    if recipe.morphable is not None:
        morphable = recipe.morphable(learning.source)
        for clip in learning.person.train:
            report("face")
            keep_fit(clip, morphable, score.landmarker)
    torch.manual_seed(request.seed)
    stage = recipe.stage(learning.source, learning.person.train)
    seconds = request.minutes * 60
    run = RunConfig(
        steps=request.steps or 1_000_000,
        seed=request.seed,
        precision="bf16" if supports_bfloat16(default_device()) else "fp32",
        save_every=0,
        check_every=-(-request.steps // CHECKS),
        seconds=seconds,
        check_seconds=seconds / CHECKS,
        best="score",
        patience=PATIENCE,
    )
    scored = PersonStage(stage, lambda now: score(recipe.method(now, learning.entry.card)))
    report("learn", 0, seconds)
    began = time.monotonic()
    fit(
        scored,
        run,
        work / "run",
        quiet=True,
        watch=lambda spent: report("learn", min(spent, seconds), seconds),
    )
    with (work / "run" / "checks.csv").open(newline="") as file:
        rows = [{key: float(value) for key, value in row.items()} for row in csv.DictReader(file)]
    return rows, time.monotonic() - began


def _exported(facts: Facts, step: int, tuned: Path, out: Path, learning: _Learning) -> Facts:
    """Write tuned weights in half precision, and measure what was written; no gain leaves them out again."""
    from lipsync.training.export import export

    export(tuned, out)
    entry = learning.entry
    after = learning.score(entry.load(entry.card, out, False))
    if after["score"] >= facts.before["score"]:
        return facts
    return replace(facts, kept_original=False, best_step=step, after=_figures(after))


def _figures(row: dict[str, float]) -> dict[str, float]:
    return {key: round(value, 4) for key, value in row.items() if key != "step"}


CARD = """\
---
library_name: lipsync-portal
pipeline_tag: video-to-video
license: {licence}
tags:
- lip-sync
- talking-face
- adapted
metrics:
- lpips
---

# {label}

{title}, adapted to one person on {video_seconds:.0f} s of video.

    python -m lipsync generate --face VIDEO --audio SPEECH --out OUT.mp4 --checkpoint FOLDER

{verdict} {steps} steps in {seconds:.0f} s; the weights are those after step {best_step}.

| on the video's held-out last fifth | before | after |
| --- | ---: | ---: |
{rows}

The last fifth chose the step, so these figures are a little kinder than those of a new video. `lipcorr`
is the correlation of the mouth's opening with the real one, its own speech driving it.

These weights were tuned to one person's face. Use them with that person's agreement, and delete the folder
when they ask: nothing else of the video was kept.
"""


def _write_card(out: Path, facts: Facts, source: Path) -> None:
    from lipsync.weights.model_card import read_card

    try:
        licence = str(read_card(source)["license"])
    except ConfigError:  # a folder of one's own without a card
        licence = "other"
    keys = [key for key in facts.before if key != "score"]
    rows = [f"| {key} | {facts.before[key]:.4f} | {facts.after[key]:.4f} |" for key in keys]
    verdict = (
        "Nothing was gained: these are the original weights." if facts.kept_original else "It was tuned:"
    )
    values: dict[str, Any] = {name: getattr(facts, name) for name in Facts.__dataclass_fields__}
    text = CARD.format(**values, licence=licence, label=facts.label, verdict=verdict, rows="\n".join(rows))
    (out / "README.md").write_text(text, encoding="utf-8")
