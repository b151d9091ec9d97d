"""Is each frame drawn as the reference shows it?"""
