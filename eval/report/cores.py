"""The table of cores: a row for each, all columns, and what each column means."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from eval.batch.core_scores import NEAR, CoreResults, CoreScores
from eval.batch.cores import OWN, PICTURES, REAL, STILL, ScoredCore
from eval.batch.silences import SECONDS, SILENCES
from eval.functional.mouth.closures import TOUCH, ClosureScore
from eval.functional.mouth.lipcorr import LipCorrScore
from eval.functional.mouth.silence import SilenceScore
from eval.functional.mouth.spread import SpreadScore
from eval.report.files import csv_text, number, plain
from eval.report.markdown import pipe_table
from eval.scoring.metrics import METRICS
from eval.scoring.scores import write_text


@dataclass(frozen=True)
class CoreColumn:
    """One column.

    Attributes:
        key: its heading in the CSV.
        heading: in the Markdown table, with the way that is better or the target.
        value: of a row; None or NaN where it has none.
        decimals: worth printing.
    """

    key: str
    heading: str
    value: Callable[[CoreScores], float | None]
    decimals: int = 3


def _part(score: LipCorrScore | SilenceScore | SpreadScore | ClosureScore | None, name: str) -> float | None:
    return None if score is None else getattr(score, name)


def _picture(name: str) -> CoreColumn:
    metric = METRICS.get(name)
    unit = f" ({metric.unit})" if metric.unit else ""
    return CoreColumn(
        name, f"{metric.label}{unit} {metric.arrow}", lambda row: row.pictures.get(name), metric.decimals
    )


COLUMNS: tuple[CoreColumn, ...] = (
    CoreColumn("lipcorr_lag0", "LipCorr, own speech, lag 0 ↑", lambda row: _part(row.lipcorr, "r_zero")),
    CoreColumn("followed", "other speech, followed ↑", lambda row: _part(row.followed, "r_zero")),
    CoreColumn("leak", "leak → 0", lambda row: _part(row.leak, "r")),
    CoreColumn("silent_opening", "silence: opening / at rest ≤ 1", lambda row: row.worst_silence[0], 2),
    CoreColumn("silent_spread", "silence: spread / in speech ≤ 0.2", lambda row: row.worst_silence[1], 2),
    CoreColumn("spread", "spread / real → 1", lambda row: _part(row.spread, "ratio"), 2),
    CoreColumn("closure_recall", "closures: recall ↑", lambda row: _part(row.closures, "recall"), 2),
    CoreColumn("closure_precision", "closures: precision ↑", lambda row: _part(row.closures, "precision"), 2),
    *(_picture(name) for name in ("lmd", "lpips", "psnr", "ssim", "csim")),
)


def write_cores(results: CoreResults, cores: Sequence[ScoredCore], folder: Path) -> str:
    """Write cores.md, cores.csv and cores.json; gives back the first."""
    scores = [results.core(core) for core in cores]
    rows = [*results.controls(results.table(cores[0])), *scores]
    lines = protocols(results, cores, scores)
    text = cores_markdown(rows, lines, results.failed())
    write_text(folder / "cores.csv", cores_csv(rows))
    data = {"rows": [asdict(row) for row in rows], "protocols": lines, "failed": results.failed()}
    write_text(
        folder / "cores.json", json.dumps(plain(data), indent=2, ensure_ascii=False, allow_nan=False) + "\n"
    )
    write_text(folder / "cores.md", text)
    return text


def cores_markdown(rows: Sequence[CoreScores], protocols: Sequence[str], failed: Sequence[str]) -> str:
    """All columns, then silence by its kind, then what failed and the protocol lines."""
    found = f"offset within ±{NEAR} frame ↑"
    lines = pipe_table(
        ["core", "clips", *(column.heading for column in COLUMNS), found],
        [
            [
                f"*{row.name}*" if row.name in (REAL, STILL) else row.name,
                str(row.faces),
                *(_shown(column.value(row), column.decimals) for column in COLUMNS),
                f"{row.in_sync} of {len(row.offsets)}" if row.offsets else "–",
            ]
            for row in rows
        ],
    )
    lines += ["", "Silence, by its kind (openings and spreads in inter-ocular distances):", ""]
    lines += pipe_table(
        [
            "core, kind", "opening", "at rest", "opening / at rest ≤ 1", "closed", "spread", "in speech",
            "spread / in speech ≤ 0.2", "still",
        ],
        [
            [
                f"{row.name}, {kind}", _shown(score.opening, 4), _shown(score.quartile, 4),
                _shown(score.opening_ratio, 2), f"{score.closed} of {score.clips}", _shown(score.spread, 4),
                _shown(score.speech, 4), _shown(score.spread_ratio, 2), f"{score.still} of {score.clips}",
            ]
            for row in rows
            for kind, score in row.silence.items()
        ],
    )  # fmt: skip
    if failed:
        lines += ["", f"{len(failed)} videos failed and are left out:", "", *(f"- {line}" for line in failed)]
    lines += ["", "Protocols:", "", *(f"- `{line}`" for line in protocols)]
    return "\n".join(lines) + "\n"


def cores_csv(rows: Sequence[CoreScores]) -> str:
    """A line per core with the columns of the table and what they were made of."""
    kinds = [
        (f"{kind.name.replace(' ', '_')}_{part}", kind.name, part)
        for kind in SILENCES
        for part in ("opening", "quartile", "closed", "spread", "speech", "still")
    ]
    lines = [
        [
            "core", "clips", *(column.key for column in COLUMNS), "in_sync", "with_offset", "lipcorr",
            "lipcorr_lag", "leak_lag", "leak_lag0", "real_closures", *(key for key, *_ in kinds),
        ]
    ]  # fmt: skip
    for row in rows:
        cells: list[float | None] = [column.value(row) for column in COLUMNS]
        cells += [row.in_sync, len(row.offsets)] if row.offsets else [None, None]
        cells += [_part(row.lipcorr, "r"), _part(row.lipcorr, "lag")]
        cells += [_part(row.leak, "lag"), _part(row.leak, "r_zero"), _part(row.closures, "share")]
        cells += [_part(row.silence.get(kind), part) for _, kind, part in kinds]
        lines.append([row.name, str(row.faces), *map(number, cells)])
    return csv_text(lines)


def protocols(results: CoreResults, cores: Sequence[ScoredCore], scores: Sequence[CoreScores]) -> list[str]:
    """A line for every column: how the picture was read, and what is compared with what."""
    first = cores[0]
    opening = results.protocol("lipcorr", first.row(OWN))
    lines = []
    if opening:
        shares = [100 * row.closures.share for row in scores if row.closures]
        real = f"{shares[0]:.0f} % of the frames" if shares else "no frame"
        sounds = ", ".join(
            f"{kind.name} ({kind.description}{'' if kind.level is None else f', {kind.level:g} dBFS'})"
            for kind in SILENCES
        )
        meanings = {
            "LipCorr, own speech": "opening against the real one, lag 0, mean of clips weighted by frames",
            "other speech, followed": "opening against that of the person who said it, in their own clip, "
            "lag 0, common length, mean of clips weighted by frames",
            "leak": "other speech, opening against the mouth that was in the video: LipCorr of other speech, "
            "at the one shift within ±5 frames with the highest mean",
            "silence, opening": f"{SECONDS:g} s each of {sounds}; mean opening / lower quartile of the real "
            "opening in the whole clip, means over clips; the worst kind",
            "silence, spread": "standard deviation over time of the opening / the same with own speech, "
            "means over clips; the worst kind",
            "spread": "own speech, standard deviation of the opening about each clip's mean / that of the "
            "real one, pooled over frames",
            "closures": f"own speech, lips touch where the inner gap is under {TOUCH:g} inter-ocular "
            f"distances (the real ones in {real}); recall and precision over all frames",
        }
        lines += [_defined(opening, label, meaning) for label, meaning in meanings.items()]
    for name in PICTURES:
        if found := results.protocol(name, first.row(OWN)):
            lines.append(_defined(found, METRICS.get(name).label, "own speech, mean over clips"))
    measured = results.protocol("offset", REAL) or results.protocol("offset", first.row(OWN))
    if measured:
        lines.append(
            _defined(measured, measured.split("; ")[1], f"clips whose offset is within ±{NEAR} frame")
        )
    return lines


def _defined(protocol: str, label: str, meaning: str) -> str:
    """The protocol of one video without its counts, under another label, with what the number means."""
    version, _, *parts = protocol.split("; ")
    counted = re.compile(r"(frames|windows|skipped|mean of) \d|\d+ of \d+ windows|short: ")
    shared = [part for part in parts if not counted.match(part)]
    return "; ".join([version, label, *shared, meaning])


def _shown(value: float | None, decimals: int) -> str:
    return "–" if value is None or math.isnan(value) else f"{value:.{decimals}f}"
