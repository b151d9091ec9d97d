"""The log of a portal that serves others tells errors apart, and nothing about those who met them."""

import io
import json
import logging
import threading
import traceback
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from lipsync.errors import MediaError
from lipsync.ui.public.error_log import log_without_words, without_words
from tests.portal import serving

NAME, SECRET, ADDRESS = "aunt-matilda-at-the-beach", "s3cr3t-of-a-rater", "203.0.113.77"


@pytest.fixture
def wordless(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """The setting, taken back at the end."""
    monkeypatch.setattr(traceback, "print_exc", traceback.print_exc)
    monkeypatch.setattr(threading, "excepthook", threading.excepthook)
    factory = logging.getLogRecordFactory()
    log_without_words()
    yield
    logging.setLogRecordFactory(factory)


def fail() -> None:
    try:
        Path(f"/nowhere/{NAME}.mp4").read_bytes()
    except OSError as problem:
        raise ValueError(f"{NAME} from {ADDRESS}") from problem


def failed() -> Exception:
    try:
        fail()
    except ValueError as error:
        return error
    raise AssertionError


def test_a_traceback_without_words_still_says_what_and_where() -> None:
    told = without_words(failed())
    assert NAME not in told
    assert ADDRESS not in told
    assert told.endswith("\nValueError")
    assert "\nFileNotFoundError: No such file or directory\n" in told
    line = fail.__code__.co_firstlineno + 4
    assert f'  File "{__file__}", line {line}, in fail\n' in told


def test_an_error_meant_for_people_is_named_by_its_text() -> None:
    assert without_words(MediaError("media.empty", path=NAME)).endswith("MediaError: media.empty")
    assert NAME not in without_words(MediaError(f"{NAME} is empty."))


def test_errors_that_name_each_other_end() -> None:
    first, second = ValueError(NAME), KeyError(NAME)
    first.__cause__, second.__cause__ = second, first
    assert without_words(first).count("Traceback") == 2


def test_logging_printing_and_threads_are_covered(wordless: None, capsys: pytest.CaptureFixture[str]) -> None:
    out = io.StringIO()
    handler = logging.StreamHandler(out)
    handler.setFormatter(logging.Formatter("%(levelname)s: %(message)s"))
    log = logging.getLogger("uvicorn.error")
    log.addHandler(handler)
    try:
        fail()
    except ValueError:
        log.exception("Exception in ASGI application")
        traceback.print_exc()
    log.removeHandler(handler)
    thread = threading.Thread(target=fail)
    thread.start()
    thread.join()
    told = out.getvalue() + (printed := capsys.readouterr().err)
    assert out.getvalue().startswith("ERROR: Exception in ASGI application\nTraceback")
    assert told.count("FileNotFoundError: No such file or directory") == 3
    assert printed.count("ValueError\n") == 2
    assert NAME not in told


@pytest.mark.slow
def test_what_visitors_send_is_not_in_the_log(tmp_path: Path) -> None:
    env = {"LIPSYNC_ADMIN_PASSWORD": "quills-and-wobbles", "LIPSYNC_PROXIES": "1"}
    headers = {"X-Forwarded-For": ADDRESS}
    each = httpx.Limits(max_keepalive_connections=0)  # that of a refused request is closed under the next
    with (
        serving(tmp_path, env) as address,
        httpx.Client(base_url=address, headers=headers, timeout=60, limits=each) as visitor,
    ):
        for path in (
            f"/?token={SECRET}",
            f"/rate?study={SECRET}",
            f"/{SECRET}",
            f"/gradio_api/file={NAME}.mp4",
        ):
            visitor.get(f"/{path}")
        sent = visitor.post("/gradio_api/upload", files={"files": (f"{NAME}.mp4", b"no video", "video/mp4")})
        for file in (sent.json()[0], f"/etc/{NAME}.mp4"):
            data = [{"path": file, "meta": {"_type": "gradio.FileData"}}]
            answer = visitor.post("/gradio_api/call/generate", json={"data": data})
            visitor.get(f"/gradio_api/call/generate/{answer.json()['event_id']}")
        visitor.post("/gradio_api/run/study_start", json={"data": [SECRET, SECRET, {"code": SECRET}]})
        visitor.post("/gradio_api/run/study_next", json={"data": {"code": SECRET}})
        visitor.post("/gradio_api/queue/join", content=json.dumps({"data": SECRET})[:-2])
    log = (tmp_path / "log").read_text(errors="replace")
    assert "Running on local URL" in log
    assert "Traceback" in log, "an error was met, else this shows nothing"
    for secret in (NAME, SECRET, ADDRESS):
        assert secret not in log
