"""Comparison sets: videos of several methods on the same items, their scores, montages and exports."""
