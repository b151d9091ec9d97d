"""The tables of metrics on the Results page, without a browser."""

from __future__ import annotations

import re

from eval.study.statistics.results import results
from eval.study.statistics.study_scores import scores_of_rows
from eval.ui.study.metric_markup import metrics
from tests.study.simulated import table
from tests.study.statistics.prediction.test_predicted_mos import METHODS, planted
from tests.ui.pages import CJK


def test_an_offered_prediction_shows_error_and_weights_in_both_languages() -> None:
    rows, mos = planted(12)
    for row in rows:
        row["scores"]["scores"]["psnr_pooled"] = {
            **row["scores"]["scores"]["psnr"], "label": "PSNR <pooled>", "value": 1.0,
        }  # fmt: skip
    marks = table(
        [(f"r{r}", *clip, round(mean + (r - 2) / 5)) for clip, mean in mos.items() for r in range(5)]
    )
    found = results(marks, scores=scores_of_rows(rows))
    html = metrics(found)
    names = re.findall(r'role="region" aria-label="([^"]+)"', html)
    assert html.count("<table>") == len(set(names)) == 4
    assert "<pooled>" not in html
    [prediction] = found.predictions
    assert prediction.error is not None
    assert prediction.model is not None
    error = prediction.error
    assert f"<td>36 / 12 / {len(METHODS)}</td><td>{error.rmse:.2f} <small>{error.low:.2f} … " in html
    for fitted in prediction.model.metrics:
        assert re.search(rf"{re.escape(fitted.label)}</th><td>{fitted.weight:.2f}</td>", html), fitted.label
    by_clip = next(c for c in found.correlations if c.metric == "PSNR")
    assert f"ρ {by_clip.spearman:.2f}, τ {by_clip.kendall:.2f}<br>" in html
    assert re.search(r"PSNR &lt;pooled&gt;: .*All scores are equal\.", html)
    assert "rises with one standard deviation of the metric" in html
    assert CJK.search(html)


def test_without_scores_a_sentence_says_how_to_get_some() -> None:
    assert "videos.csv" in metrics(results(table([("r", "i", "a", 3)])))
