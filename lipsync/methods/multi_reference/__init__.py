"""Multi-reference bidirectional fusion: several references, multilingual speech, controllable opening."""
