"""Fixtures for all tests."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lipsync.weights import hub
from tests.hub_server import HubServer

os.environ["LIPSYNC_LANGUAGE"] = "en"  # of command lines, whatever the language of this machine


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """With ``-n``, a file's tests run in one process: see `tests.workers`."""
    from tests.workers import FileScheduling

    config.option.loadscopereorder = False  # in the order of the next function
    return FileScheduling(config, log)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of processes side by side, none is left with the longest group at the end."""
    if hasattr(config, "workerinput"):
        from tests.workers import place

        items.sort(key=lambda item: place(item.nodeid))


@pytest.fixture(scope="session")
def shared() -> Path:
    """Folder of real clips and small weights beside the repository; tests that need it skip without it."""
    root = Path(__file__).resolve().parents[1]
    folder = Path(os.environ.get("LIPSYNC_SHARED", root.parent / "shared"))
    if not folder.is_dir():
        pytest.skip(f"needs the shared data folder ({folder} is missing; set LIPSYNC_SHARED)")
    return folder


@pytest.fixture
def local_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    """A Hub on this machine, empty caches, and an environment that leads nowhere else.

    ``tmp_path / "cache"`` is ours, ``tmp_path / "hub"`` that of the Hub's client.
    """
    for name in ("LIPSYNC_WEIGHTS", "LIPSYNC_OFFLINE", "HF_HUB_OFFLINE", "HF_TOKEN", "SPACE_ID"):
        monkeypatch.delenv(name, raising=False)
    with HubServer() as server:
        monkeypatch.setenv("NO_PROXY", "127.0.0.1,localhost")
        monkeypatch.setattr("lipsync.weights.hub._FAILED", {})
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", False)
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr("huggingface_hub.constants.HF_TOKEN_PATH", str(tmp_path / "token"))
        monkeypatch.setattr("huggingface_hub.constants.HF_HUB_DISABLE_XET", True)  # it is no part of this Hub
        monkeypatch.setenv("LIPSYNC_CACHE", str(tmp_path / "cache"))
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture(scope="session")
def landmarker() -> Path:
    """The face landmarker's file; tests that need it skip without it."""
    found = hub.locate("face_landmarker")
    if found is None:
        beside = Path(__file__).resolve().parents[2] / "shared" / "weights" / "face_landmarker.task"
        found = beside if beside.is_file() else None
    if found is None:
        pytest.skip("needs the face_landmarker artefact (make weights)")
    return found
