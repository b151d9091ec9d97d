"""The visible mark."""

import numpy as np

from lipsync.media.label import Label


def test_marks_one_corner_and_nothing_else():
    image = np.full((720, 1280, 3), 128, np.uint8)
    marked = Label(1280, 720).on(image)
    changed = np.argwhere((marked != image).any(-1))
    assert (image == 128).all()
    assert changed[:, 0].min() > 640
    assert changed[:, 1].max() < 320
    assert marked[changed[:, 0], changed[:, 1]].max() > 200, "the letters are light on a darkened plate"


def test_reads_on_white_and_on_black():
    for level in (0, 255):
        marked = Label(640, 360).on(np.full((360, 640, 3), level, np.uint8)).astype(int)
        plate = marked[-40:, :200].min(axis=-1)
        assert plate.max() - plate.min() > 90


def test_a_tiny_picture_stays_unmarked():
    image = np.zeros((20, 20, 3), np.uint8)
    assert (Label(20, 20).on(image) == image).all()
