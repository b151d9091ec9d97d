"""Metrics as pure functions on arrays, one file each, in a folder per subject.

Every file has the same three verbs: ``<metric>_update`` says what one batch contributes,
``<metric>_compute`` turns the contributions into the score, ``<metric>`` joins the two. A pass over
a video, a batch of videos and a cluster share them. Contributions with one row per frame are
concatenated; those of FID are added; those of LipCorr (one per clip) are listed.
"""
