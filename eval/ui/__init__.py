"""The tabs about results: Score, Compare, Rate, Results."""
