"""``python -m lipsync``: the commands of :mod:`lipsync.cli`."""

from __future__ import annotations

import os
import sys

# PyTorch's threads sleep when they wait, and leave the processor to those that read, blend and write.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

from lipsync.cli import main

if __name__ == "__main__":
    sys.exit(main())
