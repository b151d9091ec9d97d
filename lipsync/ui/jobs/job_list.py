"""HTML of the list of a visitor's jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

from lipsync.errors import LipSyncError
from lipsync.methods import AUTO, METHODS
from lipsync.methods.hub_name import PREFIX as HUB
from lipsync.texts import Message
from lipsync.ui.generate_queue import THUMBNAIL, Job
from lipsync.ui.languages import localized, localized_attribute
from lipsync.ui.markup import SEPARATOR, progress

HOUR = 3600.0


def job_list(jobs: Sequence[Job], ahead: Callable[[Job], int], visitor: str, keep: float) -> str:
    """The visitor's jobs with what can be done with each; empty where there are none.

    Args:
        jobs: the newest first; cancelled ones are left out.
        ahead: jobs that run or wait before one.
        visitor: name of the browser; jobs of others are marked, and only stopped, fetched or deleted.
        keep: seconds that a result is kept.
    """
    rows = "".join(_row(job, ahead(job), job.visitor == visitor) for job in jobs if job.state != "cancelled")
    if not rows:
        return ""
    keeping = localized("jobs.keeping", count=round(keep / HOUR))
    return (
        f'<section><h2 class="group">{localized("jobs.heading")}</h2>'
        f'<ul class="jobs">{rows}</ul><p class="figures">{keeping}</p></section>'
    )


def _row(job: Job, ahead: int, own: bool) -> str:
    """One job: its picture, what it is made of, how far it is or what came of it, and what can be done."""
    name = f"<strong>{escape(title(job))}</strong>"
    if not own:
        name += f' <span class="state">{localized("jobs.other")}</span>'
    if not job.over:
        state = f'<div class="step">{progress(job, ahead)}{_ran(job)}</div>'
    elif job.result is None:
        why = job.error.on_page if isinstance(job.error, LipSyncError) else Message("job.bug")
        state = f'<p class="failure">{localized(why)}</p>'
    else:
        state = ""
    return (
        f'<li data-job="{job.id}" data-state="{job.state}">{_picture(job, own)}<div class="about">{name}'
        f'<p class="figures">{SEPARATOR.join(_settings(job))}</p>{state}</div>'
        f'<div class="verbs">{_verbs(job, own)}</div></li>'
    )


def title(job: Job) -> str:
    """The names of a job's inputs."""
    sound = job.request.audio
    return job.request.face.name + (f" + {sound.name}" if sound is not None else "")


def _settings(job: Job) -> list[str]:
    """What a job was asked for beside its inputs, as far as it is not the usual, and when it was done."""
    asked, result = job.request, job.result
    facts = [
        _method(asked.method if result is None else result.method),
        asked.output.suffix.removeprefix(".").upper(),
    ]
    if asked.size is not None:
        facts.append(f"{asked.size}p")
    if asked.quality != "high":
        facts.append(localized(f"jobs.quality.{asked.quality}"))
    if asked.mouth_opening != 1:
        facts.append(localized("jobs.opening", factor=f"{asked.mouth_opening:g}"))
    if asked.sharpen:
        facts.append(localized("jobs.sharpen", share=f"{asked.sharpen:g}"))
    if result is not None:
        facts.append(localized("facts.length", seconds=f"{result.duration:.1f}"))
    if job.over:
        facts.append(_ago(time.monotonic() - job.ended))
    return facts


def _method(name: str) -> str:
    """The title of a method; of one that lies outside of this portal, or is gone, the name."""
    if name == AUTO:
        return localized("jobs.best")
    return escape(METHODS.get(name).card.title if name in METHODS else name.removeprefix(HUB))


def _ago(seconds: float) -> str:
    if seconds < 60:
        return localized("jobs.now")
    if seconds < HOUR:
        return localized("jobs.minutes_ago", count=int(seconds / 60))
    return localized("jobs.hours_ago", count=int(seconds / HOUR))


def _ran(job: Job) -> str:
    """For how long a job runs already."""
    if not job.began:
        return ""
    minutes, seconds = divmod(int(time.monotonic() - job.began), 60)
    return f'<p class="figures">{localized("jobs.ran", time=f"{minutes}:{seconds:02d}")}</p>'


def _picture(job: Job, own: bool) -> str:
    """The still of a result, which opens it in the player above; an empty place while there is none."""
    still = job.folder / THUMBNAIL
    if job.result is None or not own:
        return '<span class="still" aria-hidden="true"></span>'
    image = f'<img alt="" src="{address(still)}" loading="lazy">' if still.is_file() else ""
    what = localized_attribute("title", "jobs.open", name=title(job))
    return f'<button type="button" class="still" data-what="select" {what}>{image}</button>'


def _verbs(job: Job, own: bool) -> str:
    if not job.over:
        return _button("click", "job.cancel")
    fetch = ""
    if job.result is not None:
        fetch = f'<a href="{address(job.result.path)}" download>{localized("result.download")}</a>'
    again = _button("submit", "jobs.again") if own else ""
    return fetch + again + _button("delete", "jobs.delete", "jobs.delete.sure")


def _button(what: str, key: str, sure: str = "") -> str:
    """A button that triggers the event ``what``, after a second press where it asks whether one is sure."""
    text = localized(key)
    if sure:
        text = f'<span class="before">{text}</span><span class="after">{localized(sure)}</span>'
    return f'<button type="button" data-what="{what}"{" data-sure" if sure else ""}>{text}</button>'


def address(path: Path) -> str:
    """Where the browser gets a file of a job, relative to the page."""
    return f"gradio_api/file={quote(path.as_posix())}"
