"""The face's still: its file is whole at any time, and a part that is reported again changes nothing."""

from __future__ import annotations

import threading
from pathlib import Path

import gradio as gr
import numpy as np
import pytest
from PIL import Image

from lipsync.assets import asset
from lipsync.ui.choices.still import StillImage, still_of_cut
from lipsync.ui.markup import address


def test_a_picture_that_is_shown_again_is_whole_all_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("GRADIO_TEMP_DIR", str(tmp_path))
    shown = StillImage()
    noise = np.random.default_rng(0).integers(0, 256, (256, 256, 3), np.uint8)
    path = Path(shown.postprocess(noise).path)
    whole = path.read_bytes()
    with Image.open(path) as picture:
        assert picture.size == (256, 256)
    stop, broken = threading.Event(), []

    def read() -> None:
        while not stop.is_set():
            if path.read_bytes() != whole:
                broken.append(path)

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(15):
        assert Path(shown.postprocess(noise).path) == path
    stop.set()
    reader.join()
    assert broken == []
    assert shown.postprocess(None) is None


def test_a_part_that_is_reported_again_leaves_which_face_was_chosen() -> None:
    face = asset("examples", "portrait.mp4")
    cut = {"src": address(face), "kind": "video", "seconds": 5.0, "start": 1.0, "end": 5.0}
    picture, boxes, lines, part = still_of_cut(str(face), None, cut, None)
    assert isinstance(picture, np.ndarray)
    assert len(boxes) == 1
    assert lines["value"] == -1
    assert part == (str(face), (1.0, 5.0))
    again = still_of_cut(str(face), None, cut, part)
    assert again == [gr.skip(), gr.skip(), gr.skip(), part]
    assert isinstance(still_of_cut(str(face), None, {**cut, "start": 2.0}, part)[0], np.ndarray)
