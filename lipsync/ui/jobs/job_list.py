"""HTML of the list of a visitor's jobs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from html import escape
from pathlib import Path

from lipsync.errors import page_sentence
from lipsync.generate import Request, Result
from lipsync.methods import AUTO, METHODS
from lipsync.methods.hub_name import PREFIX as HUB
from lipsync.ui.generate_queue import THUMBNAIL, Job
from lipsync.ui.job_queue import Task
from lipsync.ui.jobs.batch_queue import BatchEntry, VideoBatch
from lipsync.ui.languages import localized, localized_attribute
from lipsync.ui.markup import SEPARATOR, address, progress

HOUR = 3600.0
FEW = 8  # videos of a batch that are shown without being asked for


def job_list(
    tasks: Sequence[Job | VideoBatch], ahead: Callable[[Job], int], visitor: str, keep: float
) -> str:
    """The visitor's jobs and batches with what can be done with each; empty where there are none.

    Args:
        tasks: the newest first; cancelled ones are left out.
        ahead: jobs that run or wait before one.
        visitor: name of the browser; jobs of others are marked, and only stopped, fetched or deleted.
        keep: seconds that a result is kept.
    """
    rows = "".join(
        batch_row(task, ahead, task.visitor == visitor)
        if isinstance(task, VideoBatch)
        else _row(task, ahead(task), task.visitor == visitor)
        for task in tasks
        if task.state != "cancelled"
    )
    if not rows:
        return ""
    keeping = localized("jobs.keeping", count=round(keep / HOUR))
    return (
        f'<section><h2 class="group">{localized("jobs.heading")}</h2>'
        f'<ul class="jobs">{rows}</ul><p class="figures">{keeping}</p></section>'
    )


def _row(job: Job, ahead: int, own: bool) -> str:
    """One job: its picture, what it is made of, how far it is or what came of it, and what can be done."""
    name = _name(escape(title(job)), own)
    if not job.over:
        state = f'<div class="step">{progress(job, ahead)}{_ran(job)}</div>'
    elif job.result is None:
        state = _failure(job)
    else:
        state = ""
    return (
        f'<li data-job="{job.id}" data-state="{job.state}">{_picture(job, own)}<div class="about">{name}'
        f'<p class="figures">{SEPARATOR.join(_facts(job))}</p>{state}</div>'
        f'<div class="verbs">{_verbs(job, own)}</div></li>'
    )


def _failure(task: Task) -> str:
    """Why there is no result."""
    return f'<p class="failure">{localized(page_sentence(task.error))}</p>'


def _name(text: str, own: bool) -> str:
    """What a row is called, and whether it is somebody else's."""
    other = "" if own else f' <span class="state">{localized("jobs.other")}</span>'
    return f"<strong>{text}</strong>{other}"


def title(job: Job) -> str:
    """The names of a job's inputs."""
    sound = job.request.audio
    return job.request.face.name + (f" + {sound.name}" if sound is not None else "")


def _facts(job: Job) -> list[str]:
    """What a job was asked for beside its inputs, and when it was done."""
    facts = _settings(job.request, job.result)
    if job.result is not None:
        facts.append(localized("facts.length", seconds=f"{job.result.duration:.1f}"))
    if job.over:
        facts.append(_ago(job))
    return facts


def _settings(asked: Request, result: Result | None) -> list[str]:
    """The method, which the result knows better, the format, and what else of the picture is not as usual."""
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
    return facts


def _method(name: str) -> str:
    """The title of a method; of one that lies outside of this portal, or is gone, the name."""
    if name == AUTO:
        return localized("jobs.best")
    return escape(METHODS.get(name).card.title if name in METHODS else name.removeprefix(HUB))


def _ago(task: Task) -> str:
    """How long ago a task came to its end."""
    seconds = time.monotonic() - task.ended
    if seconds < 60:
        return localized("jobs.now")
    if seconds < HOUR:
        return localized("jobs.minutes_ago", count=int(seconds / 60))
    return localized("jobs.hours_ago", count=int(seconds / HOUR))


def _ran(job: Job) -> str:
    """For how long a job runs already."""
    if not job.began:
        return ""
    return f'<p class="figures">{localized("jobs.ran", time=_clock(time.monotonic() - job.began))}</p>'


def _picture(job: Job, own: bool) -> str:
    """The still of a result, which opens it in the player above; an empty place while there is none."""
    if job.result is None or not own:
        return '<span class="still" aria-hidden="true"></span>'
    image = _still(job)
    what = localized_attribute("title", "jobs.open", name=title(job))
    return f'<button type="button" class="still" data-what="select" {what}>{image}</button>'


def _still(job: Job) -> str:
    """The first frame of a job's result."""
    still = job.folder / THUMBNAIL
    return f'<img alt="" src="{address(still)}" loading="lazy">' if still.is_file() else ""


def _verbs(job: Job, own: bool) -> str:
    if not job.over:
        return _button("click", "job.cancel")
    fetch = _fetch(job.result.path, "result.download") if job.result is not None else ""
    again = _button("submit", "jobs.again") if own else ""
    return fetch + again + _button("delete", "jobs.delete", "jobs.delete.sure")


def _fetch(path: Path, key: str) -> str:
    """A link that fetches a file."""
    return f'<a href="{address(path)}" download>{localized(key)}</a>'


def _button(what: str, key: str, sure: str = "") -> str:
    """A button that triggers the event ``what``, after a second press where it asks whether one is sure."""
    text = localized(key)
    if sure:
        text = f'<span class="before">{text}</span><span class="after">{localized(sure)}</span>'
    return f'<button type="button" data-what="{what}"{" data-sure" if sure else ""}>{text}</button>'


def batch_row(batch: VideoBatch, ahead: Callable[[Job], int], own: bool) -> str:
    """A batch: how many of its videos are there, and each of them with its state.

    Args:
        batch: any state but cancelled.
        ahead, own: as for a job.
    """
    entries, total = batch.entries, len(batch.entries)
    done, failed = (
        sum(one.result is not None for one in entries),
        sum(one.failure is not None for one in entries),
    )
    shown = next((one.job for one in entries if one.job is not None and one.result is not None), None)
    asked = next((one.request for one in entries if one.request is not None), None)
    facts = _settings(asked, shown.result if shown else None) if asked is not None else []
    facts.append(localized("jobs.done", done=done, total=total))
    if failed:
        facts.append(localized("jobs.failed", count=failed))
    bar, left = "", batch.seconds_left
    if not batch.over:
        bar = f'<progress max="{total}" value="{sum(one.over for one in entries)}"></progress>'
        facts += [localized("jobs.left", time=_clock(left))] if left is not None else []
    else:
        facts.append(_ago(batch))
        bar = _failure(batch) if batch.error is not None else ""
    lines = "".join(_entry(one, batch, ahead, own) for one in entries)
    verbs = _button("click", "job.cancel")
    if batch.over:
        fetch = _fetch(batch.zip, "jobs.download_all") if batch.zip is not None else ""
        verbs = fetch + _button("delete", "jobs.delete", "jobs.delete.sure")
    return (
        f'<li data-job="{batch.id}" data-state="{batch.state}">'
        f'<span class="still" aria-hidden="true">{_still(shown) if shown else ""}</span>'
        f'<div class="about">{_name(localized("jobs.videos", count=total), own)}'
        f'<p class="figures">{SEPARATOR.join(facts)}</p>{bar}</div><div class="verbs">{verbs}</div>'
        f"<details{' open' if total <= FEW or failed else ''}><summary>{localized('jobs.each')}</summary>"
        f'<ul class="entries">{lines}</ul></details></li>'
    )


def _entry(entry: BatchEntry, batch: VideoBatch, ahead: Callable[[Job], int], own: bool) -> str:
    """One video of a batch."""
    job, verbs = entry.job, ""
    if entry.failure is not None:
        state = f'<p class="failure">{localized(entry.failure)}</p>'
    elif job is not None and job.result is not None:
        state = ""
        if job.result.path.is_file():
            verbs = (_button("select", "jobs.show") if own else "") + _fetch(
                job.result.path, "result.download"
            )
    elif job is None or job.state == "cancelled":
        state = f'<p class="figures">{localized("jobs.stopped" if batch.over else "jobs.waits")}</p>'
    else:
        state = f'<div class="step">{progress(job, ahead(job))}</div>'
    name = f'<span class="item">{escape(entry.item)}</span>'
    known = f' data-job="{job.id}"' if job is not None else ""
    return f'<li{known}><div>{name}{state}</div><div class="verbs">{verbs}</div></li>'


def _clock(seconds: float) -> str:
    """Minutes and seconds."""
    return f"{int(seconds) // 60}:{int(seconds) % 60:02d}"
