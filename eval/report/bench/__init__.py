"""The report of a benchmark: for people, for a paper, for programs."""
