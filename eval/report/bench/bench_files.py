"""The report of a benchmark in every form: for people, a paper, a spreadsheet and programs."""

from __future__ import annotations

from pathlib import Path

from eval.batch.suites.bench_run import BenchRun
from eval.batch.summary import ScoreTable
from eval.report.bench.bench_json import BenchReport, write_bench_report
from eval.report.bench.bench_page import BenchPage
from eval.report.bench.bench_pictures import bench_pictures
from eval.report.bench.bench_tables import BenchTables, bench_report, bench_tables
from eval.report.bench.worst_cells import worst_cells
from eval.report.files import csv_text, number, write_tables
from eval.report.grid import cells
from eval.report.latex import latex
from eval.scoring.metrics import METRICS
from eval.scoring.scores import write_text
from lipsync.texts import Message, translated


def write_bench(run: BenchRun, command: str, language: str) -> Path:
    """Write report.html, report.tex, report.csv and report.json; gives back the first.

    The folder of the scored rows gets the tables of a batch, with a line for every video and every test.

    Args:
        command: that repeats the run.
        language: of the page.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    tables = bench_tables(run)
    write_tables(tables.whole, run.scores)
    report = bench_report(run, tables, command)
    write_bench_report(report, run.folder / "report.json")
    write_text(run.folder / "report.csv", bench_csv(tables))
    write_text(run.folder / "report.tex", bench_tex(run, tables, report))
    worst = worst_cells(run)
    pictures = bench_pictures(run, worst, translated(Message("bench.real"), language))
    page = BenchPage(run, tables, report, worst, pictures, language)
    write_text(run.folder / "report.html", page.html())
    return run.folder / "report.html"


def bench_csv(tables: BenchTables) -> str:
    """A line for every method, metric and part (no language and sound: all items), controls too."""
    head = ["method", "control", "metric", "label", "direction", "unit", "language", "sound"]
    lines = [[*head, "mean", "low", "high", "scored", "videos", "best", "differs from the best", "protocol"]]
    for part, table in tables.parts():
        lines += _lines(table, **part)
    return csv_text(lines)


def _lines(table: ScoreTable, language: str = "", sound: str = "") -> list[list[str]]:
    lines = []
    for column in table.columns:
        metric, shown = METRICS.get(column.metric), cells(table, column)
        for name, cell in shown.items():
            summary = column.methods[name]
            lines.append(
                [
                    name, "yes" if name in table.controls else "", metric.name, column.label,
                    metric.direction, metric.unit, language, sound, number(summary.mean), number(summary.low),
                    number(summary.high), str(summary.scored), str(summary.videos),
                    "yes" if cell.best else "", "yes" if cell.differs else "", column.protocol,
                ]
            )  # fmt: skip
    return lines


def bench_tex(run: BenchRun, tables: BenchTables, report: BenchReport) -> str:
    """The table of all items, then of each part, as LaTeX that can be pasted as it is."""
    head = [
        f"{report.suite.title}, suite {report.suite.name} {report.suite.version} ({report.suite.sha256})",
        f"{report.date}, {len(run.faces)} videos of each method, data {report.data_sha256}",
        report.command,
        *(
            f"{method.name}: weights {method.weights_sha256 or '(a folder of videos)'}"
            for method in report.methods
        ),
    ]
    lines = "".join(f"% {' '.join(line.split())}\n" for line in head)
    return "\n".join([lines, *(latex(table, part="".join(part.values())) for part, table in tables.parts())])
