"""The papers' ablation tables as training runs: one for each row, under one budget and one seed.

What rows share is trained once: in M-CSAWav2Lip's Table 2 a sync expert serves all rows that hear the same
features. In LSTM-CBAM's Table 1 the discriminator is what the rows differ in, so each trains its own.
Measuring is not done here: the scoring package knows this one, and not the other way round.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lipsync.errors import ConfigError
from lipsync.methods.lstm_cbam.config import ABLATIONS as LSTM_CBAM
from lipsync.methods.mcsawav2lip.config import ABLATIONS as MCSAWAV2LIP
from lipsync.registry import unknown
from lipsync.training.config import TrainConfig, read_config, read_toml
from lipsync.training.data import Clip
from lipsync.training.run import kept_form, train

CONFIGS = Path(__file__).parent / "configs"
Load = Callable[[Path, tuple[str, ...]], list[Clip]]
MARK = "ablation.json"  # in the folder of a run: what it is, and whether it came to its end


@dataclass(frozen=True)
class Table:
    """One ablation table.

    Attributes:
        name: on the command line.
        paper, number: of the published numbers (``eval.published``).
        method: that speaks with a row's generator (``lipsync.methods``).
        rows: names of the configurations, in the paper's order.
        stages: names of the two stages, each with its recipe in ``configs``.
        metrics: the paper's, by the names of ``eval.metrics``.
    """

    name: str
    paper: str
    number: str
    method: str
    rows: tuple[str, ...]
    stages: tuple[tuple[str, str], tuple[str, str]]
    metrics: tuple[str, ...]


TABLES = {
    "2": Table(
        "2", "m-csawav2lip", "2", "wav2lip", MCSAWAV2LIP.names(),
        (("sync", "mcsawav2lip-sync"), ("generator", "mcsawav2lip-generator")),
        ("lse_d", "lse_c", "ssim", "psnr"),
    ),
    "lstm-1": Table(
        "lstm-1", "lstm-cbam", "1", "lstm-cbam", LSTM_CBAM.names(),
        (("sync", "lstm_cbam-sync"), ("joint", "lstm_cbam-joint")),
        ("lse_d", "lse_c", "fid"),
    ),
}  # fmt: skip


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
class Row:
    """One row: the runs it takes, in order, and the generator that comes of them."""

    name: str
    parts: tuple[Part, Part]

    @property
    def generator(self) -> Path:
        return self.parts[1].folder / "generator"


def rows_of(
    table: Table, out: Path, steps: int, first_steps: int, seed: int = 0, sets: Sequence[str] = ()
) -> list[Row]:
    """The rows of a table, none of them trained yet.

    Args:
        out: folder for all runs.
        steps: of the second stage, the generator's.
        first_steps: of the first stage, the discriminator's.
        sets: ``key=value`` for both stages, or ``sync:key=value`` for one of them.

    Raises:
        ConfigError: a setting that cannot be.
    """
    (first, _), (second, _) = table.stages
    recipes = [read_toml(CONFIGS / f"{recipe}.toml") for _, recipe in table.stages]
    rows = []
    for name in table.rows:
        configs = []
        for (kind, _), recipe, count in zip(table.stages, recipes, (first_steps, steps), strict=True):
            often = max(1, min(count // 4, 1000))
            settings = {"steps": count, "seed": seed, "save_every": often, "check_every": 0}
            chosen = [f"run.{key}={value}" for key, value in settings.items()]
            if kind != "joint":  # that generator is the same in all rows
                chosen.append(f"stage.model.ablation={name}")
            configs.append((kind, recipe, chosen + _for_stage(sets, table, kind)))
        sync = read_config(*configs[0])
        # Rows whose discriminators are alike share one run.
        shared = out / f"{first}-{_digest(kept_form(first, sync))}"
        key = "stage.discriminator" if second == "joint" else "stage.sync_expert"
        kind, recipe, chosen = configs[1]
        last = read_config(kind, recipe, [*chosen, f"{key}={json.dumps(str(shared / 'sync-expert'))}"])
        rows.append(Row(name, (Part(shared, first, sync), Part(out / f"{second}-{name}", second, last))))
    return rows


def finished(part: Part, data: Path) -> bool:
    """Whether this very run, on these clips, came to its end."""
    return _read_mark(part) == {**_mark(part, data), "finished": True}


def train_part(part: Part, data: Path, tell: Callable[[str], None], load: Load | None = None) -> None:
    """Train a run to its end, from where it stopped; nothing where it is finished.

    Args:
        load: as of :func:`lipsync.training.run.train`; runs given the same one decode each clip once.

    Raises:
        ConfigError: its folder holds a run with other settings, or on other clips.
    """
    if finished(part, data):
        return
    mark, found = _mark(part, data), _read_mark(part)
    if found is not None and found != {**mark, "finished": False}:
        raise ConfigError(
            f"{part.folder} holds a run with other settings or on other clips. Choose another --out, or "
            "delete that folder."
        )
    resume = (part.folder / "checkpoint.pt").is_file()
    tell(f"{part.folder.name}: {'going on' if resume else 'training'}, {part.config.run.steps} steps")
    _write_mark(part, {**mark, "finished": False})
    train(part.kind, part.config, data, part.folder, resume=resume, quiet=True, load=load)
    _write_mark(part, {**mark, "finished": True})


def table_named(name: str) -> Table:
    """The table of a name.

    Raises:
        ConfigError: there is none.
    """
    if name not in TABLES:
        raise ConfigError(unknown("ablation table", name, TABLES))
    return TABLES[name]


def full_steps(table: Table) -> int:
    """Steps of the generator in the recipe of the paper."""
    return int(read_toml(CONFIGS / f"{table.stages[1][1]}.toml")["run"]["steps"])


def _for_stage(sets: Sequence[str], table: Table, kind: str) -> list[str]:
    kinds = [stage for stage, _ in table.stages]
    chosen = []
    for text in sets:
        stage, colon, rest = text.partition(":")
        if not colon or "=" in stage:
            chosen.append(text)
        elif stage not in kinds:
            raise ConfigError(unknown("stage of this table", stage, kinds))
        elif stage == kind:
            chosen.append(rest)
    return chosen


def _mark(part: Part, data: Path) -> dict[str, Any]:
    manifest = hashlib.sha256((data / "manifest.csv").read_bytes()).hexdigest()
    return {"config": _digest(kept_form(part.kind, part.config)), "clips": manifest[:16]}


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
