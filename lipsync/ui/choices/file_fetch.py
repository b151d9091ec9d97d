"""A row with a button that fetches files which a choice needs and which are not here yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any

import gradio as gr

from lipsync.errors import ArtefactError, ConfigError
from lipsync.ui.job_queue import POLL
from lipsync.ui.languages import label, localized
from lipsync.ui.page_events import QUIET
from lipsync.weights import hub

log = logging.getLogger(__name__)

Update = dict[Any, Any]


class FileFetch:
    """What is missing in one sentence, the button with its size, and how far the fetch is.

    Args:
        names: of the artefact table.
        reason: key of the sentence.
        prefix: of the ids of the elements.
    """

    def __init__(self, names: Sequence[str], reason: str, prefix: str) -> None:
        self.names = tuple(names)
        missing = self.missing
        with gr.Row(visible=missing > 0, elem_classes="absent-model", elem_id=f"{prefix}-absent") as self.row:
            gr.HTML(f"<p>{localized(reason)}</p>")
            self.button = gr.Button(
                f"{label('choice.download')} ({missing / 1e6:.0f} MB)",
                size="sm",
                interactive=not hub.offline(),
                elem_id=f"{prefix}-fetch",
            )
            self.step = gr.HTML(visible=False, elem_classes="absent-step")

    @property
    def missing(self) -> int:
        """Bytes that are not here; 0: all is here."""
        return missing_bytes(self.names)

    def attach(self, done: Callable[[], Update], outputs: Sequence[Any]) -> None:
        """Let the button fetch; a page that is loaded later finds what is here by then.

        Args:
            done: updates of ``outputs`` once all is here.
        """
        parts = [self.row, self.button, self.step]

        async def fetch() -> AsyncIterator[Update]:
            async for update in fetched(self.names, self.button, self.step, "fetch.failed"):
                yield update
            yield state()

        def state() -> Update:
            missing = self.missing
            return {self.row: gr.update(visible=missing > 0), **({} if missing else done())}

        gr.on(None, state, None, [self.row, *outputs], **QUIET)  # with the page
        self.button.click(
            fetch, None, [*parts, *outputs], concurrency_limit=10, **QUIET,
        )  # fmt: skip


def missing_bytes(names: Iterable[str]) -> int:
    """Bytes of these files of the artefact table that are not here; 0: all is here."""
    return sum(hub.artefacts()[name].size for name in names if hub.locate(name) is None)


async def fetched(
    names: Sequence[str], button: gr.Button, step: gr.HTML, failed: str
) -> AsyncIterator[Update]:
    """Fetch what is not here and show how far it is; it goes on when the page is left.

    Args:
        names: of the artefact table.
        button: what was pressed; it waits meanwhile.
        step: where the bar goes, and a failure in a sentence.
        failed: key of that sentence.
    """
    done, total = [0], missing_bytes(names)
    work = asyncio.create_task(asyncio.to_thread(_fetch, names, done))
    while not (await asyncio.wait({work}, timeout=POLL))[0]:
        yield {
            button: gr.update(interactive=False),
            step: gr.update(value=progress_bar(done[0], total), visible=True),
        }
    try:
        await work
    except (ArtefactError, ConfigError) as problem:
        log.warning("%s", problem)  # with the paths and checksums, which help nobody on the page
        reason = problem.reason if isinstance(problem, ArtefactError) else problem.message
        trouble = f'<p class="trouble" role="alert">{localized(failed, reason=reason)}</p>'
        yield {button: gr.update(interactive=True), step: gr.update(value=trouble, visible=True)}


def _fetch(names: Sequence[str], done: list[int]) -> None:
    """Fetch what is not here; the bytes of all files so far stand in ``done``."""
    before = 0

    def report(here: int, total: int | None) -> None:
        done[0] = before + here

    for name in names:
        if hub.locate(name) is None:
            hub.fetch(name, report)
            before += hub.artefacts()[name].size


def progress_bar(done: int, total: int) -> str:
    """How far a fetch is, in bytes."""
    text = localized("job.bytes", done=f"{done / 1e6:.1f}", total=f"{total / 1e6:.1f}")
    share = 100 * min(1.0, done / total) if total else 0
    return f'<progress max="100" value="{share:.0f}"></progress><p class="figures">{text}</p>'
