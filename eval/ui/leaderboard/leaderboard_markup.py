"""Pieces of HTML of the Leaderboard page, in both languages."""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from html import escape

from eval.leaderboard.export import FORMATS, render
from eval.leaderboard.standings import Column, Filters, OpinionTable, Standings, SuiteTable
from eval.leaderboard.strengths import MethodVotes, SideBias, VoteTable
from eval.report.bench.bench_json import BenchScore
from eval.report.grid import FEWEST, ranked
from eval.report.opinions import DECIMALS, TITLES, show
from eval.scoring.metrics import METRICS
from eval.scoring.metrics.base import ARROWS
from eval.study.storage.store import ListedStudy
from lipsync.texts import Message
from lipsync.ui.languages import localized, localized_attribute, spans
from lipsync.ui.markup import wide_table

TYPES = {"csv": "text/csv", "json": "application/json"}  # of files to download


def head(arenas: Sequence[ListedStudy], example: bool) -> str:
    """The title, and a way to vote in each open arena."""
    shown = f'<h2 class="title">{localized("leaderboard.heading")}</h2>'
    if example:
        return f'{shown}<p class="figures simulated">{localized("leaderboard.simulated")}</p>'
    shown += f'<p class="figures">{localized("leaderboard.intro")}</p>'
    if not arenas:
        return shown
    buttons = []
    for study in arenas:
        which = "" if len(arenas) == 1 else f" · {spans(study.spec.title.to_dict())}"
        link = escape(f"rate?study={study.link}&vote")
        buttons.append(f'<a class="vote" href="{link}">{localized("leaderboard.vote")}{which}</a>')
    how = f'<p class="figures">{localized("leaderboard.vote.how")}</p>'
    return f'{shown}<div class="votes">{"".join(buttons)}{how}</div>'


def tables(found: Standings, filters: Filters) -> str:
    """All tables; the page's address names the filters."""
    parts = [_votes(found.votes)] if found.votes else []
    parts += [_opinions(table) for table in found.opinions] + [_suite(table) for table in found.suites]
    asked = f'data-suite="{escape(filters.suite or "")}" data-language="{escape(filters.language or "")}"'
    return f'<div class="leaderboard" data-board {asked}>{"".join(parts)}</div>'


def damaged(sentences: Sequence[Message]) -> str:
    """What is wrong with stored reports, for their owner."""
    lines = "".join(f"<p>{localized(sentence)}</p>" for sentence in sentences)
    return f'<div class="trouble" role="alert">{lines}</div>' if lines else ""


def downloads(found: Standings) -> str:
    """Links that hold the files themselves."""
    links = []
    for form, kind in TYPES.items():
        data = base64.b64encode(render(found, form).encode()).decode()
        words = localized("leaderboard.download", form=form.upper())
        links.append(f'<a download="{FORMATS[form]}" href="data:{kind};base64,{data}">{words}</a>')
    return f'<p class="downloads">{" ".join(links)}</p>'


def _votes(table: VoteTable) -> str:
    able = {row.method: -round(row.strength, DECIMALS) for row in table.methods if row.rank is not None}
    best, _ = ranked(able)
    rows = []
    for row in table.methods:
        strength = f"<strong>{show(row.strength)}</strong>" if row.method in best else show(row.strength)
        rows.append(
            f"<tr>{_name(row.method, row.real)}{_rank(row, table.minimum)}"
            f"<td>{strength}{_interval(row.low, row.high, DECIMALS)}</td>"
            f"<td>{100 * row.share:.0f} %</td><td>{row.votes}</td><td>{row.date}</td></tr>"
        )
    heads = [_head(f"leaderboard.{name}") for name in ("method", "rank", "strength", "won", "votes", "last")]
    facts = [
        localized(
            "leaderboard.counted",
            votes=Message("count.votes", count=table.votes),
            people=Message("count.people", count=table.raters),
            excluded=table.excluded,
        ),
        localized("leaderboard.minimum.how", minimum=table.minimum),
        *([_bias(table.bias)] if table.bias else []),
        *([localized("leaderboard.half_votes")] if table.shrunk else []),
    ]
    return _section("leaderboard.by_votes", heads, rows, facts)


def _bias(bias: SideBias) -> str:
    votes = Message("count.votes", count=bias.votes)
    if bias.low is None or bias.high is None:
        return localized("leaderboard.bias.plain", left=100 * bias.left, votes=votes)
    ends = {"low": 100 * bias.low, "high": 100 * bias.high}
    fair = bias.low <= 0.5 <= bias.high
    key = "leaderboard.bias.fair" if fair else "leaderboard.bias.found"
    return localized(key, left=100 * bias.left, votes=votes, **ends)


def _rank(row: MethodVotes, minimum: int) -> str:
    if row.rank is not None:
        return f"<td>{row.rank}</td>"
    if row.real:
        return "<td></td>"
    return f"<td {localized_attribute('title', 'leaderboard.unranked', minimum=minimum)}>–</td>"


def _opinions(table: OpinionTable) -> str:
    best = {
        question: ranked(
            {
                row.method: -round(mos, DECIMALS)
                for row in table.methods
                if not row.real and (mos := row.opinions[question].mos) is not None
            }
        )[0]
        for question in table.questions
    }
    rows = []
    for row in table.methods:
        cells = []
        for question in table.questions:
            opinion = row.opinions[question]
            mean = show(opinion.mos)
            mean = f"<strong>{mean}</strong>" if row.method in best[question] else mean
            cells.append(f"<td>{mean}{_interval(opinion.low, opinion.high, DECIMALS)}</td>")
        marks = max(opinion.marks for opinion in row.opinions.values())
        rows.append(
            f"<tr>{_name(row.method, row.real)}{''.join(cells)}<td>{marks}</td><td>{row.date}</td></tr>"
        )
    heads = [
        _head("leaderboard.method"),
        *(_question(question) for question in table.questions),
        _head("leaderboard.marks"),
        _head("leaderboard.last"),
    ]
    facts = [
        localized(
            "leaderboard.rated", people=Message("count.people", count=table.raters), excluded=table.excluded
        )
    ]
    return _section("leaderboard.mos", heads, rows, facts, spans(table.title.to_dict()))


def _suite(table: SuiteTable) -> str:
    best = {column: _best(table, column) for column in table.metrics}
    rows = []
    for row in table.methods:
        most = max(score.n for score in row.scores.values())
        cells = [_score(row.scores.get(column), most, row.method in names) for column, names in best.items()]
        rows.append(f"<tr>{_name(row.method)}{''.join(cells)}<td>{most}</td><td>{row.date}</td></tr>")
    heads = [
        _head("leaderboard.method"),
        *map(_metric, table.metrics.values()),
        _head("leaderboard.videos"),
        _head("leaderboard.date"),
    ]
    protocols = "".join(f"<li><code>{escape(one.protocol)}</code></li>" for one in table.metrics.values())
    summary = f"<summary>{localized('score.protocol')}</summary>"
    more = f'<details>{summary}<ul class="notes">{protocols}</ul></details>'
    version = localized("leaderboard.version", version=table.version, digest=table.sha256[:8])
    name = f"{escape(table.title or table.name)} <small>{version}</small>"
    return _section("leaderboard.measured", heads, rows, [], name) + more


def _best(table: SuiteTable, column: Column) -> set[str]:
    """The best method of a column; of two equal numbers none is, nor one of a single video."""
    metric, _ = column
    if metric in METRICS and not METRICS.get(metric).ranked:
        return set()
    badness: dict[str, float] = {}
    for row in table.methods:
        score = row.scores.get(column)
        if score is not None and score.value is not None:
            value = round(score.value, score.decimals)
            badness[row.method] = {"higher": -value, "lower": value, "zero": abs(value)}[score.direction]
    first, _ = ranked(badness)
    return {row.method for row in table.methods if row.method in first and row.scores[column].n >= FEWEST}


def _score(score: BenchScore | None, most: int, best: bool) -> str:
    if score is None or score.value is None:
        return "<td>-</td>"
    text = f"{score.value:.{score.decimals}f}"
    text = f"<strong>{text}</strong>" if best else text
    fewer = f" <small>n = {score.n}</small>" if score.n < most else ""
    return f"<td>{text}{fewer}{_interval(score.low, score.high, score.decimals)}</td>"


def _metric(score: BenchScore) -> str:
    known = score.metric in METRICS
    why = localized_attribute(
        "title", Message(METRICS.get(score.metric).description) if known else score.protocol
    )
    unit = f" ({score.unit})" if score.unit else ""
    arrow = f'<span class="unit">{escape(unit)} {ARROWS[score.direction]}</span>'
    return f'<th scope="col" {why}>{escape(score.label)}{arrow}</th>'


def _question(key: str) -> str:
    name = localized(f"head.{TITLES[key]}") if key in TITLES else escape(key)
    return f'<th scope="col" {localized_attribute("title", "leaderboard.mos.how")}>{name} ↑</th>'


def _head(key: str) -> str:
    return f'<th scope="col" {localized_attribute("title", f"{key}.how")}>{localized(key)}</th>'


def _name(method: str, real: bool = False) -> str:
    """A method's; the real video is no competitor."""
    if real:
        name = f"<em>{localized('leaderboard.real')}</em>"
    else:
        name = localized(method) if isinstance(method, Message) else escape(method)
    return f'<th scope="row">{name}</th>'


def _interval(low: float | None, high: float | None, decimals: int) -> str:
    if low is None or high is None:
        return ""
    return f" <small>{low:.{decimals}f} … {high:.{decimals}f}</small>"


def _section(key: str, heads: Sequence[str], rows: Sequence[str], facts: Sequence[str], of: str = "") -> str:
    title = localized(key) + (f" · {of}" if of else "")
    notes = "".join(f"<li>{fact}</li>" for fact in facts)
    notes = f'<ul class="notes">{notes}</ul>' if notes else ""
    return f"<h3>{title}</h3>{wide_table(key, ''.join(heads), rows)}{notes}"


def named(methods: Sequence[str], titles: Mapping[str, str]) -> list[tuple[str, str]]:
    """Choices of methods for their owner: what is shown, and the name."""
    shown = {name: titles.get(name, name) for name in methods}
    return [(title if title == name else f"{title} ({name})", name) for name, title in shown.items()]
