"""Metrics that together predict MOS: fitted and validated on a study, kept in a file, applied to videos."""
