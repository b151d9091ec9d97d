"""What is done with results: scoring them, putting them side by side, asking people."""

from pathlib import Path

from lipsync.texts import add_locales

add_locales(Path(__file__).with_name("locales"))
