"""Chinese users read Chinese errors: every sentence that generating can raise is listed."""

import ast
import re
from pathlib import Path

import pytest

from lipsync.errors import LipSyncError
from lipsync.generate import _notes
from lipsync.media import probe, read_audio
from lipsync.methods import METHODS, load_method
from lipsync.sentences import SENTENCES, chinese
from lipsync.weights.checkpoint import load_checkpoint

PACKAGE = Path(__file__).resolve().parents[2] / "lipsync"
# Training and the artefact table speak to people at a command line or in an editor, in English.
TO_A_TERMINAL = {
    "ablate.py", "frozen.py", "manifest.py", "prepare.py", "sentences.py", "stages.py", "tuning.py",
}  # fmt: skip
SOURCES = [
    path
    for path in PACKAGE.rglob("*.py")
    if not {"training", "data"} & set(path.parts)
    and not path.name.startswith("train")
    and path.name not in TO_A_TERMINAL
]
FAMILY = {"LipSyncError", "MediaError", "FaceError", "ArtefactError", "ConfigError", "Cancelled"}
CHINESE = re.compile(r"[\u4e00-\u9fff]")
EXAMPLES = PACKAGE.parent / "assets" / "examples"


def spoken(node: ast.expr) -> str | None:
    """The sentence of a raise, each field filled with "x"; None where it is not written there."""
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(spoken(part) or "x" for part in node.values)
    if isinstance(node, ast.BinOp):
        return (spoken(node.left) or "x") + (spoken(node.right) or "x")
    return None


def raised() -> list[tuple[str, str]]:
    found = []
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") in FAMILY and node.args:
                sentence = spoken(node.args[0])
                if sentence is not None:
                    found.append((f"{path.name}:{node.lineno}", sentence))
    return found


def test_every_raised_sentence_has_chinese() -> None:
    sentences = raised()
    assert len(sentences) > 30
    assert [(where, text) for where, text in sentences if not CHINESE.search(chinese(text))] == []


@pytest.mark.parametrize(("english", "translation"), SENTENCES)
def test_templates_use_the_same_fields_in_order(english: str, translation: str) -> None:
    numbers = [int(number) for number in re.findall(r"\{(\d+)\}", english)]
    assert numbers == list(range(len(numbers)))
    assert set(re.findall(r"\{(\d+)\}", translation)) <= {str(number) for number in numbers}


def test_real_errors_come_out_in_chinese_with_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "cut.mp4").write_bytes((EXAMPLES / "portrait.mp4").read_bytes()[:2000])
    (tmp_path / "photo.png").write_bytes((EXAMPLES / "portrait.jpg").read_bytes()[:9000])
    for name in ("notes.mp4", "empty.mp4", "cut.mp4", "photo.png", "missing.mp4"):
        with pytest.raises(LipSyncError) as caught:
            probe(tmp_path / name)
        said = chinese(str(caught.value))
        assert CHINESE.search(said), caught.value
        assert name in said
    with pytest.raises(LipSyncError) as caught:
        read_audio(EXAMPLES / "portrait.mp4", 16000)
    assert chinese(str(caught.value)) == "portrait.mp4 没有音轨，请选择有语音的文件。"


def test_reasons_inside_a_sentence_are_chinese_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "wav2lip.pth").write_text("another file")
    with pytest.raises(LipSyncError) as caught:
        load_method("wav2lip")
    said = chinese(str(caught.value))
    assert "已开启离线模式" in said
    assert "12 字节，应为 435807851 字节" in said
    with pytest.raises(LipSyncError) as caught:
        load_method("wav2lop")
    assert chinese(str(caught.value)) == "没有名为 'wav2lop' 的 method，是否想用 'wav2lip'？"
    with pytest.raises(LipSyncError) as caught:
        load_checkpoint(tmp_path / "none.pth")
    assert not re.search(r"[a-z]{4,} [a-z]{3,}", chinese(str(caught.value)).replace(str(tmp_path), ""))


def test_cards_and_notes_are_known_and_other_sentences_stay() -> None:
    for name in METHODS:
        card = METHODS.get(name).card
        assert CHINESE.search(card.summary["zh"])
        assert CHINESE.search(chinese(card.licence)), card.licence
        assert chinese(card.weights) != card.weights
    for note in _notes(coarse=True, silent=True, kept=3, count=40):
        assert CHINESE.search(chinese(note)), note
    assert "40 帧中有 3 帧" in chinese(_notes(coarse=False, silent=False, kept=3, count=40)[0])
    assert _notes(coarse=False, silent=False, kept=0, count=40) == ()
    assert chinese("A sentence of nobody.") == "A sentence of nobody."
