"""What the synchronised players of the Compare page show: a view of an item, and its payload for the browser.

In blind mode names are not hidden in the page, they are not sent; and the videos sent are blind copies.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import gradio as gr

from eval.compare.blind_copy import cached_blind_copies
from eval.compare.index import ComparisonSet, Item
from eval.compare.names import REFERENCE
from eval.ui.compare.links import Links
from lipsync.ui.languages import by_language

MOST = 6  # videos side by side
LETTERS = "ABCDEF"


@dataclass(frozen=True)
class PlayerView:
    """The item and methods that one visitor is comparing.

    Attributes:
        set: id of the set.
        item: number of the item in it.
        methods: those shown, in their order on the page.
        blind: their names are withheld.
        lettered: they have letters, because they are or were blind.
        key: random; another one for every payload.
        place: random; the same as long as the item is, so that the players stay where they are in time.
    """

    set: str
    item: int
    methods: tuple[str, ...]
    blind: bool = False
    lettered: bool = False
    key: str = ""
    place: str = ""

    def again(self, **changes: Any) -> PlayerView:
        """The view with changes, under a new key."""
        return replace(self, key=secrets.token_hex(6), **changes)


def first_view(set_: ComparisonSet, number: int = 0, methods: Sequence[str] | None = None) -> PlayerView:
    """An item with as many of its methods as fit, those with a video first.

    Args:
        methods: the ones wanted; those that are not in the set are left out.
    """
    item = set_.items[number]
    wanted = set_.methods if methods is None else [name for name in set_.methods if name in methods]
    if methods is None:
        wanted = sorted(wanted, key=lambda name: name not in item.clips)  # stable: else in the set's order
    keep = set(wanted[: room(item)])
    shown = tuple(name for name in set_.methods if name in keep)
    return PlayerView(set_.id, number, shown, key=secrets.token_hex(6), place=secrets.token_hex(6))


def room(item: Item) -> int:
    """How many methods fit beside the reference."""
    return MOST - (item.reference is not None)


def blinded(view: PlayerView) -> PlayerView:
    """The view with its methods shuffled, lettered and without names."""
    methods = list(view.methods)
    secrets.SystemRandom().shuffle(methods)
    return view.again(methods=tuple(methods), blind=True, lettered=True)


def revealed(view: PlayerView) -> PlayerView:
    """The view with names; letters and order stay, so that one sees which was which."""
    return view.again(blind=False)


def lanes(view: PlayerView, item: Item) -> tuple[str, ...]:
    """What stands in the cells: the reference first, where there is one, then the methods."""
    return ((REFERENCE,) if item.reference is not None else ()) + view.methods


def payload(view: PlayerView, set_: ComparisonSet, links: Links) -> dict[str, Any]:
    """All that the browser needs to play an item; nothing that tells the method while the view is blind."""
    item = set_.items[view.item]
    shown = lanes(view, item)
    files = _files(view, set_, item)
    clips = [_cell(view, item, method, files.get(method), links) for method in shown]
    playing = [clip for clip in clips if clip["src"]]
    for clip in clips if playing else ():
        if not clip["src"]:  # an empty cell has the shape of the others
            clip["width"], clip["height"] = playing[0]["width"], playing[0]["height"]
    return {
        "key": view.key,
        "place": view.place,
        "blind": view.blind,
        "fps": playing[0]["fps"] if playing else 25.0,
        "duration": max((clip["duration"] for clip in playing), default=1.0),
        "difference": not view.blind and item.reference is not None and len(playing) > 1,
        "clips": clips,
    }


def _files(view: PlayerView, set_: ComparisonSet, item: Item) -> dict[str, Path]:
    """The file to play of every method; in blind mode a copy, of the size of all the item's copies."""
    files = {method: clip.path for method in (REFERENCE, *item.clips) if (clip := item.clip(method))}
    if not view.blind:
        return files
    copies = cached_blind_copies(set_, list(files.values()))
    return {method: copies[path] for method, path in files.items() if path in copies}


def _cell(view: PlayerView, item: Item, method: str, file: Path | None, links: Links) -> dict[str, Any]:
    real = method == REFERENCE
    letter = "" if real or not view.lettered else LETTERS[view.methods.index(method)]
    clip = item.clip(method)
    cell: dict[str, Any] = {
        "name": "" if real else letter if view.blind else method,
        "letter": letter,
        "real": real,
        "src": None,
        "error": by_language("player.missing"),
        "duration": 0.0,
        "width": 1,
        "height": 1,
    }
    if clip is not None and file is None:
        cell["error"] = by_language("player.broken")
    elif clip is not None and file is not None:
        try:
            cell |= {
                "src": links.url(file), "error": None, "bytes": file.stat().st_size,
                "fps": clip.fps, "duration": clip.seconds, "width": clip.width, "height": clip.height,
                "sound": clip.audio,
            }  # fmt: skip
        except FileNotFoundError:  # deleted while the page was open
            cell["error"] = by_language("player.broken")
    elif not view.blind and method in item.missing:
        cell["error"] = by_language(item.missing[method])
    return cell


def messenger(name: str) -> gr.HTML:
    """An invisible component whose value is passed on to the players under this name.

    The players themselves keep playing: another value of theirs would build them anew.
    """
    return gr.HTML(
        value={},
        html_template="<i hidden></i>",
        js_on_load=f"""
            const send = () => window.dispatchEvent(
                new CustomEvent("locked-message", {{detail: {{name: "{name}", value: props.value}}}}));
            watch("value", send);
        """,
        apply_default_css=False,
        elem_classes="messenger",
    )
