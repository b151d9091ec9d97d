"""Prepared clips, and what is drawn from them to train on."""
