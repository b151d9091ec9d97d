"""While a job runs it shows what it drew last, about once a second and at next to no cost."""

from __future__ import annotations

import threading
from pathlib import Path

import cv2
import numpy as np
import pytest

from lipsync import progress
from lipsync.assets import asset
from lipsync.faces import crop_face, crop_matrix, faces_in
from lipsync.faces.tracking.crop import pose_from_points
from lipsync.generate import PICTURE_SIDE, Request, generate
from lipsync.media import read_frames
from lipsync.methods import EMBEDDED
from lipsync.progress import Progress, Report

EXAMPLES = asset("examples")


def test_the_picture_is_of_the_face_that_was_drawn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress, "PICTURE_EVERY", 0.0)
    steps: list[Progress] = []
    wanted = Request(
        EXAMPLES / "portrait.jpg", EXAMPLES / "english.wav", tmp_path / "out.mp4", EMBEDDED, label=False,
        audio_range=(0.8, 1.4),
    )  # fmt: skip
    generate(wanted, steps.append)
    shown = [step.picture for step in steps if step.picture]
    assert shown[0] != shown[-1]
    assert all(step.picture is None for step in steps if step.stage in ("weights", "audio", "references"))
    newest = cv2.imdecode(np.frombuffer(shown[-1], np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
    assert newest.shape == (PICTURE_SIDE, PICTURE_SIDE, 3)
    assert len(shown[-1]) < 20_000
    pose = pose_from_points(faces_in(EXAMPLES / "portrait.jpg")[0].points)
    matrix = crop_matrix(pose, PICTURE_SIDE)
    *_, last = (crop_face(frame.image, matrix, PICTURE_SIDE) for frame in read_frames(wanted.output))
    there = np.abs(last.astype(float) - newest).mean()
    assert there < 0.4 * np.abs(last[:, ::-1].astype(float) - newest).mean()


def test_a_picture_is_made_once_a_second(monkeypatch: pytest.MonkeyPatch) -> None:
    now, made, steps = [100.0], [], []
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    report = Report(steps.append, threading.Event())

    def draw() -> bytes:
        made.append(now[0])
        return b"%f" % now[0]

    for count in range(101):
        now[0] = 100 + count / 25
        report.show(draw)
        report("frames", count + 1, 101)
    assert made == [100.0, 101.0, 102.0, 103.0, 104.0]
    assert steps[-1].picture == b"104.000000"
