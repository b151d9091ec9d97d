"""The papers' ablation tables as training runs: one for each row, under one budget and one seed.

What rows share is trained once: in M-CSAWav2Lip's Table 2 a sync expert serves all rows with the same audio
features. In LSTM-CBAM's Table 1 the discriminator is what the rows differ in, so each trains its own. In
visual dubbing one of the two stages is ablated, and all rows share the other.
Measuring is not done here: the scoring package knows this one, and not the other way round.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lipsync.data.clips import Clip
from lipsync.errors import ConfigError
from lipsync.methods.lstm_cbam.config import ABLATIONS as LSTM_CBAM
from lipsync.methods.mcsawav2lip.config import ABLATIONS as MCSAWAV2LIP
from lipsync.methods.stages import read_config, recipe, train
from lipsync.methods.visual_dubbing.config import EXPRESSION_ABLATIONS
from lipsync.registry import unknown
from lipsync.texts import Message
from lipsync.training.config import TrainConfig, read_toml
from lipsync.training.run import saved_form

Load = Callable[[Path, tuple[str, ...]], list[Clip]]
MARK = "ablation.json"  # in the folder of a run: what it is, and whether it came to its end


@dataclass(frozen=True)
class AblationStage:
    """One of the two stages that every row goes through.

    Attributes:
        kind: of ``lipsync.methods.stages.STAGES``.
        recipe: of the paper, a name of ``lipsync.methods.stages.recipes``.
        varies: whether rows differ in its network (``stage.model.ablation``).
    """

    kind: str
    recipe: str
    varies: bool = True


@dataclass(frozen=True)
class AblationTable:
    """One ablation table.

    Attributes:
        name: on the command line.
        paper, number: of the published numbers (``eval.published``).
        method: that speaks with a row's generator (``lipsync.methods``).
        rows: names of the configurations, in the paper's order.
        stages: what a row is trained in; the second leaves the generator.
        link: setting of the second stage that names what the first one left, and that folder in its run.
        metrics: the paper's, by the names of ``eval.scoring.metrics``.
        training: of rows that differ in the second stage's training: ``key=value``.
        unprinted: rows that the paper describes and has no numbers for, with what the table calls them.
    """

    name: str
    paper: str
    number: str
    method: str
    rows: tuple[str, ...]
    stages: tuple[AblationStage, AblationStage]
    link: tuple[str, str]
    metrics: tuple[str, ...]
    training: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    unprinted: Mapping[str, str] = field(default_factory=dict)


def _renderer_table(number: str, *rows: str) -> AblationTable:
    """A table of visual dubbing in which the renderer is ablated; one stage 1 serves all rows."""
    return AblationTable(
        f"dubbing-{number}", "visual-dubbing", number, "visual-dubbing", rows,
        (
            AblationStage("expression", "visual_dubbing-expression", varies=False),
            AblationStage("dubbing", "visual_dubbing-dubbing"),
        ),
        ("stage.expression", "expression"),
        ("psnr", "lpips", "ssim", "lmd", "csim"),
        {
            "without-correspondence": ("stage.correspondence_weight=0",),
            "without-stages": ("stage.staged=false",),
        },
    )  # fmt: skip


_TABLES = (
    AblationTable(
        "2", "m-csawav2lip", "2", "wav2lip", MCSAWAV2LIP.names(),
        (AblationStage("sync", "mcsawav2lip-sync"), AblationStage("generator", "mcsawav2lip-generator")),
        ("stage.sync_expert", "sync-expert"),
        ("lse_d", "lse_c", "ssim", "psnr"),
        unprinted={"audio-channel": "M-CSAWav2Lip, features as a channel of the faces (section 3.1.1)"},
    ),
    AblationTable(
        "lstm-1", "lstm-cbam", "1", "lstm-cbam", LSTM_CBAM.names(),
        (AblationStage("sync", "lstm_cbam-sync"), AblationStage("joint", "lstm_cbam-joint", varies=False)),
        ("stage.discriminator", "sync-expert"),
        ("lse_d", "lse_c", "fid"),
    ),
    AblationTable(
        "dubbing-3", "visual-dubbing", "3", "visual-dubbing", EXPRESSION_ABLATIONS.names(),
        (
            AblationStage("dubbing", "visual_dubbing-dubbing", varies=False),
            AblationStage("expression", "visual_dubbing-expression"),
        ),
        ("stage.renderer", "generator"),
        ("aed", "lmd", "lse_c"),
        {"base": ("stage.shape_weight=0",), "without-shape-loss": ("stage.shape_weight=0",)},
    ),
    _renderer_table(
        "4", "base", "without-texture", "without-correspondence", "without-fusion", "without-stages", "full"
    ),
    _renderer_table("5", "sigma-zero", "sigma-one", "full"),
    _renderer_table("6", "fusion-high", "fusion-low", "full"),
)  # fmt: skip
TABLES = {table.name: table for table in _TABLES}


@dataclass(frozen=True)
class Budget:
    """What every row of a table gets.

    Attributes:
        steps: of the second stage, the generator's.
        first_steps: of the first stage.
        seed: of both.
    """

    steps: int
    first_steps: int
    seed: int = 0


@dataclass(frozen=True)
class Part:
    """One training run.

    Attributes:
        folder: of the run.
        kind: of its stage.
        config: its whole configuration.
    """

    folder: Path
    kind: str
    config: TrainConfig


@dataclass(frozen=True)
class AblationRow:
    """One row: the runs it takes, in order, and the generator that comes of them."""

    name: str
    parts: tuple[Part, Part]

    @property
    def generator(self) -> Path:
        return self.parts[1].folder / "generator"


def rows_of(
    table: AblationTable,
    out: Path,
    budget: Budget,
    sets: Sequence[str] = (),
    recipes: Mapping[str, Path] | None = None,
) -> list[AblationRow]:
    """The rows of a table, none of them trained yet.

    Args:
        out: folder for all runs.
        budget: of every row.
        sets: ``key=value`` for both stages, or ``sync:key=value`` for one of them.
        recipes: TOML files to be used instead of the paper's, by kind of stage.

    Raises:
        ConfigError: a setting that cannot be, or that makes two rows the same.
    """
    recipes = dict(recipes or {})
    for kind in recipes:
        _check_kind(kind, table)
    tables = [read_toml(recipes.get(stage.kind) or recipe(stage.recipe)) for stage in table.stages]
    key, left = table.link
    rows = []
    for name in table.rows:
        first, second = (
            _settings(stage, name, count, budget.seed) + _for_stage(sets, table, stage.kind)
            for stage, count in zip(table.stages, (budget.first_steps, budget.steps), strict=True)
        )
        kinds = [stage.kind for stage in table.stages]
        config = read_config(kinds[0], tables[0], first)
        # Rows whose first stages are alike share one run.
        shared = out / f"{kinds[0]}-{_digest(saved_form(kinds[0], config))}"
        second += [*table.training.get(name, ()), f"{key}={json.dumps(str(shared / left))}"]
        last = read_config(kinds[1], tables[1], second)
        parts = Part(shared, kinds[0], config), Part(out / f"{kinds[1]}-{name}", kinds[1], last)
        rows.append(AblationRow(name, parts))
    _check_differ(rows)
    return rows


def _settings(stage: AblationStage, row: str, steps: int, seed: int) -> list[str]:
    """What the engine itself sets of a run, ``key=value``."""
    often = max(1, min(steps // 4, 1000))
    settings = {"steps": steps, "seed": seed, "save_every": often, "check_every": 0}
    model = [f"stage.model.ablation={row}"] if stage.varies else []
    return [f"run.{key}={value}" for key, value in settings.items()] + model


def _check_differ(rows: Sequence[AblationRow]) -> None:
    """Raises ConfigError where a recipe or a setting fixes what two rows differ in."""
    seen: dict[str, str] = {}
    for row in rows:
        trained = _digest({part.kind: saved_form(part.kind, part.config) for part in row.parts})
        if trained in seen:
            raise ConfigError("ablation.rows_alike", first=seen[trained], second=row.name)
        seen[trained] = row.name


def finished(part: Part, data: Path) -> bool:
    """Whether this very run, on these clips, came to its end."""
    return _read_mark(part) == {**_mark(part, data), "finished": True}


def train_part(part: Part, data: Path, report: Callable[[str], None], load: Load | None = None) -> None:
    """Train a run to its end, from where it stopped; nothing where it is finished.

    Args:
        load: as of :func:`lipsync.methods.stages.train`; runs given the same one decode each clip once.

    Raises:
        ConfigError: its folder holds a run with other settings, or on other clips.
    """
    if finished(part, data):
        return
    mark, found = _mark(part, data), _read_mark(part)
    if found is not None and found != {**mark, "finished": False}:
        raise ConfigError("ablation.other_run", folder=part.folder)
    resume = (part.folder / "checkpoint.pt").is_file()
    key = "ablate.resumes" if resume else "ablate.trains"
    report(Message(key, run=part.folder.name, steps=part.config.run.steps))
    _write_mark(part, {**mark, "finished": False})
    train(part.kind, part.config, data, part.folder, resume=resume, quiet=True, load=load)
    _write_mark(part, {**mark, "finished": True})


def table_named(name: str) -> AblationTable:
    """The table of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in TABLES:
        raise ConfigError(unknown("kind.ablation_table", name, TABLES))
    return TABLES[name]


def full_steps(table: AblationTable) -> int:
    """Steps of the generator in the recipe of the paper."""
    return int(read_toml(recipe(table.stages[1].recipe))["run"]["steps"])


def _for_stage(sets: Sequence[str], table: AblationTable, kind: str) -> list[str]:
    """The settings that are meant for both stages or for this one."""
    chosen = []
    for text in sets:
        stage, colon, rest = text.partition(":")
        if not colon or "=" in stage:
            chosen.append(text)
            continue
        _check_kind(stage, table)
        if stage == kind:
            chosen.append(rest)
    return chosen


def _check_kind(kind: str, table: AblationTable) -> None:
    kinds = [stage.kind for stage in table.stages]
    if kind not in kinds:
        raise ConfigError(unknown("kind.table_stage", kind, kinds))


def _mark(part: Part, data: Path) -> dict[str, Any]:
    manifest = hashlib.sha256((data / "manifest.csv").read_bytes()).hexdigest()
    return {"config": _digest(saved_form(part.kind, part.config)), "clips": manifest[:16]}


def _read_mark(part: Part) -> dict[str, Any] | None:
    try:
        return json.loads((part.folder / MARK).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None


def _write_mark(part: Part, mark: dict[str, Any]) -> None:
    part.folder.mkdir(parents=True, exist_ok=True)
    (part.folder / MARK).write_text(json.dumps(mark), encoding="utf-8")


def _digest(values: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(values, sort_keys=True).encode()).hexdigest()[:10]
