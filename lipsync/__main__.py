"""``python -m lipsync``: the commands of :mod:`lipsync.cli`."""

from __future__ import annotations

import atexit
import gc
import os
import sys

# PyTorch's threads sleep when they wait, and leave the processor to those that read, blend and write.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
# NumPy's spin instead. Its products here are of small matrices, for which one thread is faster.
os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")

from lipsync.cli import main
from lipsync.nn.memory import bound_memory

bound_memory()
# A process that ends frees all its memory anyway: looking through it for cycles would take most of a second.
atexit.register(gc.freeze)

if __name__ == "__main__":
    sys.exit(main())
