"""The rater's page is whole."""

import re

from eval.ui.study.rate_page import rater_page


def test_the_raters_page_is_whole_and_asks_nobody_else_for_anything() -> None:
    html, policy = rater_page()
    assert "rate.begin" in html
    assert "results.tab" not in html
    assert not re.findall(r"https?://(?!www\.w3\.org)", html)
    assert "default-src 'none'" in policy
    assert policy.count("sha256-") == 2
