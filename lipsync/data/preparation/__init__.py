"""From videos of people who speak to prepared clips (``python -m lipsync prepare``)."""
