"""Small pieces of HTML of the Generate page, in both languages."""

import base64
import io
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from urllib.parse import quote

import numpy as np
from PIL import Image

from lipsync.errors import MissingInput, page_sentence
from lipsync.generate import Progress, Result
from lipsync.media import MediaInfo
from lipsync.methods import AUTO
from lipsync.methods.base import MethodCard
from lipsync.texts import Message, languages
from lipsync.ui.generate_queue import Job, speed
from lipsync.ui.languages import language_style, locale, localized, localized_attribute
from lipsync.weights.hub import offline

SEPARATOR = '<span class="dot" aria-hidden="true"> · </span>'


def header() -> str:
    """Title, purpose, the switch of languages and that of light and dark."""
    return (
        f'<style>{language_style()}</style><header class="masthead"><div>'
        f"<h1>{localized('page.title')}</h1><p>{localized('page.purpose')}</p></div>"
        '<div class="switches">'
        f"{_language_buttons()}"
        f'<button type="button" data-theme>{localized("page.theme")}</button>'
        "</div></header>"
    )


def _language_buttons() -> str:
    """A button for each language, in its own name."""
    return "".join(
        f'<button type="button" data-locale="{locale(language)}" lang="{locale(language)}">'
        f"{Message('language.name').text(language)}</button>"
        for language in languages()
    )


def footer() -> str:
    """The way to the interface for programs, which ``portal.js`` opens."""
    return (
        '<footer class="foot"><button type="button" data-open-api>'
        f"{localized('page.programs')}</button></footer>"
    )


def address(path: Path) -> str:
    """Where the browser gets a file that the portal may hand out, relative to the page."""
    return f"gradio_api/file={quote(path.as_posix())}"


def wide_table(name: str, head_row: str, rows: Iterable[str]) -> str:
    """A table that scrolls where it is wider than the page.

    Args:
        name: key of what a screen reader calls it.
        head_row: the cells of its head.
        rows: the others, whole.
    """
    return (
        f'<div class="scores" tabindex="0" role="region" {localized_attribute("aria-label", name)} '
        f'style="overflow-x: auto"><table><thead><tr>{head_row}</tr></thead>'
        f"<tbody>{''.join(rows)}</tbody></table></div>"
    )


def heading(key: str) -> str:
    """The title of a group of inputs."""
    return f'<h2 class="group">{localized(key)}</h2>'


def empty(key: str = "job.empty") -> str:
    """Placeholder of an empty place; the text ``key.how`` explains how to fill it."""
    how = localized(f"{key}.how")
    return f'<div class="empty"><strong>{localized(key)}</strong><p>{how}</p></div>'


def trouble(error: Exception) -> str:
    """What went wrong or is missing, as a sentence for the person; a bug is only named as one.

    The key is there for ``portal.js``, which leads to what is missing.
    """
    message = page_sentence(error)
    title = localized("job.missing" if isinstance(error, MissingInput) else "job.failed")
    return (
        f'<div class="trouble" role="alert" data-error="{escape(message.key)}">'
        f"<strong>{title}</strong><p>{localized(message)}</p></div>"
    )


def cancelled() -> str:
    """The person stopped the job."""
    return f'<div class="empty">{localized("job.cancelled")}</div>'


def running(job: Job, ahead: int, hours: int) -> str:
    """How far a job is that is not over, and for how long its result will be kept."""
    newest = _newest(job.progress.picture if job.progress else None)
    reload = localized("jobs.reload", count=hours)
    return f'<div class="running">{newest}<div>{progress(job, ahead)}<p>{reload}</p></div></div>'


def progress(job: Job, ahead: int) -> str:
    """Stage, frames, speed and the time left of a job that is not over."""
    step = job.progress
    if job.state == "waiting" or step is None:
        title = localized("job.waiting", count=ahead) if ahead else localized("job.weights")
        step = Progress("waiting")
    else:
        title = localized(f"job.{step.stage}")
    facts = []
    if step.stage == "weights" and step.total:
        facts.append(localized("job.bytes", done=f"{step.done / 1e6:.1f}", total=f"{step.total / 1e6:.1f}"))
    elif step.stage in ("face", "learn", "captions") and step.total:
        facts.append(localized("job.seconds", done=step.done, total=step.total))
    elif step.done or step.total:
        done = Message("job.count", done=step.done, total=step.total) if step.total else None
        facts.append(localized(done or Message("count.frames", count=step.done)))
    if step.fps:
        facts.append(localized("job.fps", fps=f"{step.fps:.0f}"))
    if step.seconds_left is not None:
        facts.append(localized("job.left", seconds=max(1, round(step.seconds_left))))
    share = min(1.0, step.done / step.total) if step.total else None
    bar = (
        f'<progress max="100" value="{100 * share:.0f}"></progress>'
        if share is not None
        else "<progress></progress>"
    )
    return f'<strong>{title}</strong>{bar}<p class="figures">{SEPARATOR.join(facts)}</p>'


def _newest(picture: bytes | None) -> str:
    """The face that a job drew last, in the page itself: there is no address that others could ask for."""
    if picture is None:
        return ""
    data = base64.b64encode(picture).decode()
    alt = localized_attribute("alt", "job.picture")
    return f'<img class="newest" {alt} src="data:image/jpeg;base64,{data}">'


def references(pictures: Sequence[tuple[float, np.ndarray]]) -> str:
    """Small pictures of the frames that showed the method this person's mouth.

    Args:
        pictures: seconds in the face video, and (H, W, 3) uint8 RGB.
    """
    figures = []
    for seconds, picture in pictures:
        file = io.BytesIO()
        Image.fromarray(picture).save(file, "JPEG", quality=85)
        data = base64.b64encode(file.getvalue()).decode()
        when = localized("facts.reference", seconds=f"{seconds:.1f}")
        figures.append(
            f'<figure><img alt="" src="data:image/jpeg;base64,{data}">'
            f"<figcaption>{when}</figcaption></figure>"
        )
    if not figures:
        return ""
    title = localized("facts.references")
    return (
        f'<details><summary>{title}</summary><div class="reference-frames">{"".join(figures)}</div></details>'
    )


def facts(result: Result) -> str:
    """The line under a result. What its weights are exactly is in the log, see :class:`Jobs`."""
    items = [localized("count.frames", count=result.frames)]
    if result.frames_without_face:
        items.append(localized("facts.without", count=result.frames_without_face))
    items.append(localized("facts.length", seconds=f"{result.duration:.1f}"))
    items.append(localized("facts.size", width=result.width, height=result.height))
    if speed(result):
        total = f"{result.seconds['total']:.1f}"
        items.append(localized("facts.made", seconds=total, fps=f"{speed(result):.0f}"))
    key = "facts.auto" if result.requested_method == AUTO else "facts.method"
    items.append(localized(key, method=result.method))
    return f'<p class="figures">{SEPARATOR.join(items)}</p>' + notes([result.fallback, *result.notes])


def notes(sentences: Iterable[str | None]) -> str:
    """Notes about a result as a list; empty where there are none."""
    lines = "".join(f"<li>{localized(sentence)}</li>" for sentence in sentences if sentence)
    return f'<ul class="notes">{lines}</ul>' if lines else ""


def face_facts(info: MediaInfo, faces: int) -> str:
    """Size, rate and faces of the chosen video or photo."""
    size = {"width": info.width, "height": info.height}
    if info.kind == "photo":
        what = localized("face.facts.photo", **size)
    else:
        what = localized("face.facts.video", **size, fps=f"{info.fps:.4g}", seconds=f"{info.duration:.1f}")
    counted = localized("face.count", count=faces)
    lines = localized("face.outlines")
    return f'<p class="figures">{what}{SEPARATOR}{counted}</p><p class="figures">{lines}</p>'


def auto_card(cores: Sequence[tuple[str, bool]]) -> str:
    """What a person reads about the automatic choice.

    Args:
        cores: title of each in the order in which they are tried, and whether it is on this machine.
    """
    lines = (f"<li>{escape(title)}{SEPARATOR}{_where(ready)}</li>" for title, ready in cores)
    return (
        f'<details class="card"><summary>{localized("method.auto.order")}</summary>'
        f"<p>{localized('method.auto.about')}</p><ol>{''.join(lines)}</ol></details>"
    )


def _where(ready: bool) -> str:
    """Whether the weights are here, and if not whether they come by themselves."""
    return localized("method.ready" if ready else "method.offline" if offline() else "method.absent")


def method_card(card: MethodCard, fps: float | None, ready: bool) -> str:
    """What a person reads about the chosen method.

    Args:
        card: of the method.
        fps: its measured speed here, if any.
        ready: its weights are on this machine.
    """
    weights = localized(card.weights) + SEPARATOR + _where(ready)
    rows = {
        "method.paper": escape(card.paper),
        "method.resolution": localized("method.pixels", pixels=card.resolution) if card.resolution else "",
        "method.speed": localized("method.speed.value", fps=f"{fps:.0f}")
        if fps
        else localized("method.speed.unknown"),
        "method.licence": localized(card.licence),
        "method.weights": weights,
    }
    filled = ((key, value) for key, value in rows.items() if value)
    table = "".join(f"<div><dt>{localized(key)}</dt><dd>{value}</dd></div>" for key, value in filled)
    return f'<div class="card"><p>{localized(card.summary)}</p><dl>{table}</dl></div>'
