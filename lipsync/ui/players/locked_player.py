"""Several videos as if they were one: one button plays them, one time holds for all.

The payload is a dict for the browser; an empty one hides the players:

- ``key``: random, another one for every payload; ``place``: the same as long as the players are to stay where
  they are in time;
- ``fps``, ``duration``: of the whole, frames per second and seconds;
- ``clips``: what stands in the cells from left to right, each with ``src`` (an address, or None with
  ``error``, a text by language) or ``picture`` (an address of a still), ``name`` or ``titles`` (a text by
  language), ``letter``, ``real``, ``duration``, ``fps``, ``width``, ``height``, ``bytes`` and ``sound``;
- ``blind``, ``difference``: of those who compare methods; ``plain``: without the tools that only they need;
- ``sound``: number of the clip whose sound is on at first; ``autoplay``: whether it plays once by itself.
"""

from __future__ import annotations

import gradio as gr

from lipsync.assets import asset
from lipsync.ui.languages import texts_script

SCRIPTS = ("page", "load", "clock", "curves", "player")  # of one function


def locked_player(id: str) -> gr.HTML:
    """The component; where methods are compared it asks by events: ``ask`` (blind, reveal) and ``heat``."""
    scripts = [asset("js", f"locked_{name}.js").read_text(encoding="utf-8") for name in SCRIPTS]
    return gr.HTML(
        value={},
        html_template='<div class="locked" hidden></div>',
        js_on_load="\n".join((texts_script("player."), *scripts)),
        apply_default_css=False,
        elem_id=id,
    )
