import importlib
import re

import numpy as np
import pytest

from eval.functional.picture.psnr import psnr_compute, psnr_update
from eval.scoring.metrics import METRICS
from lipsync.errors import ConfigError
from lipsync.texts import Message


@pytest.mark.parametrize("metric", METRICS.all(), ids=lambda metric: metric.name)
def test_every_entry_leads_to_its_three_verbs(metric):
    path = type(metric).__module__.removeprefix("eval.scoring.metrics.")
    module = importlib.import_module(f"eval.functional.{path}")
    verb = path.rpartition(".")[2]
    for name in (verb, f"{verb}_update", f"{verb}_compute"):
        assert callable(getattr(module, name))


@pytest.mark.parametrize("metric", METRICS.all(), ids=lambda metric: metric.name)
def test_every_entry_can_be_read_in_both_languages(metric):
    description = Message(metric.description)
    assert description.key == f"metric.{metric.name}"
    assert re.fullmatch(r"[A-Z][^\u4e00-\u9fff]+\.", description)
    assert re.search(r"[\u4e00-\u9fff].*。$", description.text("zh"))
    assert metric.low < metric.high


@pytest.mark.parametrize("metric", METRICS.all(), ids=lambda metric: metric.name)
def test_every_artefact_is_in_the_table_of_weights(metric):
    from lipsync.weights.hub import artefacts

    assert set(metric.artefacts) <= set(artefacts())
    assert bool(metric.artefacts) == ("network" in metric.needs or "landmarks" in metric.needs)


def test_best_first():
    order = {"psnr": (40.0, 30.0), "lse_d": (6.0, 9.0), "offset": (-1.0, 3.0)}
    for name, (good, bad) in order.items():
        metric = METRICS.get(name)
        assert metric.badness(good) < metric.badness(bad)
    assert [METRICS.get(name).arrow for name in order] == ["↑", "↓", "→ 0"]


def test_every_metric_of_the_protocol_is_there():
    names = {"psnr", "ssim", "lpips", "lmd", "csim", "fid", "aed", "lse_d", "lse_c", "offset", "lipcorr"}
    assert names <= set(METRICS)
    assert {metric.name for metric in METRICS.all() if metric.by_region} == {
        "psnr",
        "psnr_pooled",
        "ssim",
        "lpips",
    }
    with pytest.raises(ConfigError, match="lse_d"):
        METRICS.get("lsed")


def test_why_a_video_has_no_score_is_a_text():
    with pytest.raises(ValueError, match="no frame to score") as caught:
        psnr_compute(psnr_update(*np.empty((2, 0, 8, 8, 3), np.uint8)))
    reason = METRICS.get("psnr").unscored("a.mp4", caught.value)
    assert reason == "a.mp4: no frame to score."
    assert reason.text("zh") == "a.mp4：没有可评分的帧。"
