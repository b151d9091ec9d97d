"""A setting that cannot be is one sentence, before anything is loaded."""

import re
import runpy
import socket

import pytest

from lipsync.errors import ConfigError
from lipsync.ui.settings import Settings, read_settings
from tests.portal import ROOT, free_port


def test_what_is_not_set_has_a_default() -> None:
    port = free_port()
    assert read_settings({"PORT": str(port), "LIPSYNC_MAX_SECONDS": " "}) == Settings(port=port)
    asked = {"HOST": "localhost", "PORT": str(port), "LIPSYNC_MAX_SECONDS": "90.5"}
    assert read_settings(asked | {"LIPSYNC_MAX_UPLOAD": "2 GB"}) == Settings("localhost", port, 90.5, "2 GB")


@pytest.mark.parametrize(("name", "value"), [
    ("PORT", "eighty"), ("PORT", "0"), ("PORT", "65536"), ("PORT", "-1"), ("PORT", "٣"),
    ("LIPSYNC_MAX_SECONDS", "ten"), ("LIPSYNC_MAX_SECONDS", "-5"), ("LIPSYNC_MAX_SECONDS", "0"),
    ("LIPSYNC_MAX_SECONDS", "nan"), ("LIPSYNC_MAX_SECONDS", "inf"),
    ("LIPSYNC_MAX_JOB", "an hour"), ("LIPSYNC_MCP", "yes"),
    ("LIPSYNC_MAX_UPLOAD", "many"), ("LIPSYNC_MAX_UPLOAD", "500"), ("LIPSYNC_MAX_UPLOAD", "0mb"),
    ("LIPSYNC_VISITOR_DISK", "5"), ("LIPSYNC_VISITOR_JOBS", "0"), ("LIPSYNC_VISITOR_JOBS", "three"),
    ("HOST", "no such host"),
    ("LIPSYNC_FRAME_ANCESTORS", "https://a.org; script-src *"), ("LIPSYNC_FRAME_ANCESTORS", "none self"),
    ("LIPSYNC_FRAME_ANCESTORS", "*"), ("LIPSYNC_FRAME_ANCESTORS", "https://a.org, https://b.org"),
])  # fmt: skip
def test_a_bad_value_is_named_with_a_remedy(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(f"{name} is '{value}'")) as told:
        read_settings({"PORT": str(free_port())} | {name: value})
    assert "\n" not in str(told.value)


def test_a_space_listens_to_everybody_unless_told_otherwise() -> None:
    port = free_port()
    asked = {"PORT": str(port), "SPACE_ID": "someone/portal"}
    hub = "'self' https://huggingface.co https://*.hf.space"
    assert read_settings(asked) == Settings("0.0.0.0", port, space=True, frame_ancestors=hub)
    assert read_settings(asked | {"HOST": "127.0.0.1"}).host == "127.0.0.1"


@pytest.mark.parametrize(("environment", "private", "server_name", "here"), [
    ({}, True, "127.0.0.1", "http://127.0.0.1:{}"),
    ({"HOST": "localhost", "LIPSYNC_PROXIES": "0"}, True, "localhost", "http://localhost:{}"),
    ({"HOST": "::1"}, True, "[::1]", "http://[::1]:{}"),
    ({"HOST": "0.0.0.0"}, False, "0.0.0.0", "http://127.0.0.1:{}"),
    ({"HOST": "::"}, False, "[::]", "http://[::1]:{}"),
    # A proxy, and the tunnel, bring requests of others from this machine.
    ({"LIPSYNC_PROXIES": "1"}, False, "127.0.0.1", "http://127.0.0.1:{}"),
    ({"GRADIO_SHARE": "True"}, False, "127.0.0.1", "http://127.0.0.1:{}"),
    # Nobody sits at a Space, and what listens elsewhere alone does not answer a name of this machine.
    ({"SPACE_ID": "a/b"}, False, "0.0.0.0", None),
    ({"SPACE_ID": "a/b", "HOST": "127.0.0.1"}, False, "127.0.0.1", None),
    ({"HOST": "127.0.0.2"}, False, "127.0.0.2", None),
])  # fmt: skip
def test_whom_it_serves_and_where_its_owner_finds_it(
    environment: dict[str, str],
    private: bool,
    server_name: str,
    here: str | None,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("lipsync.ui.settings._check_place", lambda host, port: None)  # not all have IPv6
    settings = read_settings({"PORT": "7000", **environment})
    assert (settings.private, settings.server_name) == (private, server_name)
    assert settings.here == (None if here is None else here.format(7000))


def test_what_a_visitor_may_have() -> None:
    asked = {"PORT": str(free_port()), "LIPSYNC_VISITOR_JOBS": "7", "LIPSYNC_VISITOR_DISK": "2 MB"}
    settings = read_settings(asked)
    assert (settings.visitor_jobs, settings.visitor_disk) == (7, 2 * 1024 * 1024)


@pytest.mark.parametrize(("given", "sources"), [
    ("none", "'none'"), ("self  https://example.org", "'self' https://example.org"),
    ("'self' http://*.a-b.org:8080", "'self' http://*.a-b.org:8080"),
])  # fmt: skip
def test_who_may_embed_the_portal(given: str, sources: str) -> None:
    asked = {"PORT": str(free_port()), "LIPSYNC_FRAME_ANCESTORS": given}
    assert read_settings(asked).frame_ancestors == sources


def test_without_its_package_mcp_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    asked = {"PORT": str(free_port()), "LIPSYNC_MCP": "1"}
    monkeypatch.setattr("lipsync.ui.settings.find_spec", lambda name: None)
    with pytest.raises(ConfigError, match=r"pip install 'gradio\[mcp\]'"):
        read_settings(asked)
    monkeypatch.setattr("lipsync.ui.settings.find_spec", lambda name: object())
    assert read_settings(asked).mcp


def test_a_port_that_is_taken_is_named() -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(ConfigError, match=f"cannot listen on 127.0.0.1, port {port}"):
            read_settings({"PORT": str(port)})


def test_the_portal_says_it_and_exits_with_2(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("LIPSYNC_MAX_SECONDS", "ten minutes")
    with pytest.raises(SystemExit) as left:
        runpy.run_path(str(ROOT / "app.py"), run_name="__main__")
    assert left.value.code == 2
    said = capsys.readouterr().err
    assert said.strip().splitlines()[-1].startswith("LIPSYNC_MAX_SECONDS is 'ten minutes'")
    assert "Traceback" not in said
