"""Where the portal keeps what must outlive a request: comparison sets and studies."""

import os
from pathlib import Path


def data_folder() -> Path:
    """The folder of comparison sets and studies, made if missing.

    ``LIPSYNC_DATA`` names it; without that it is ``lipsync`` in the user's data folder
    (``XDG_DATA_HOME``, by default ``~/.local/share``).
    """
    named = os.environ.get("LIPSYNC_DATA")
    if named:
        folder = Path(named)
    else:
        folder = Path(os.environ.get("XDG_DATA_HOME") or Path.home() / ".local" / "share") / "lipsync"
    folder.mkdir(parents=True, exist_ok=True)
    return folder.resolve()
