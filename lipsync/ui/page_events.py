"""How the pages' events are connected: what they show while they run, and what counts as a change."""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from typing import Any

import gradio as gr

from lipsync.assets import asset

# Of every event that sets the networks to work: together no more than this many are followed at once.
# More than the tasks that may wait, so that a request that comes too late gets that message.
MODEL: dict[str, Any] = {"concurrency_id": "model", "concurrency_limit": 40}
# Of the page's own events: neither programs nor people see them. Were they to show progress on their outputs,
# Gradio would go through all components of the page at each message, which is half of the browser's work.
QUIET: dict[str, Any] = {"show_progress": "hidden", "show_progress_on": [], "api_visibility": "private"}

# For a gr.HTML whose new value shows that something else is open: the page's address then names it.
OPENED_SCRIPT = asset("js", "opened.js").read_text(encoding="utf-8")

LOOK = 0.01  # s between two looks of the idle queue whether an event has come


def start_queue(demo: gr.Blocks) -> None:
    """Let the events of these pages wait for their turn.

    By itself Gradio looks a thousand times a second whether one has come, which takes a portal that nobody
    uses 5 % of a processor, and the networks' threads their turns.
    """
    demo.queue(max_size=64, default_concurrency_limit=4)
    demo._queue.sleep_when_free = LOOK


class PageState(gr.State):  # noqa: TID251
    """A ``gr.State`` whose change is an event once, and of which ``gr.skip()`` is none.

    Values of states stay on the server, which says when one changed. Gradio's script compares as well: the
    null that it gets in their place with the nothing that it was given at the start. So the first answer to
    name a state would be another change, which undoes what a person did in the meantime.
    """

    is_template = True  # for the script it is a gr.State

    def get_config(self) -> dict[str, Any]:  # type: ignore[override]
        """As of ``gr.State``, with the null. Gradio leaves out None, but not what is null only as JSON."""
        return {**super().get_config(), "value": math.nan}


class AddressNames:
    """What the page's address named when the page was opened, for the event that opens it.

    The address changes with what is open, and may do so before the page asks the server. So ``address.js``
    remembers what was there at first, until it was shown.

    Args:
        names: of parameters of the address, such as ``study``.
    """

    def __init__(self, *names: str) -> None:
        self._names = names
        self._values = [gr.Textbox(visible=False) for _ in names]

    def attach(
        self,
        event: Callable[..., Any],
        handler: Callable[..., Any],
        inputs: Sequence[gr.components.Component],
        outputs: Sequence[gr.components.Component],
        **options: Any,
    ) -> Any:
        """Connect an event; the handler's first arguments are the values, "" for each that is not named."""
        first, end = len(self._names), len(self._names) + len(inputs)
        named = ", ".join(json.dumps(name) for name in self._names)
        js = f"(...given) => [...namedInAddress({named}), ...given.slice({first}, {end})]"
        return event(handler, [*self._values, *inputs], outputs, js=js, **options)
