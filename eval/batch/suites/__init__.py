"""Benchmarks as data: a file for each, what is spoken by whom, and whose videos are scored."""
