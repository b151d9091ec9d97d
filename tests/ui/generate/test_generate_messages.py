"""Chinese users read Chinese errors and notes of real failures."""

import re
import time
from pathlib import Path
from types import SimpleNamespace

import pytest

from lipsync.audio.captioning import Captioning
from lipsync.errors import LipSyncError
from lipsync.generate import Request, _notes
from lipsync.media import probe, read_audio
from lipsync.methods import METHODS, load_method
from lipsync.texts import Message, translated
from lipsync.ui import markup
from lipsync.ui.generate_api import refusal
from lipsync.ui.generate_queue import Jobs
from lipsync.ui.jobs.job_list import job_list
from lipsync.weights import hub
from lipsync.weights.checkpoint import load_checkpoint

CHINESE = re.compile(r"[\u4e00-\u9fff]")
EXAMPLES = Path(__file__).resolve().parents[3] / "assets" / "examples"


def test_real_errors_come_out_in_chinese_with_the_name_of_the_file(tmp_path: Path) -> None:
    (tmp_path / "notes.mp4").write_text("not a video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "cut.mp4").write_bytes((EXAMPLES / "portrait.mp4").read_bytes()[:2000])
    (tmp_path / "photo.png").write_bytes((EXAMPLES / "portrait.jpg").read_bytes()[:9000])
    for name in ("notes.mp4", "empty.mp4", "cut.mp4", "photo.png", "missing.mp4"):
        with pytest.raises(LipSyncError) as caught:
            probe(tmp_path / name)
        said = caught.value.message.text("zh")
        assert CHINESE.search(said), caught.value
        assert name in said
    with pytest.raises(LipSyncError) as caught:
        read_audio(EXAMPLES / "portrait.mp4", 16000)
    assert caught.value.message.text("zh") == "portrait.mp4 没有音轨，请选择有语音的文件。"


def test_reasons_inside_a_sentence_are_chinese_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(tmp_path))
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
    (tmp_path / "wav2lip.pth").write_text("another file")
    with pytest.raises(LipSyncError) as caught:
        load_method("wav2lip")
    said = caught.value.message.text("zh")
    assert "已开启离线模式" in said
    assert "12 字节，应为 435807851 字节" in said
    with pytest.raises(LipSyncError) as caught:
        load_method("wav2lop")
    assert caught.value.message.text("zh") == "没有名为 'wav2lop' 的方法，是否想用 'wav2lip'？"
    with pytest.raises(LipSyncError) as caught:
        load_checkpoint(tmp_path / "none.pth")
    assert not re.search(r"[a-z]{4,} [a-z]{3,}", caught.value.message.text("zh").replace(str(tmp_path), ""))


def notes(
    coarse: bool = False,
    stretches: tuple = ((0, 1),),
    passthrough: int = 0,
    covered: int = 0,
    people: int = 1,
) -> tuple[Message, ...]:
    """Notes on a job of 40 frames with one speaker."""
    times = SimpleNamespace(stretches=stretches)
    speech, plan = SimpleNamespace(speech_times=times), SimpleNamespace(frames=40)
    job = SimpleNamespace(speech=speech, plan=plan, text=Captioning())
    speaker = SimpleNamespace(
        tracker=SimpleNamespace(coarse=coarse, cuts=0, faces_seen=1),
        method=SimpleNamespace(passthrough_frames=passthrough),
        covers=SimpleNamespace(whole_frames=covered),
    )
    return _notes(job, [speaker], people)


def test_cards_and_notes_are_known_and_other_sentences_stay() -> None:
    for name in METHODS:
        card = METHODS.get(name).card
        assert CHINESE.search(Message(card.summary).text("zh"))
        assert CHINESE.search(card.licence.text("zh")), card.licence
        assert card.weights.text("zh") != card.weights
    for note in notes(coarse=True, stretches=(), passthrough=3, covered=2, people=3):
        assert CHINESE.search(note.text("zh")), note
    assert "40 帧中有 3 帧" in notes(passthrough=3)[0].text("zh")
    assert notes() == ()
    assert translated("A sentence of nobody.", "zh") == "A sentence of nobody."


def test_pages_say_what_to_do_about_missing_weights_and_the_log_where_they_belong(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("LIPSYNC_OFFLINE", "1")
    monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path))
    monkeypatch.delenv("LIPSYNC_WEIGHTS", raising=False)
    jobs = Jobs(work=lambda request, progress, cancel: load_method("wav2lip"))  # type: ignore[arg-type, return-value]
    job = jobs.submit(Request(EXAMPLES / "portrait.mp4", None, Path("out.mp4"), "wav2lip"))
    deadline = time.monotonic() + 120
    while not job.over and time.monotonic() < deadline:
        time.sleep(0.01)
    jobs.close()
    checksum = hub.artefacts()["wav2lip"].sha256
    shown = markup.trouble(job.error) + job_list([job], jobs.ahead, "", 3600.0) + str(refusal(job.error))  # type: ignore[arg-type]
    assert shown.count("wav2lip.pth, which this model needs, is not here") == 3
    assert shown.count("请选择其他模型") >= 2
    assert str(tmp_path) not in shown
    assert checksum not in shown
    assert str(tmp_path / "wav2lip.pth") in caplog.text
    assert checksum in caplog.text
