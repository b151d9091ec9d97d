"""``python -m eval``: the commands of :mod:`eval.cli`."""

from __future__ import annotations

import atexit
import gc
import os
import sys

os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")  # see lipsync.__main__
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from eval.cli import main
from lipsync.nn.memory import bound_memory

bound_memory()
# A process that ends frees all its memory anyway: looking through it for cycles would take most of a second.
atexit.register(gc.freeze)

if __name__ == "__main__":
    sys.exit(main())
