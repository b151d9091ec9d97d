"""``python -m eval``: the commands of :mod:`eval.cli`."""

from __future__ import annotations

import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see lipsync.__main__

from eval.cli import main

if __name__ == "__main__":
    sys.exit(main())
