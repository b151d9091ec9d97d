"""The tabs about results: Score, Compare, Rate, Results."""

import lipsync.ui  # noqa: F401  before Gradio, whose import it halves
