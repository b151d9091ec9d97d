"""What is sent to the locked players: addresses that say nothing, no names while they are withheld."""

import json
import os
import re
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import unquote

import pytest

from eval.compare.clip import ComparisonClip
from eval.compare.index import ComparisonSet, Item
from eval.ui.compare import compare_markup, player
from eval.ui.compare.links import LIFETIME, Links
from eval.ui.compare.player import LETTERS, MOST
from eval.ui.compare.set_export import frame_numbers
from lipsync.assets import asset
from lipsync.errors import ConfigError
from lipsync.ui.languages import templates
from lipsync.ui.players import locked_player

CHINESE = re.compile(r"[\u4e00-\u9fff]")
METHODS = ("PC-AVS", "IP_LAP", "DiffDub", "DAE-Talker", "Hallo", "EMO", "VASA-1")
PAGE = Path(player.__file__).parent
SCRIPTS = asset("js")


def clip(folder: Path, name: str, seconds: float = 2.0, fps: float = 25.0) -> ComparisonClip:
    path = folder / f"{name.encode().hex()}.mp4"
    path.write_bytes(name.encode())
    return ComparisonClip(path, seconds, fps, 256, 192, True, "0" * 64, False, path)


@pytest.fixture
def links(tmp_path: Path) -> Links:
    return Links(tmp_path / "data")


@pytest.fixture
def set_(tmp_path: Path) -> ComparisonSet:
    """Two items of seven methods; one of them failed on the first item."""
    real = clip(tmp_path, "real", 3.0)
    made = {name: clip(tmp_path, name) for name in METHODS if name != "IP_LAP"}
    why = {"IP_LAP": "IP_LAP found no face in Alice.mp4."}
    items = (Item("Alice", "k1", real, made, why), Item("Bob", "k2", None, made))
    now = datetime.now(UTC)
    return ComparisonSet("a" * 16, "EMO against Hallo", tmp_path, METHODS, items, now, now)


def fetched(links: Links, address: str) -> str:
    """What a browser gets at an address."""
    path = Path(address.removeprefix("gradio_api/file="))
    assert links.folder in path.parents
    return path.read_text()


def test_a_view_shows_the_reference_and_as_many_videos_as_fit(set_: ComparisonSet, links: Links) -> None:
    view = player.first_view(set_)
    sent = player.payload(view, set_, links)
    assert len(sent["clips"]) == MOST
    assert [cell["real"] for cell in sent["clips"]] == [True] + [False] * 5
    # Those with a video come first; the one that failed finds no room here.
    assert [cell["name"] for cell in sent["clips"][1:]] == ["PC-AVS", "DiffDub", "DAE-Talker", "Hallo", "EMO"]
    assert [fetched(links, cell["src"]) for cell in sent["clips"]] == ["real", *view.methods]
    assert (sent["fps"], sent["duration"], sent["difference"]) == (25.0, 3.0, True)
    without = player.payload(player.first_view(set_, 1), set_, links)
    assert len(without["clips"]) == MOST
    assert without["difference"] is False


def test_a_missing_video_is_a_cell_with_its_reason_in_both_languages(
    set_: ComparisonSet, links: Links
) -> None:
    view = player.first_view(set_, 0, ["PC-AVS", "IP_LAP"])
    _, good, missing = player.payload(view, set_, links)["clips"]
    assert good["error"] is None
    assert missing["src"] is None
    assert missing["error"]["en"] == "IP_LAP found no face in Alice.mp4."
    assert (missing["width"], missing["height"]) == (256, 192)
    set_.items[0].clips["PC-AVS"].path.unlink()  # deleted while the page is open
    _, gone, _ = player.payload(view, set_, links)["clips"]
    assert gone["src"] is None
    assert CHINESE.search(gone["error"]["zh"])


def test_no_name_is_sent_while_the_view_is_blind(set_: ComparisonSet, links: Links) -> None:
    seen = player.first_view(set_, 0, ["PC-AVS", "IP_LAP", "DiffDub", "Hallo"])
    view = player.blinded(seen)
    sent = player.payload(view, set_, links)
    said = json.dumps(sent, ensure_ascii=False)
    stems = [known.path.stem for known in set_.items[0].clips.values()]
    for word in (*METHODS, *stems, "Alice", set_.title, set_.id, "k1"):
        assert word not in said, word
    assert [cell["name"] for cell in sent["clips"]] == ["", *LETTERS[:4]]
    assert sorted(view.methods) == sorted(seen.methods)
    assert sent["key"] != seen.key
    assert sent["place"] == seen.place, "the players would jump back to the beginning"
    assert "Alice" not in compare_markup.blind_heading()

    names = player.payload(player.revealed(view), set_, links)["clips"]
    assert [cell["letter"] for cell in names[1:]] == list(LETTERS[:4])
    assert [cell["name"] for cell in names[1:]] == list(view.methods), "the order must stay"


def test_blind_orders_differ(set_: ComparisonSet) -> None:
    view = player.first_view(set_)
    orders = {player.blinded(view).methods for _ in range(40)}
    assert len(orders) > 10
    assert {order[0] for order in orders} == set(view.methods)


def test_addresses_are_new_each_time_and_forgotten_after_a_day(tmp_path: Path, links: Links) -> None:
    video = clip(tmp_path, "Wav2Lip").path
    first, second = links.url(video), links.url(video)
    assert first != second
    assert fetched(links, first) == fetched(links, second) == "Wav2Lip"
    assert Path(first.removeprefix("gradio_api/file=")).samefile(video), "a link needs no copy"
    old = Path(first.removeprefix("gradio_api/file=")).parent
    os.utime(old, (time.time() - LIFETIME - 1,) * 2)
    links.place("a.zip")
    assert not old.exists()
    assert fetched(links, second) == "Wav2Lip"
    with pytest.raises(FileNotFoundError):
        links.url(tmp_path / "none.mp4")


@pytest.mark.parametrize(
    ("name", "saved"),
    [
        ("Set A.zip", "Set A.zip"),
        ("../../etc/passwd.zip", "-..-etc-passwd.zip"),
        ('a/b\\c:"d"#1?.tex', "a-b-c--d--1-.tex"),
        ("对比 1.mp4", "对比 1.mp4"),
        ("x" * 300 + ".png", "x" * 60 + ".png"),
    ],
)
def test_files_are_saved_under_their_names_but_never_elsewhere(links: Links, name: str, saved: str) -> None:
    path, address = links.place(name)
    path.write_text("made")
    assert path.name == saved
    assert path.parent.parent == links.folder
    assert fetched(links, unquote(address)) == "made"


def test_views_of_sets_with_gaps(set_: ComparisonSet, links: Links) -> None:
    view = player.first_view(set_, 0, ["IP_LAP", "no such method"])
    assert view.methods == ("IP_LAP",)
    alone = replace(set_, items=(replace(set_.items[0], reference=None),))
    sent = player.payload(view, alone, links)
    assert [cell["src"] for cell in sent["clips"]] == [None]
    assert (sent["fps"], sent["duration"]) == (25.0, 1.0)


@pytest.mark.parametrize(("text", "numbers"), [("10,20, 30", [10, 20, 30]), ("5 7，9、11;", [5, 7, 9, 11])])
def test_frames_are_written_as_people_write_them(text: str, numbers: list[int]) -> None:
    assert frame_numbers(text) == numbers


@pytest.mark.parametrize("text", ["", None, "-1", "1.5", "ten", "1-5"])
def test_other_frames_are_refused(text: str | None) -> None:
    with pytest.raises(ConfigError, match="such as 10,20,30"):
        frame_numbers(text)


def keys_of_scripts() -> Iterator[str]:
    """Texts that the scripts ask for; a key that is put together counts as its beginning."""
    for name in locked_player.SCRIPTS:
        source = (SCRIPTS / f"locked_{name}.js").read_text(encoding="utf-8")
        yield from re.findall(r"""["'](player\.[a-z]+)["']""", source)
        for names in re.findall(r"(?:iconButton|toggle)\(\"(\w+)\"", source):
            yield f"player.{names}"


def test_every_text_is_used() -> None:
    python = "".join(path.read_text(encoding="utf-8") for path in PAGE.glob("*.py"))
    asked = set(keys_of_scripts()) | {"player.play", "player.pause"}
    assert asked <= set(templates("player."))
    for key in templates("player."):
        beginning = key.rpartition(".")[0] + ".{"
        assert f'"{key}"' in python or key in asked or f'f"{beginning}' in python, f"{key} is left over"
