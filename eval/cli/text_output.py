"""Where a command's text goes: into a file, or to the screen."""

from __future__ import annotations

import sys
from pathlib import Path


def put_text(text: str, path: Path | None) -> None:
    """Write a text to a file; None: to the standard output, as it is.

    Raises:
        ConfigError: the file cannot be written.
    """
    from eval.scoring.scores import write_text

    if path is None:
        sys.stdout.write(text)
    else:
        write_text(path, text)
