"""``auto`` takes the best core that can be had, and says once why it is not a better one."""

from __future__ import annotations

import hashlib
import json
import re
import socket
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest
import soundfile

from lipsync.__main__ import main
from lipsync.audio import RATE
from lipsync.errors import ArtefactError, Cancelled, ConfigError
from lipsync.live import MOST
from lipsync.media import read_audio
from lipsync.methods import AUTO, EMBEDDED, METHODS, MethodCard, MethodEntry, auto, load_method
from lipsync.methods.ranking import ranking
from lipsync.weights import deadline, hub
from lipsync.weights.manifest import Artefact, HubFile, Url
from tests.portal import ROOT

CONTENT = bytes(range(256)) * 4096  # 1 MiB: several chunks
EXAMPLES = ROOT / "assets" / "examples"
HEAD = "method,lipcorr_own,lipcorr_other,lmd,lpips\nstill frame,0,,14,0.2\n"


def core(
    name: str, folder: Path, *needs: str, live: bool = True, supports_mouth_opening: bool = True
) -> MethodEntry:
    """A core whose method is nothing but its card."""
    card = MethodCard(name, f"Core {name}", "", "MIT", 96, "", "", None, supports_mouth_opening, live)
    return MethodEntry(card, lambda card, weights, again: SimpleNamespace(card=card), folder, needs=needs)  # type: ignore[arg-type, return-value]


@pytest.fixture
def cores(tmp_path, monkeypatch, local_hub):
    """The registry with three cores: ``fetched`` needs a file of the local Hub, ``far`` one of an address."""
    folder = tmp_path / "core"
    folder.mkdir()
    local_hub.add_model("someone/net", "net.bin", CONTENT)
    address = local_hub.add_file("far.bin", CONTENT[::-1])

    def row(name: str, content: bytes, source: HubFile | Url) -> Artefact:
        digest = hashlib.sha256(content).hexdigest()
        return Artefact(name, f"{name}.bin", digest, len(content), "MIT", "a test", (source,))

    rows = {
        "net": row("net", CONTENT, HubFile("someone/net", "net.bin")),
        "far": row("far", CONTENT[::-1], Url(address)),
    }
    entries = {
        "far": core("far", folder, "far", live=False),
        "fetched": core("fetched", folder, "net", supports_mouth_opening=False),
        "here": core("here", folder),
    }
    monkeypatch.setattr(hub, "table", lambda: rows)
    monkeypatch.setattr(METHODS, "_entries", dict(entries))
    scores(tmp_path, monkeypatch, {"fetched": 0.9, "here": 0.5})
    return entries


def scores(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, table: dict[str, float]) -> None:
    """Let the table of scores be this one: how well each core follows its own speech."""
    path = tmp_path / "scores.csv"
    path.write_text(HEAD + "".join(f"{name},{own},0.1,4,0.1\n" for name, own in table.items()))
    monkeypatch.setattr(auto, "ranking", lambda: ranking(path))


def test_the_table_of_scores_decides(cores, tmp_path, monkeypatch):
    assert load_method().card.name == "fetched"
    assert load_method().card.fallback is None, "nothing is better"
    scores(tmp_path, monkeypatch, {"fetched": 0.4, "here": 0.5})
    assert load_method(AUTO).card.name == "here"
    assert load_method(AUTO).card.fallback is None
    scores(tmp_path, monkeypatch, {"far": 0.3})
    assert load_method(AUTO).card.name == "far", "only cores with scores take part"


def test_what_is_asked_for_narrows_the_choice(cores, tmp_path, monkeypatch):
    scores(tmp_path, monkeypatch, {"far": 0.9, "fetched": 0.8, "here": 0.7})
    assert load_method().card.name == "far"
    assert load_method(live=True).card.name == "fetched"
    card = load_method(live=True, supports_mouth_opening=True).card
    assert card.name == "here"
    assert card.fallback is None, "the others were not to be taken"


def test_a_core_that_does_not_lie_here_takes_no_part(cores, tmp_path, monkeypatch):
    monkeypatch.setitem(METHODS._entries, "fetched", replace(cores["fetched"], folder=tmp_path / "none"))
    assert load_method().card.name == "here"
    assert load_method().card.fallback is None


def taken_instead() -> str:
    """Why the second best core was taken, told once and in one sentence, with its Chinese."""
    method = load_method()
    assert method.card.name == "here"
    said = method.card.fallback
    assert said is not None
    assert said.startswith("A better model is unavailable: Core fetched ")
    assert said.count("Core fetched") == 1
    assert not re.search(r"[.!] [A-Z]", said), "one sentence"
    assert said.text("zh").startswith("有更好的模型，但无法使用：")
    return said


NEEDS = "needs net.bin, which is not here and could not be fetched"


@pytest.mark.parametrize(
    ("status", "told"), [(404, "answered 404"), (401, "wants a token"), (503, "answered 503"), (429, "429")]
)
def test_a_hub_that_refuses(cores, local_hub, status, told):
    local_hub.fail("/resolve/", status)
    said = taken_instead()
    assert NEEDS in said
    assert told in said


def test_a_network_that_cannot_be_reached(cores, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    assert "cannot be reached" in taken_instead()


def test_offline_asks_nobody(cores, local_hub, monkeypatch):
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    assert "offline mode is on" in taken_instead()
    assert local_hub.requests == []


def test_a_host_that_does_not_answer_is_given_up(cores, monkeypatch):
    with socket.socket() as deaf:  # takes connections and says nothing
        deaf.bind(("127.0.0.1", 0))
        deaf.listen()
        monkeypatch.setenv("HF_ENDPOINT", f"http://127.0.0.1:{deaf.getsockname()[1]}")
        monkeypatch.setattr(deadline, "FIRST", 0.3)
        assert "no answer within 0 s" in taken_instead()


def test_a_host_that_falls_silent_is_given_up(cores, local_hub, monkeypatch):
    monkeypatch.setattr(deadline, "BETWEEN", 0.3)
    go_on = local_hub.hold("/storage/", 300_000)
    assert "no answer within 0 s" in taken_instead()
    go_on.set()


def test_a_wrong_file_from_the_network(cores, local_hub):
    local_hub.swap(CONTENT, CONTENT[:-1] + b"x")
    assert NEEDS in taken_instead()
    assert not list(hub.cache_folder().glob("*.bin"))


def test_a_wrong_file_on_the_disk_is_named_when_no_better_one_can_be_had(cores, tmp_path, monkeypatch):
    (tmp_path / "net.bin").write_bytes(CONTENT[:-1] + b"x")
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path))
    assert load_method().card.name == "fetched", "the right one is fetched beside it"
    (hub.cache_folder() / "net.bin").write_bytes(b"cut")
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    assert f"{tmp_path / 'net.bin'}: is not this file (its checksum differs)" in taken_instead()


def test_a_cache_that_cannot_be_written(cores, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "file" / "cache"))
    said = taken_instead_allowing_advice()
    assert "Cannot write" in said
    assert "无法写入" in said.text("zh")


def taken_instead_allowing_advice() -> str:
    method = load_method()
    assert method.card.name == "here"
    assert method.card.fallback is not None
    return method.card.fallback


def test_a_download_that_broke_off_goes_on(cores, local_hub):
    local_hub.cut("/storage/", after=300_000, times=1)
    first = load_method().card
    assert first.name == "fetched" or first.fallback is not None
    hub._FAILED.clear()
    assert load_method().card.name == "fetched"


def test_a_damaged_core_is_passed_over(cores, monkeypatch):
    def damaged(card, weights, again):
        raise ArtefactError("checkpoint.damaged", path=weights / "model.safetensors")

    monkeypatch.setitem(METHODS._entries, "fetched", replace(cores["fetched"], load=damaged))
    said = taken_instead_allowing_advice()
    assert "Core fetched cannot be loaded (" in said
    assert "已损坏" in said.text("zh")
    with pytest.raises(ArtefactError, match="is damaged"):
        load_method("fetched")


def test_where_nothing_is_left_it_says_what_was_tried(cores, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    scores(tmp_path, monkeypatch, {"far": 0.9, "fetched": 0.8})
    with pytest.raises(
        ArtefactError, match=r"No model can be used: Core far .*; Core fetched .*\.$"
    ) as caught:
        load_method()
    assert "没有可以使用的模型" in caught.value.message.text("zh")


def test_a_failure_is_remembered_for_a_while_but_not_held_against_who_asks_for_it(
    cores, local_hub, monkeypatch
):
    local_hub.fail("/resolve/", 503, times=1)
    first, asked = taken_instead(), len(local_hub.requests)
    assert taken_instead() == first
    assert len(local_hub.requests) == asked, "nobody was asked again"
    monkeypatch.setattr(hub, "AGAIN", 0.0)
    assert load_method().card.name == "fetched", "and later it is"
    (hub.cache_folder() / "net.bin").unlink()
    monkeypatch.setattr(hub, "AGAIN", 300.0)
    hub._FAILED[hub.table()["net"].sha256] = hub.time.monotonic(), ["answered 503"]
    assert load_method("fetched").card.name == "fetched", "an explicit choice always tries"


def test_an_explicit_choice_still_ends_in_an_error(cores, monkeypatch):
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    with pytest.raises(ArtefactError, match=r"net\.bin \(a test\) is not here .* Put it by hand"):
        load_method("fetched")


def test_progress_is_told_and_a_cancel_is_no_reason_for_another_core(cores, local_hub):
    seen: list[tuple[int, int | None]] = []
    thread = threading.get_ident()

    def told(done: int, total: int | None) -> None:
        assert threading.get_ident() == thread
        seen.append((done, total))

    load_method(progress=told)
    assert seen[-1] == (len(CONTENT), len(CONTENT))
    (hub.cache_folder() / "net.bin").unlink()
    go_on = local_hub.hold("/storage/", 0)

    def stop(done: int, total: int | None) -> None:
        raise Cancelled("Stopped.")

    with pytest.raises(Cancelled):
        load_method(progress=stop)
    go_on.set()


def test_set_up_fetches_what_the_best_needs_and_no_more(cores, tmp_path, monkeypatch):
    scores(tmp_path, monkeypatch, {"fetched": 0.9, "here": 0.8, "far": 0.7})
    assert auto.wanted() == ["net"]
    scores(tmp_path, monkeypatch, {"fetched": 0.7, "here": 0.8, "far": 0.9})
    assert auto.wanted() == ["far"]
    scores(tmp_path, monkeypatch, {"fetched": 0.7, "far": 0.9})
    assert auto.wanted() == ["far", "net"]


def test_set_up_goes_on_without_what_cannot_be_fetched(cores, tmp_path, monkeypatch, local_hub, capsys):
    scores(tmp_path, monkeypatch, {"far": 0.9, "fetched": 0.8})
    local_hub.fail("/files/", 500)
    assert main(["weights", "--defaults"]) == 0
    told = capsys.readouterr().err
    assert "net.bin: 1.0/1.0 MB" in told
    assert "far.bin (a test) is not here and could not be fetched" in told
    assert hub.locate("net") is not None


def test_a_checkpoint_without_a_method_is_of_the_wav2lip_family():
    made = load_method(checkpoint=METHODS.get(EMBEDDED).folder)
    assert made.card.name == EMBEDDED
    with pytest.raises(ConfigError, match="There is no checkpoint"):
        load_method(checkpoint=Path("none"))


def test_cards_know_which_of_the_cores_can_speak_live(monkeypatch, tmp_path):
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    for name in METHODS:
        entry = METHODS.get(name)
        if entry.folder is not None and entry.ready:
            assert entry.card.live == (entry.method().audio_lookahead <= MOST), name
    assert any(entry.card.live for entry in auto.candidates())


def test_the_command_line_takes_the_best_of_a_machine_without_network(tmp_path, monkeypatch, capsys):
    """The real cores: those that need a download are passed over, which the result says once."""
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    expected = next(entry for entry in auto.candidates() if not entry.needs).card
    better = [entry.card for entry in auto.candidates()][: list(ranking()).index(expected.name)]
    assert better, "a core that needs nothing is the best: this test has lost its subject"
    samples = read_audio(EXAMPLES / "english.wav")[8000:20800]
    soundfile.write(tmp_path / "voice.wav", samples, RATE)
    arguments = ["generate", "--face", str(EXAMPLES / "portrait.jpg"), "--out", str(tmp_path / "o.mp4")]
    assert main([*arguments, "--audio", str(tmp_path / "voice.wav"), "--json"]) == 0
    printed = capsys.readouterr()
    told = json.loads(printed.out)
    assert (told["method"], told["requested_method"]) == (expected.name, AUTO)
    assert printed.err.count(told["fallback"]) == 1
    for card in better:
        assert told["fallback"].count(card.title) == 1
