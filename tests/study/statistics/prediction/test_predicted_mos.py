"""Predicted MOS: offered only where it was shown to work, applied only to scores made alike."""

from __future__ import annotations

import csv
import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import scipy.stats

from eval.batch.summary import summarise_rows
from eval.report.files import write_tables
from eval.report.latex import latex
from eval.study.statistics.correlation import StudyScores
from eval.study.statistics.prediction.model_file import read_model, write_model
from eval.study.statistics.prediction.mos_model import MosModel, with_predictions
from eval.study.statistics.prediction.predicted_mos import MosPrediction, predict_mos
from eval.study.statistics.study_scores import scores_of_rows
from lipsync.errors import ConfigError

LABELS = {"psnr": "PSNR", "lse_d": "LSE-D (own expert)", "offset": "Offset (own expert)"}
METHODS = ("a", "b", "c")


def protocol(metric: str, frames: int) -> str:
    network = "; own expert; weights 981e84323436" if metric != "psnr" else "; face 256 px"
    return f"protocol 1; {LABELS[metric]}; 25 fps{network}; frames {frames}; skipped {frames % 2}"


def row(item: str, method: str, values: Mapping[str, float | None], frames: int = 50) -> dict[str, Any]:
    """A row as a batch leaves it."""
    entries = {
        metric: {
            "metric": metric, "label": LABELS[metric], "value": value, "frames": frames,
            "protocol": "" if value is None else protocol(metric, frames),
            "reason": "no face" if value is None else "", "detail": {},
        }
        for metric, value in values.items()
    }  # fmt: skip
    return {"item": item, "method": method, "control": False, "scores": {"scores": entries, "notes": []}}


def planted(items: int = 12, seed: int = 0) -> tuple[list[dict[str, Any]], dict[tuple[str, str], float]]:
    """Rows and MOS: 3 + 0.4 for a standard deviation of PSNR, less 0.3 for one of the offset's size."""
    rng = np.random.default_rng(seed)
    rows, mos = [], {}
    for item in range(items):
        for method in METHODS:
            clear, late = rng.normal(), rng.integers(0, 6)
            values = {
                "psnr": 25 + 4 * clear,
                "lse_d": rng.normal(1, 0.1),
                "offset": float(late * rng.choice([-1, 1])),
            }
            rows.append(row(f"i{item}", method, values, 40 + item))
            mos[f"i{item}", method] = float(
                np.clip(3 + 0.4 * clear - 0.3 * (late - 2.5) / 1.7 + rng.normal(0, 0.15), 1, 5)
            )
    return rows, mos


def fitted(items: int = 12) -> MosPrediction:
    rows, mos = planted(items)
    found = predict_mos("sync", scores_of_rows(rows), mos, 24)
    assert found is not None
    return found


@pytest.fixture(scope="module")
def model() -> MosModel:
    found = fitted().model
    assert found is not None
    return replace(found, study="Herons", date="2026-11-30T10:00:00+00:00")


def test_a_planted_relationship_is_found_with_its_error() -> None:
    found = fitted()
    assert (found.videos, found.items, found.methods, found.reason) == (36, 12, 3, "")
    assert found.error is not None
    assert found.model is not None
    assert found.error.rmse == pytest.approx(0.15, abs=0.04)
    assert found.error.low < found.error.rmse < found.error.high < found.error.mean_rmse
    _, mos = planted()
    assert found.error.mean_rmse == pytest.approx(np.std([*mos.values()]), rel=0.1)
    assert found.error.spearman is not None
    assert found.error.spearman > 0.85
    assert found.error.unseen_rmse == pytest.approx(found.error.rmse, abs=0.03)
    psnr, lse_d, offset = found.model.metrics
    assert psnr.weight / psnr.scale == pytest.approx(0.4 / 4, abs=0.015)  # for a dB
    assert offset.weight / offset.scale == pytest.approx(-0.3 / 1.7, abs=0.025)  # for a frame
    assert lse_d.weight == pytest.approx(0, abs=0.05)


def test_29_videos_are_not_enough_and_their_error_is_shown() -> None:
    rows, mos = planted(10)
    for count, offered in ((30, True), (29, False)):
        some = dict(list(mos.items())[:count])
        found = predict_mos("sync", scores_of_rows(rows), some, 24)
        assert found is not None
        assert found.error is not None
        assert (found.videos, found.model is not None, not found.reason) == (count, offered, offered)
    assert found.reason == "Not offered: validated on 29 videos; 30 are needed."


def test_noise_is_not_offered() -> None:
    offered = 0
    for seed in range(20):
        rows, mos = planted(12, seed)
        shuffled = np.random.default_rng(100 + seed).permutation([*mos.values()])
        found = predict_mos("q", scores_of_rows(rows), dict(zip(mos, map(float, shuffled), strict=True)), 24)
        assert found is not None
        assert found.error is not None
        offered += found.model is not None
        assert found.model is not None or found.reason == "Not offered: it predicts no better than the mean."
    assert offered <= 2


def test_metrics_without_scores_without_spread_or_of_two_protocols_take_no_part() -> None:
    rows, mos = planted()
    for number, one in enumerate(rows):
        scores = one["scores"]["scores"]
        scores["ssim"] = {**scores["psnr"], "label": "SSIM", "value": 0.9}
        scores["lpips"] = {**scores["psnr"], "label": "LPIPS", "value": 0.1 if number < 4 else None}
        scores["csim"] = {**scores["psnr"], "label": "CSIM", "value": number / 40}
        scores["csim"]["protocol"] += f"; network {number % 2}"
        scores["lmd"] = {**scores["psnr"], "label": "LMD", "value": float("nan")}
    rows[0]["scores"]["scores"]["psnr"]["value"] = None
    found = predict_mos("sync", scores_of_rows(rows), mos, 24)
    assert found is not None
    assert found.model is not None
    assert [metric.label for metric in found.model.metrics] == [*LABELS.values()]
    assert found.videos == 35  # the one without PSNR has no part
    assert found.left_out == {
        "SSIM": "All scores are equal.",
        "LPIPS": "It takes no part: only 4 of 36 rated videos have a score.",
        "CSIM": "It takes no part: its videos were scored in different ways.",
    }


def test_what_cannot_be_fitted_or_applied_says_why() -> None:
    rows, mos = planted()
    scores = scores_of_rows(rows)
    assert predict_mos("q", StudyScores({"mine": {clip: 1.0 for clip in mos}}), mos, 3) is None
    assert predict_mos("q", scores, {("other", "a"): 3.0}, 3) is None

    def why(scores: StudyScores, mos: Mapping[tuple[str, str], float]) -> str:
        found = predict_mos("q", scores, mos, 3)
        assert found is not None
        assert found.model is None
        return found.reason

    few = {clip: mean for clip, mean in mos.items() if clip[0] in ("i0", "i1", "i2", "i3")}
    assert why(scores, few).startswith("Items with scores and marks: 4; 5 are needed")
    assert why(scores, dict.fromkeys(mos, 3.0)) == "All mean marks are equal."
    flat = StudyScores({"PSNR": dict.fromkeys(mos, 1.0)}, {"PSNR": "psnr"})
    assert why(flat, mos) == "No known metric has scores that differ."
    table = StudyScores(scores.values, scores.metrics)  # as a CSV gives them
    assert why(table, mos).startswith("Not offered: a table does not say how the scores were made.")


def test_a_file_predicts_what_the_regression_does(model: MosModel, tmp_path: Path) -> None:
    write_model(model, tmp_path / "sync.json")
    again = read_model(tmp_path / "sync.json")
    assert again == model
    rows, mos = planted()
    predicted = [again.predict(one) for one in rows]
    for one, value in zip(rows, predicted, strict=True):
        scores = {name: entry["value"] for name, entry in one["scores"]["scores"].items()}
        scores["offset"] = abs(scores["offset"])
        by_hand = model.intercept + sum(
            m.weight * (scores[m.metric] - m.mean) / m.scale for m in model.metrics
        )
        assert value == pytest.approx(by_hand)
    assert scipy.stats.pearsonr(predicted, [*mos.values()]).statistic > 0.9
    assert again.predict(row("x", "d", {"psnr": 500.0, "lse_d": 1.0, "offset": 0.0})) == 5.0
    assert again.predict(row("x", "d", {"psnr": 25.0, "lse_d": None, "offset": 0.0})) is None
    assert again.predict({"item": "x", "method": "d", "error": "broken"}) is None


@pytest.mark.parametrize(
    ("old", "new"),
    [("face 256 px", "mouth of face 256 px"), ("981e84323436", "000000000000"), ("protocol 1", "protocol 2")],
)
def test_scores_made_in_another_way_are_refused(model: MosModel, old: str, new: str) -> None:
    one = planted()[0][0]
    for entry in one["scores"]["scores"].values():
        entry["protocol"] = entry["protocol"].replace(old, new)
    with pytest.raises(ConfigError, match="does not apply here") as refused:
        model.predict(one)
    assert old in str(refused.value)
    assert new in str(refused.value)


def test_counts_and_an_added_part_of_a_protocol_are_told_apart(model: MosModel) -> None:
    one = row("x", "d", {"psnr": 25.0, "lse_d": 1.0, "offset": 0.0}, frames=999)
    assert model.predict(one) is not None
    entry = one["scores"]["scores"]["lse_d"]
    entry["protocol"] += "; 3 of 9 windows with full support of ±15 frames; offset +2, ≥ 15; mean of 2 tracks"
    assert model.predict(one) is not None
    one["scores"]["scores"]["psnr"]["protocol"] += "; resized to the reference"
    with pytest.raises(ConfigError, match="resized to the reference"):
        model.predict(one)


def test_the_tables_of_a_batch_never_show_it_without_error_and_n(model: MosModel, tmp_path: Path) -> None:
    rows = planted(6, seed=5)[0]
    rows[0]["scores"]["scores"]["psnr"]["value"] = None
    rows[1] = {"item": "i0", "method": "b", "control": False, "error": "broken"}
    table = with_predictions(summarise_rows(rows, tmp_path), [model])
    text = write_tables(table, tmp_path / "out")
    heading = f"predicted MOS (sync; RMSE {model.error.rmse:.2f}, n 36)"
    assert heading in text
    assert "is no rating by people" in text
    assert "“Herons” (2026-11-30, 24 raters)" in text
    head, *lines = (tmp_path / "out" / "videos.csv").read_text(encoding="utf-8").splitlines()
    assert f'"{heading}"' in head
    assert len(lines) == 18
    of_c = [model.predict(one) for one in rows if one["method"] == "c"]
    with (tmp_path / "out" / "summary.csv").open(encoding="utf-8", newline="") as file:
        means = {line["method"]: line for line in csv.DictReader(file) if line["metric"] == heading}
    assert float(means["c"]["mean"]) == pytest.approx(np.mean(of_c), rel=1e-5)
    assert (means["b"]["scored"], means["b"]["failed"]) == ("5", "1")
    data = json.loads((tmp_path / "out" / "summary.json").read_text(encoding="utf-8"))
    assert data["predicted"][0]["model"]["error"]["rmse"] == model.error.rmse
    assert data["predicted"][0]["methods"]["b"]["failed"] == ["i0"]
    assert f"{np.mean(of_c):.2f}" in latex(table)
    empty = [row("x", "a", {"psnr": 25.0, "offset": 1.0})]
    with pytest.raises(ConfigError, match="needs the metric lse_d"):
        with_predictions(summarise_rows(empty, tmp_path), [model])


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (None, "cannot be read"),
        ("[]", "is no file of a predicted MOS"),
        ({"schema": 2}, "schema 2"),
        ({"metrics": []}, "no metrics"),
        ({"intercept": "3"}, "intercept"),
        ({"videos": True}, "videos"),
        ({"error": {"rmse": 0.1}}, "is no file of a predicted MOS"),
    ],
)
def test_a_file_that_is_none_gets_one_sentence(
    model: MosModel, tmp_path: Path, change: object, words: str
) -> None:
    path = tmp_path / "sync.json"
    write_model(model, path)
    if change is None:
        path.write_bytes(b"\xff{")
    else:
        data = json.loads(path.read_text(encoding="utf-8"))
        path.write_text(change if isinstance(change, str) else json.dumps({**data, **change}))  # type: ignore[dict-item]
    with pytest.raises(ConfigError, match=words):
        read_model(path)
