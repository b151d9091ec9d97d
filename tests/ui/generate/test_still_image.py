"""The file of the face's still is whole at any time, whoever else is shown the same one."""

from __future__ import annotations

import threading
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from lipsync.ui.choices.still import StillImage


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
