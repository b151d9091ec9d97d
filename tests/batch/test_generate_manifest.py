"""``generate --manifest``: what is made, listed and said, and which options go together."""

import json
from pathlib import Path

import pytest

import lipsync.batch.batch_method
from lipsync.__main__ import main
from lipsync.methods.registry import EMBEDDED


@pytest.fixture
def manifest(tmp_path: Path) -> Path:
    """As a spreadsheet of a German Windows writes it, with a row that works and two that cannot."""
    from skimage.data import astronaut
    from skimage.io import imsave

    from tests.test_generate import say

    imsave(tmp_path / "ann.png", astronaut()[:320, 60:380])
    say(tmp_path / "speech.wav", 0.4)
    path = tmp_path / "m.csv"
    lines = ["item;face;audio;reference", "good;ann.png;speech.wav;", "mute;ann.png;;", "lost;nobody.mp4;;"]
    path.write_bytes("\r\n".join(lines).encode("utf-8-sig"))
    return path


def test_the_command_makes_what_can_be_made_and_lists_the_rest(
    manifest: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    loads: list[str] = []
    real = lipsync.batch.batch_method.load_method
    monkeypatch.setattr(
        lipsync.batch.batch_method, "load_method", lambda *given: loads.append(given[0]) or real(*given)
    )
    lipsync.batch.batch_method.forget_networks()
    arguments = ["generate", "--manifest", str(manifest), "--methods", EMBEDDED, "--out", str(tmp_path / "R")]
    assert main([*arguments, "--quality", "small", "--no-label"]) == 2
    said = capsys.readouterr()
    assert said.out.strip().endswith("R: 1 of 3 videos")
    assert said.err.strip().splitlines()[-2:] == [
        f"mute, {EMBEDDED}: ann.png has no sound of its own. Add a recording of speech.",
        f"lost, {EMBEDDED}: There is no file {tmp_path / 'nobody.mp4'}; check the name.",
    ]
    assert "3/3" in said.err
    record = json.loads((tmp_path / "R" / "good" / f"{EMBEDDED}.json").read_text())
    assert (record["frames"], record["settings"]["quality"]) == (10, "small")
    assert loads == [EMBEDDED]
    manifest.write_text("item,face,audio\ngood,ann.png,speech.wav\n")
    assert main([*arguments, "--quality", "small", "--no-label", "--json"]) == 0
    (video,) = json.loads(capsys.readouterr().out)
    assert (video["item"], video["frames"], video["error"]) == ("good", 10, None)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--manifest", "m.csv", "--audio", "x.wav"], "--audio is for one video"),
        (["--manifest", "m.csv", "--method", "multi-reference"], "--method is for one video"),
        (["--manifest", "m.csv", "--checkpoint", "x"], "--checkpoint is for one video"),
        (["--manifest", "m.csv", "--audio-range", "0", "1"], "--audio-range is for one video"),
        (["--face", "x.mp4", "--methods", "a"], "--methods is for many videos"),
        (["--face", "x.mp4", "--workers", "2"], "--workers is for many videos"),
        (["--manifest", "m.csv", "--workers", "0"], "--workers must be 1 or more"),
        (["--manifest", "m.csv", "--methods", "multi-referense"], "multi-reference"),
        (["--manifest", "nowhere.csv"], "There is no file nowhere.csv"),
        (["--manifest", "two.csv"], "'one' is listed twice"),
        (["--manifest", "lacks.csv"], "lacks.csv has no column 'item'"),
        (["--manifest", "m.csv", "--methods", EMBEDDED, "--ray", "127.0.0.1:9"], "No Ray cluster"),
    ],
)
def test_what_cannot_be_together_is_one_sentence(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str],
    sentence: str,
) -> None:  # fmt: skip
    monkeypatch.chdir(tmp_path)
    Path("m.csv").write_text("item,face,audio\none,x.mp4,\n")
    Path("two.csv").write_text("item,face,audio\none,x.mp4,\none,y.mp4,\n")
    Path("lacks.csv").write_text("face,audio\nx.mp4,\n")
    assert main(["generate", "--out", "R", *arguments]) == 2
    assert sentence in capsys.readouterr().err.strip().splitlines()[-1]
    assert not list(Path("R").rglob("*.json"))
