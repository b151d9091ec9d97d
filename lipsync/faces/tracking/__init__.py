"""Faces in videos: found, chosen, followed and cut out."""
