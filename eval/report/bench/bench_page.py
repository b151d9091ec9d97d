"""``report.html``: a benchmark for somebody who never saw the project; one file that needs no network."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from html import escape

from eval.batch.suites.bench_run import BenchRun
from eval.batch.summary import Column, ScoreTable
from eval.report.bench.bench_json import BenchReport
from eval.report.bench.bench_pictures import BenchPictures
from eval.report.bench.bench_tables import BenchTables
from eval.report.bench.worst_cells import WorstCell
from eval.report.grid import MARK, Cell, cells, count_videos, footnotes, heading, missing
from eval.scoring.metrics import METRICS
from lipsync.assets import asset
from lipsync.texts import Message, translated

FAILED = 200  # rows that are listed; the rest is in the CSV
NAMED = 5  # videos of one remark
LONG = 28  # letters of a cell from which on it may take several lines


@dataclass(frozen=True)
class BenchPage:
    """All that the page shows.

    Attributes:
        run, tables, report: the benchmark.
        worst: cells of every method.
        pictures: JPEG files.
        language: of the texts around names and protocol strings.
    """

    run: BenchRun
    tables: BenchTables
    report: BenchReport
    worst: Mapping[str, Sequence[WorstCell]]
    pictures: BenchPictures
    language: str

    def html(self) -> str:
        """The whole page."""
        title = self.text(self.run.suite.title)
        style = asset("css", "bench.css").read_text(encoding="utf-8")
        sections = {
            "bench.results": self._results(),
            "bench.measures": self._measures(),
            "bench.by_language": self._parts(self.tables.languages),
            "bench.by_sound": self._parts(self.tables.sounds),
            "bench.pictures": self._sheets(),
            "bench.worst": self._worst(),
            "bench.remarks": self._remarks(),
            "bench.failed": self._failed(),
            "bench.repeat": self._repeat(),
        }
        body = self._head(title) + "".join(
            f"<section><h2>{self.text(key)}</h2>{content}</section>"
            for key, content in sections.items()
            if content
        )
        return (
            f'<!DOCTYPE html>\n<html lang="{self.language}"><head><meta charset="utf-8">'
            '<meta name="viewport" content="width=device-width, initial-scale=1">'
            f"<title>{title}</title><style>{style}</style></head><body><main>{body}</main></body></html>\n"
        )

    def text(self, key: str, /, **parameters: object) -> str:
        """A text in the page's language, escaped."""
        return escape(translated(Message(key, **parameters), self.language))

    # --- what was tested ----------------------------------------------------------------------------------

    def _head(self, title: str) -> str:
        run, suite = self.run, self.run.suite
        spoken = sorted({face.language for face in run.faces if face.language})
        good = sum("error" not in row for row in run.results if not row["control"])
        total = len(run.faces) * len(run.methods)
        facts = [
            (len(run.methods), self.text("bench.fact.methods", count=len(run.methods))),
            (len(run.faces), self.text("bench.fact.videos", count=len(run.faces))),
            (f"{good} / {total}", self.text("bench.fact.scored")),
        ]
        if spoken:
            facts.append((escape(", ".join(spoken)), self.text("bench.fact.languages", count=len(spoken))))
        listed = "".join(f"<li><b>{value}</b>{text}</li>" for value, text in facts)
        version = self.text(
            "bench.head", suite=suite.name, version=suite.version, date=self.report.date[:10],
            portal=self.report.portal or "-",
        )  # fmt: skip
        return (
            f"<h1>{title}</h1><p>{self.text(suite.description)}</p>"
            f'<p class="soft">{version}</p><ul class="facts">{listed}</ul>{self._methods()}'
        )

    def _methods(self) -> str:
        lines = []
        for method in self.run.methods:
            if method.folder is None:
                what = self.text("bench.method.generated", weights=method.weights_sha256[:12] or "-")
            else:
                what = self.text("bench.method.folder", folder=method.folder.name)
            title = (
                f" ({escape(translated(method.title, self.language))})" if method.title != method.name else ""
            )
            lines.append(f"<li><strong>{escape(method.name)}</strong>{title}: {what}</li>")
        return f"<ul>{''.join(lines)}</ul>"

    # --- numbers ------------------------------------------------------------------------------------------

    def _results(self) -> str:
        table = self.tables.whole
        shown = [cell for column in table.columns for cell in cells(table, column).values()]
        tested = any(column.tests for column in table.columns)
        how = [
            self.text(key)
            for key, wanted in (
                ("bench.how.mean", True),
                ("bench.how.interval", any(cell.interval for cell in shown)),
                ("bench.how.best", any(cell.best for cell in shown)),
                ("bench.how.differs", any(cell.differs for cell in shown)),
                ("bench.how.none", tested and not any(cell.differs for cell in shown)),
                ("bench.how.control", bool(table.controls)),
            )
            if wanted
        ]
        listed = "".join(f"<li>{line}</li>" for line in how)
        return f'{self._table(table)}<ul class="soft">{listed}</ul>{self._warnings(table)}'

    def _warnings(self, table: ScoreTable) -> str:
        """What must be known beside a table, and why measures are not in it."""
        notes = [self._sentence(note) for note in table.notes]
        notes += [
            self.text("bench.not_measured", metrics=labels, reason=_public(why))
            for labels, why in missing(table)
        ]
        return "".join(f'<p class="warning">{note}</p>' for note in notes)

    def _table(self, table: ScoreTable) -> str:
        columns = [(column, cells(table, column)) for column in table.columns]
        head = "".join(f'<th scope="col">{_heading(column)}</th>' for column, _ in columns)
        rows = []
        for name in (*table.controls, *table.methods):
            control = ' class="control"' if name in table.controls else ""
            good, total = count_videos(table, name)
            count = str(good) if good == total else f"{good} / {total}"
            numbers = "".join(self._cell(column, found.get(name), name) for column, found in columns)
            rows.append(f'<tr{control}><th scope="row">{escape(name)}</th><td>{count}</td>{numbers}</tr>')
        return (
            '<div class="wide" tabindex="0"><table><thead><tr>'
            f'<th scope="col">{self.text("bench.column.method")}</th>'
            f'<th scope="col">{self.text("bench.column.videos")}</th>{head}</tr></thead>'
            f"<tbody>{''.join(rows)}</tbody></table></div>"
        )

    def _cell(self, column: Column, cell: Cell | None, name: str) -> str:
        if cell is None:
            return "<td></td>"
        text = escape(cell.text)
        if cell.best:
            text = f'<strong class="best">{text}</strong>'
        elif cell.second:
            text = f"<u>{text}</u>"
        if cell.differs:
            text += f" {MARK}"
        summary = column.methods[name]
        more = [escape(cell.interval.replace(" to ", " – "))] if cell.interval else []
        if summary.failed and summary.scored:
            more.append(self.text("bench.scored_of", scored=summary.scored, videos=summary.videos))
        below = "".join(f"<small>{line}</small>" for line in more)
        kind = ' class="text"' if len(cell.text) > LONG else ""
        return f"<td{kind}>{text}{below}</td>"

    def _measures(self) -> str:
        lines = []
        for column in self.tables.whole.columns:
            metric = METRICS.get(column.metric)
            better = self.text(f"bench.better.{metric.direction}")
            lines.append(
                f'<dt>{escape(heading(column))} <span class="soft">{better}</span></dt>'
                f"<dd>{self.text(metric.description)}"
                f'<br><code class="soft">{escape(column.protocol)}</code></dd>'
            )
        feet = [f'<p class="soft">{self._sentence(foot)}</p>' for foot in footnotes(self.tables.whole)]
        return f"<dl>{''.join(lines)}</dl>{''.join(feet)}"

    def _parts(self, tables: Mapping[str, ScoreTable]) -> str:
        whole, parts = self.tables.whole, []
        known = {_kind(note) for note in whole.notes}
        for part, table in tables.items():
            alone = replace(
                table,
                notes=tuple(note for note in table.notes if _kind(note) not in known),
                missing={name: why for name, why in table.missing.items() if name not in whole.missing},
            )
            parts.append(f"<h3>{escape(part)}</h3>{self._table(table)}{self._warnings(alone)}")
        return "".join(parts)

    # --- pictures -----------------------------------------------------------------------------------------

    def _sheets(self) -> str:
        if not self.pictures.sheets:
            return ""
        figures = [
            _figure(picture, self._driven(item), self.text("bench.sheet.alt", item=item))
            for item, picture in self.pictures.sheets.items()
        ]
        own = self.run.suite.speech == "own"
        how = [self.text("bench.pictures.how" if own else "bench.pictures.how_other")]
        if self.run.suite.region == "full":
            how.append(self.text("bench.pictures.whole"))
        return f"<p>{' '.join(how)}</p>{''.join(figures)}"

    def _driven(self, item: str) -> str:
        """An item's name, and whose speech drives it where that is somebody else's."""
        speaker = next(face.speaker for face in self.run.faces if face.item == item)
        if speaker is None:
            return escape(item)
        names = {face.face: face.item for face in self.run.faces}
        return self.text("bench.sheet.speaker", item=item, speaker=names.get(speaker, speaker.stem))

    def _worst(self) -> str:
        parts = []
        for name, cells_ in self.worst.items():
            figures = [
                _figure(picture, self._reason(cell), self.text("bench.sheet.alt", item=cell.item))
                for cell, picture in zip(cells_, self.pictures.worst[name], strict=True)
            ]
            if figures:
                parts.append(f"<h3>{escape(name)}</h3>{''.join(figures)}")
        return f"<p>{self.text('bench.worst.how')}</p>{''.join(parts)}" if parts else ""

    def _reason(self, cell: WorstCell) -> str:
        metric = cell.metric
        value, usual = (
            f"{number:.{metric.decimals}f} {metric.unit}".strip() for number in (cell.value, cell.usual)
        )
        shown = self.text("bench.worst.frames" if cell.chosen else "bench.worst.spread")
        reason = self.text("bench.worst.reason", item=cell.item, metric=cell.label, value=value, usual=usual)
        return f'{reason}<br><span class="soft">{shown}</span>'

    # --- the rest -----------------------------------------------------------------------------------------

    def _remarks(self) -> str:
        videos: dict[str, list[str]] = {}
        for (item, method), sentences in self.run.remarks.items():
            for sentence in sentences:
                videos.setdefault(sentence, []).append(f"{item} ({method})")
        lines = []
        for sentence, names in list(videos.items())[:FAILED]:
            left = len(names) - NAMED
            more = f" {self.text('bench.remarks.more', count=left)}" if left > 0 else ""
            listed = escape(", ".join(names[:NAMED]))
            lines.append(f'<li>{self._sentence(sentence)} <span class="soft">{listed}{more}</span></li>')
        return f"<ul>{''.join(lines)}</ul>" if lines else ""

    def _failed(self) -> str:
        failed = self.tables.whole.failed
        if not failed:
            return ""
        lines = [
            f"<li><strong>{escape(method)}</strong>, {escape(item)}: {self._sentence(reason)}</li>"
            for item, method, reason in failed[:FAILED]
        ]
        left = len(failed) - FAILED
        more = f"<p>{self.text('bench.failed.more', count=left)}</p>" if left > 0 else ""
        return f"<p>{self.text('bench.failed.how')}</p><ul>{''.join(lines)}</ul>{more}"

    def _repeat(self) -> str:
        report = self.report
        versions = ", ".join(f"{name} {number}" for name, number in report.versions.items() if number)
        facts = {
            "bench.repeat.suite": f"{report.suite.name} {report.suite.version}, {report.suite.sha256}",
            "bench.repeat.data": report.data_sha256,
            "bench.repeat.versions": versions,
        }
        lines = "".join(
            f"<dt>{self.text(key)}</dt><dd><code>{escape(text)}</code></dd>" for key, text in facts.items()
        )
        weights = "".join(
            f"<dt>{self.text('bench.repeat.weights', method=method.name)}</dt>"
            f"<dd><code>{method.weights_sha256}</code></dd>"
            for method in report.methods
            if method.weights_sha256
        )
        how = self.text("bench.repeat.how")
        return f"<pre>{escape(report.command)}</pre><p>{how}</p><dl>{lines}{weights}</dl>"

    def _sentence(self, sentence: str) -> str:
        return escape(translated(_public(sentence), self.language))


def _kind(sentence: str) -> str:
    """What a sentence is about, whatever its numbers."""
    return sentence.key if isinstance(sentence, Message) else sentence


def _heading(column: Column) -> str:
    """The heading, escaped, whose arrow stands on the line of its last word."""
    arrow = f" {METRICS.get(column.metric).arrow}"
    return escape(heading(column).replace(arrow, arrow.replace(" ", "\N{NO-BREAK SPACE}")))


def _public(sentence: str) -> str:
    """The sentence for a page that is passed on: of missing weights what is missing, not where it belongs."""
    if isinstance(sentence, Message) and sentence.key == "weights.missing":
        return Message("bench.weights_missing", file=sentence.parameters["file"])
    return sentence


def _figure(picture: bytes | None, caption: str, alternative: str) -> str:
    image = ""
    if picture is not None:
        packed = base64.b64encode(picture).decode()
        image = f'<div tabindex="0"><img alt="{alternative}" src="data:image/jpeg;base64,{packed}"></div>'
    return f"<figure><figcaption>{caption}</figcaption>{image}</figure>"
