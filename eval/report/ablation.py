"""The papers' ablation tables with our numbers: every row drives people who were not trained on."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from dataclasses import fields, is_dataclass
from pathlib import Path
from typing import Any

from eval.batch.ablation import AblationRow, AblationTable, finished, full_steps
from eval.batch.batch_manifest import ManifestRow, with_controls
from eval.batch.held_out import HeldOut
from eval.batch.rows import Options
from eval.batch.rows import run as run_batch
from eval.batch.summary import ScoreTable as Measured
from eval.batch.summary import summarise_rows
from eval.published.papers import PublishedTable, published
from eval.report.files import write_tables
from eval.report.grid import LEVEL, cells, heading
from eval.report.markdown import pipe_table
from eval.scoring.controls import CONTROLS
from eval.scoring.metrics import METRICS
from eval.scoring.scores import write_text
from lipsync.data.clips import load_clips
from lipsync.generate import Request, generate
from lipsync.weights import hub

EXTRA = ("offset", "lipcorr")  # beside the paper's own metrics: what LSE alone does not tell
SHOWN = ("real", "still frame")  # controls, to read the numbers by


def generate_videos(
    table: AblationTable,
    rows: Sequence[AblationRow],
    people: HeldOut,
    runs: Path,
    report: Callable[[str], None],
) -> list[ManifestRow]:
    """The video of every row and clip, generated into ``runs`` where it is not there yet."""
    videos = []
    for row in rows:
        weights = hub.checksum(row.generator / "model.safetensors")
        folder = runs / "videos" / f"{row.name}-{weights[:10]}"
        folder.mkdir(parents=True, exist_ok=True)
        for name, clip in people.clips.items():
            made = folder / f"{name}.mp4"
            if not made.is_file():
                report(f"{row.name}: {name}")
                request = Request(
                    face=clip,
                    audio=None,
                    output=made,
                    method=table.method,
                    checkpoint=row.generator,
                    label=False,
                )
                generate(request)
            videos.append(ManifestRow(item=name, method=row.name, generated=made, reference=clip))
    return videos


def measure(
    table: AblationTable, videos: Sequence[ManifestRow], runs: Path, out: Path, region: str
) -> Measured:
    """Scores into ``runs`` what is not scored yet; writes tables into ``out``."""
    wanted = [control for control in CONTROLS if control.name in SHOWN]
    options = Options(metrics=(*table.metrics, *EXTRA), region=region)  # type: ignore[arg-type]
    results = run_batch(with_controls(videos, wanted), options, runs)
    measured = summarise_rows(results, runs)
    write_tables(measured, out)
    return measured


def paper_table(table: AblationTable) -> PublishedTable:
    """The published ablation that our rows stand beside."""
    return next(t for t in published("ablation", table.paper) if t.number == table.number)


def printed(
    table: AblationTable, rows: Sequence[AblationRow], measured: Measured, people: HeldOut, data: Path
) -> str:
    """Our numbers and the published ones side by side, as Markdown, with everything in which they differ."""
    paper = paper_table(table)
    columns = [(column, cells(measured, column)) for column in measured.columns]
    ours = [f"{heading(column)}, here" for column, _ in columns]
    theirs = [f"{column.label} {column.arrow}, published" for column in paper.columns]
    by_config = {row.config: row for row in paper.rows}
    lines = []
    for name in measured.controls:
        lines.append([f"*{name}*", *(_text(row.get(name)) for _, row in columns), *[""] * len(theirs)])
    for row in rows:
        published = by_config.get(row.name)
        label = published.method if published else table.unprinted[row.name]
        numbers = [value or "" for value in published.values] if published else [""] * len(theirs)
        lines.append(
            [f"{label} (`{row.name}`)", *(_text(found.get(row.name)) for _, found in columns), *numbers]
        )
    text = [
        f"# {paper.paper.short}, Table {paper.number}: {paper.title}",
        "",
        *pipe_table(["Row", *ours, *theirs], lines),
        "",
        budget(table, rows, data),
        "",
        f"Measured on {len(people.clips)} clips of {people.people} people of whom no clip was trained on, "
        "driven by their own speech. The columns 'here' compare these rows with each other and with nothing "
        f"else. The columns 'published' are {paper.source}: other data and networks, another protocol. They "
        "stand beside ours to show which way each row moved, and are not to be compared number by number.",
        "",
        "In brackets: bootstrap 95 % intervals of the mean over these clips. What another seed would change "
        "is not in them. " + differing(rows, measured),
        *([paper.note] if paper.note else []),
        *(f"- {note}" for note in measured.notes),
        *(f"- No {METRICS.get(metric).label}: {reason}" for metric, reason in measured.missing.items()),
        "",
        "Protocols:",
        "",
        *(f"- `{column.protocol}`" for column, _ in columns),
    ]
    return "\n".join(text) + "\n"


def budget(table: AblationTable, rows: Sequence[AblationRow], data: Path) -> str:
    """What was spent on every row, and how far that is from the recipe of the paper."""
    first, second = rows[0].parts
    clips = load_clips(data, second.config.data.train)
    minutes = sum(map(len, clips)) / 25 / 60
    people = len({clip.identity for clip in clips})
    spent = " and ".join(
        f"{part.config.run.steps:,} steps of `{part.kind}` ({_batch(part.config.stage)})"
        for part in (first, second)
    )
    width = second.config.stage.model.width
    small = "**Small budget, not the paper's.** " if second.config.run.steps < full_steps(table) else ""
    return (
        f"{small}Every row had {spent}, seed {second.config.run.seed}, width {width:g}, on {minutes:.1f} "
        f"minutes of {people} people. One seed: a difference between rows may be luck."
    )


def differing(rows: Sequence[AblationRow], measured: Measured) -> str:
    """For each metric, how many pairs of rows the clips tell apart (Wilcoxon's test, Holm-corrected)."""
    pairs = len(rows) * (len(rows) - 1) // 2
    tested = [column for column in measured.columns if column.tests]
    if not pairs or not tested:
        return "No two rows were tested against each other."
    apart = [(column.label, sum(test.p_holm < LEVEL for test in column.tests)) for column in tested]
    apart_labels = ", ".join(f"{label} {count}" for label, count in apart)
    return (
        f"Of the {pairs} pairs of rows, so many differ with p < {LEVEL:g} (Wilcoxon's signed-rank test on "
        f"the same clips, Holm-corrected): {apart_labels}. What does not differ is not to be ranked."
    )


def _batch(stage: Any) -> str:
    names = ("clips", "windows", "stretches", "frames", "faces", "learning_rate")
    known = {field.name for field in fields(stage)} if is_dataclass(stage) else set()
    return ", ".join(f"{name.replace('_', ' ')} {getattr(stage, name):g}" for name in names if name in known)


def _text(cell: Any) -> str:
    if cell is None:
        return ""
    text = f"**{cell.text}**" if cell.best else cell.text
    return f"{text} ({cell.interval})" if cell.interval else text


def write(text: str, table: AblationTable, rows: Sequence[AblationRow], data: Path, out: Path) -> None:
    """ablation.md, and ablation.json with the whole configuration of every run."""
    write_text(out / "ablation.md", text)
    runs = {
        row.name: [
            {"folder": part.folder.name, "stage": part.kind, "finished": finished(part, data),
             "config": part.config.to_dict()}
            for part in row.parts
        ]
        for row in rows
    }  # fmt: skip
    write_text(out / "ablation.json", json.dumps({"table": table.name, "runs": runs}, indent=1) + "\n")
