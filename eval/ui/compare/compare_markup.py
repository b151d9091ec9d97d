"""Pieces of HTML of the Compare page, in both languages."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from eval.compare.index import ComparisonSet
from eval.compare.rights import Role
from eval.ui.compare.background_tasks import BackgroundTask
from eval.ui.compare.multi_method_run import MultiMethodRun
from lipsync.errors import LipSyncError, page_sentence
from lipsync.texts import Message
from lipsync.ui import markup
from lipsync.ui.generate_queue import Job
from lipsync.ui.languages import by_language, localized, localized_attribute, templates


def empty(sets: int) -> str:
    """The message in place of the players while no set is open."""
    how = localized("compare.empty.choose") if sets else localized("compare.empty.how")
    return f'<div class="empty"><strong>{localized("compare.empty")}</strong><p>{how}</p></div>'


def bare() -> str:
    """The message in place of the players in a set without items."""
    return f'<div class="empty"><strong>{localized("compare.bare")}</strong></div>'


def note(key: str, task: BackgroundTask) -> dict[str, str]:
    """What a task does and how far it is, as plain text by language."""
    share = f" {100 * task.done // task.total} %" if task.total else ""
    return {language: text + share for language, text in by_language(key).items()}


def error_note(error: Exception, blind: bool) -> dict[str, str]:
    """What went wrong, as plain text by language; it may contain a name, so it is withheld in blind mode."""
    if isinstance(error, LipSyncError) and blind:
        return by_language("analysis.failed")
    return by_language(page_sentence(error))


def running(key: str, task: BackgroundTask) -> str:
    """What a task does and how far it is."""
    share = f' max="{task.total}" value="{task.done}"' if task.total else ""
    name = f'<p class="figures">{escape(task.name)}</p>' if task.name else ""
    return f'<div class="running"><strong>{localized(key)}</strong><progress{share}></progress>{name}</div>'


def heading(set_: ComparisonSet, item: int, shared: str) -> str:
    """The title of the open set, what is in it, and what is shown of it; ``shared`` says who else sees it."""
    facts = localized(
        "compare.facts",
        clips=Message("count.clips", count=len(set_.items)),
        methods=Message("count.methods", count=len(set_.methods)),
    )
    if len(set_.items) == 1 and set_.items[item].name != set_.title:  # no menu says it
        facts = f"{escape(set_.items[item].name)}{markup.SEPARATOR}{facts}"
    if shared:
        facts = f"{facts}{markup.SEPARATOR}{shared}"
    return f'<h2 class="set-title">{escape(set_.title)}</h2><p class="figures">{facts}</p>'


def shared(set_: ComparisonSet, role: Role) -> str:
    """Who sees a set, for a person of this role."""
    if set_.published:
        return localized("sets.shared.all")
    if role is Role.OWNER and set_.maker:
        return localized("sets.shared.visitor")
    return localized("sets.shared.yours" if role >= Role.MAKER else "sets.shared.link")


def share(set_: ComparisonSet) -> str:
    """The link of a set, whose beginning the browser adds, and what can be done with it."""
    return (
        f'<div class="share"><p class="figures">{localized("sets.share.how")}</p>'
        f'<label class="link"><span>{localized("study.link")}</span>'
        f'<span class="row"><input readonly data-path="?set={set_.id}" id="set-link">'
        f'<button type="button" data-copy><span class="before">{localized("study.copy")}</span>'
        f'<span class="after">{localized("study.copied")}</span></button></span></label></div>'
    )


def blind_heading() -> str:
    """The heading while names are withheld."""
    how = localized("compare.blind.how")
    return f'<h2 class="set-title">{localized("compare.blind")}</h2><p class="figures">{how}</p>'


def side_heading() -> str:
    """Above the list of sets, with the words that ``portal.js`` puts beside the counts in it."""
    counts = json.dumps({**templates("count.clips"), **templates("count.methods")})
    words = f'<span id="set-counts" hidden data-texts="{escape(counts)}"></span>'
    return f'<h2 class="group">{localized("sets.heading")}</h2>{words}'


def confirm(set_: ComparisonSet) -> str:
    """The question before a set is deleted."""
    return f'<p class="figures">{localized("sets.delete.sure", title=set_.title, count=len(set_.items))}</p>'


def download(address: str, path: Path, key: str) -> str:
    """A link to a file that was made."""
    megabytes = localized("compare.megabytes", size=f"{path.stat().st_size / 1e6:.1f}")
    return (
        f'<p class="made"><a href="{escape(address)}" download>{localized(key)}</a> '
        f'<span class="figures">{escape(path.name)}, {megabytes}</span></p>'
    )


def round_running(method_run: MultiMethodRun, ahead: Callable[[Job], int]) -> str:
    """All methods of a multi-method run with their progress, in one display."""
    lines = "".join(f"<li>{escape(title)}: {_state(job, ahead)}</li>" for title, job in method_run.jobs)
    share = sum(_share(job) for _, job in method_run.jobs) / len(method_run.jobs)
    over = sum(job.over for _, job in method_run.jobs)
    title = localized("round.running", number=min(over + 1, len(method_run.jobs)), total=len(method_run.jobs))
    return (
        f'<div class="running"><strong>{title}</strong>'
        f'<progress max="100" value="{100 * share:.0f}"></progress><ol class="notes">{lines}</ol>'
        f"<p>{localized('round.reload')}</p></div>"
    )


def _share(job: Job) -> float:
    if job.over:
        return 1.0
    step = job.progress
    return min(1.0, step.done / step.total) if step and step.total else 0.0


def _state(job: Job, ahead: Callable[[Job], int]) -> str:
    if job.state == "failed":
        return localized(page_sentence(job.error))
    if job.state == "running" and job.progress and job.progress.total:
        step = job.progress
        return localized("round.frames", done=step.done, total=step.total, fps=f"{step.fps:.0f}")
    if job.state == "waiting":
        return localized("round.waiting", ahead=ahead(job))
    return localized("round.running.one" if job.state == "running" else f"round.{job.state}")


def picture(address: str, path: Path, key: str) -> str:
    """A link to a picture that was made, and the picture."""
    shown = f'<img class="sheet" src="{escape(address)}" alt="{escape(path.name)}">'
    return download(address, path, key) + shown


def unscored() -> str:
    """The message in place of the table before there is one."""
    return markup.empty("table.empty")


def plot(address: str) -> str:
    """The table as bars."""
    return f'<img class="plot-picture" src="{escape(address)}" {localized_attribute("alt", "table.plot")}>'


def links(files: Sequence[tuple[str, str]]) -> str:
    """Links to files: address, and what to call it."""
    shown = " · ".join(
        f'<a href="{escape(address)}" download>{escape(label)}</a>' for address, label in files
    )
    return f'<p class="made">{localized("table.download")} {shown}</p>'
