"""Loose videos of one person stay on one side of a split: by hand, on real clips, and without the network."""

from itertools import combinations
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lipsync.data.preparation.people import grouped
from lipsync.data.preparation.prepare import prepare
from lipsync.data.preparation.sources import Video
from lipsync.errors import ArtefactError
from lipsync.faces.recognise import SAME
from lipsync.weights import hub
from tests.data.test_prepare import write

REAL = (("id014", 1), ("id014", 5), ("id016", 1), ("id016", 4), ("id017", 1))


def videos(*names: str) -> list[Video]:
    return [Video(Path(name), name, name.rpartition("/")[0] or Path(name).stem) for name in names]


def at(*degrees: float) -> np.ndarray:
    """(128,) of length 1: turned by the first angle in the first plane, by the second out of it."""
    turned, out = np.radians([*degrees, 0.0])[:2]
    return np.r_[np.cos(turned) * np.cos(out), np.sin(turned) * np.cos(out), np.sin(out), np.zeros(125)]


def test_loose_videos_join_those_that_are_like_them():
    limit = np.degrees(np.arccos(SAME))  # 68.7 degrees
    found = grouped(
        videos("a.mp4", "b.mp4", "c.mp4", "d.mp4", "unseen.mp4"),
        {"a.mp4": at(0), "b.mp4": at(limit - 1), "c.mp4": at(180), "d.mp4": at(180 + limit + 1)},
    )
    assert [video.identity for video in found] == ["a", "a", "c", "d", "unseen"]


def test_a_chain_of_likenesses_is_not_one_person():
    # Each is as like its neighbours as one person's; the ends are opposite. Average linkage parts them.
    names = [f"{i}.mp4" for i in range(4)]
    found = grouped(videos(*names), {name: at(60 * i) for i, name in enumerate(names)})
    assert len({video.identity for video in found}) == 2


def test_a_folder_is_taken_at_its_word_and_takes_loose_videos_in():
    faces = {
        "anna/1.mp4": at(0),
        "anna/2.mp4": at(20),
        "twin/1.mp4": at(0),
        "x.mp4": at(15),
        "y.mp4": at(150),
    }
    found = grouped(videos(*faces), faces)
    assert [video.identity for video in found] == ["anna", "anna", "twin", "anna", "y"]


@pytest.fixture(scope="module")
def loose(shared, tmp_path_factory) -> Path:
    """34 frames of five real clips of three people, all in one folder, their names telling nothing."""
    from lipsync.media import read_audio, read_frames

    root = tmp_path_factory.mktemp("loose")
    for number, (person, clip) in enumerate(REAL):
        source = shared / "data" / "train" / f"{person}_clip{clip:02d}.mp4"
        frames = [frame.image for frame in read_frames(source, fps=25, max_frames=34)]
        write(root / f"{number}.mp4", frames, read_audio(source)[: len(frames) * 640])
    return root


@pytest.mark.slow
def test_real_people_are_told_apart_and_stay_on_one_side(loose, shared, landmarker, tmp_path, monkeypatch):
    monkeypatch.setenv("LIPSYNC_WEIGHTS", str(shared / "weights"))
    told: list[str] = []
    prepare(loose, tmp_path, landmarker=landmarker, val_share=0.34, report=told.append)
    manifest = pd.read_csv(tmp_path / "manifest.csv")
    found = manifest.groupby("source")[["identity", "split"]].first()
    assert list(found.index) == [f"{number}.mp4" for number in range(5)]
    for (a, one), (b, other) in combinations(enumerate(name for name, _ in REAL), 2):
        same = found["identity"].iloc[a] == found["identity"].iloc[b]
        assert same == (one == other), (a, b)
    assert (found.groupby("identity")["split"].nunique() == 1).all()
    assert set(found["split"]) == {"train", "val"}
    assert "grouped by their faces" in (tmp_path / "report.md").read_text()
    # Faces are compared once; without the network a later call says so and takes every file by itself.
    told.clear()
    prepare(loose, tmp_path, landmarker=landmarker, report=told.append)
    assert told == []

    def unavailable(name: str) -> Path:
        raise ArtefactError(f"{name} is unavailable.")

    monkeypatch.setattr(hub, "fetch", unavailable)
    prepare(loose, tmp_path, landmarker=landmarker, report=told.append)
    (sentence,) = told
    assert "sface is unavailable" in sentence
    assert "both sides of a split" in sentence
    assert pd.read_csv(tmp_path / "manifest.csv")["identity"].nunique() == 5
    assert "every video that lies in none" in (tmp_path / "report.md").read_text()
