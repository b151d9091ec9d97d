"""A row with a button that fetches files which a choice needs and which are not here yet."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any

import gradio as gr

from lipsync.errors import ArtefactError, ConfigError
from lipsync.ui.job_queue import POLL
from lipsync.ui.languages import label, localized
from lipsync.ui.model_choice import progress_bar
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
        return sum(hub.artefacts()[name].size for name in self.names if hub.locate(name) is None)

    def attach(self, done: Callable[[], Update], outputs: Sequence[Any]) -> None:
        """Let the button fetch; a page that is loaded later finds what is here by then.

        Args:
            done: updates of ``outputs`` once all is here.
        """
        parts = [self.row, self.button, self.step]

        async def fetch() -> AsyncIterator[Update]:
            async for update in self._fetched():
                yield update
            yield state()

        def state() -> Update:
            missing = self.missing
            return {self.row: gr.update(visible=missing > 0), **({} if missing else done())}

        gr.on(
            None, state, None, [self.row, *outputs], show_progress="hidden", api_visibility="private"
        )  # with the page
        self.button.click(
            fetch, None, [*parts, *outputs], concurrency_limit=10, show_progress="hidden",
            api_visibility="private",
        )  # fmt: skip

    async def _fetched(self) -> AsyncIterator[Update]:
        """Fetch what is not here and show how far it is; it goes on when the page is left."""
        done, total = [0], self.missing
        work = asyncio.create_task(asyncio.to_thread(self._fetch, done))
        while not (await asyncio.wait({work}, timeout=POLL))[0]:
            bar = gr.update(value=progress_bar(done[0], total), visible=True)
            yield {self.button: gr.update(interactive=False), self.step: bar}
        try:
            await work
        except (ArtefactError, ConfigError) as problem:
            log.warning("%s", problem)  # with the paths and checksums, which help nobody on the page
            reason = problem.reason if isinstance(problem, ArtefactError) else problem.message
            trouble = f'<p class="trouble" role="alert">{localized("fetch.failed", reason=reason)}</p>'
            yield {
                self.button: gr.update(interactive=True),
                self.step: gr.update(value=trouble, visible=True),
            }

    def _fetch(self, done: list[int]) -> None:
        before = 0
        for name in self.names:
            if hub.locate(name) is not None:
                continue

            def report(here: int, total: int | None, before: int = before) -> None:
                done[0] = before + here

            hub.fetch(name, report)
            before += hub.artefacts()[name].size
