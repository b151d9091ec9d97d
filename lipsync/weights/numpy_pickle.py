"""Pickles that hold nothing but numpy arrays, read without running what a pickle may contain."""

from __future__ import annotations

import hashlib
import io
import pickle
from pathlib import Path
from typing import Any

from lipsync.errors import ArtefactError

# What pickle needs to rebuild an array, under the names of numpy 1 and of numpy 2.
_ALLOWED = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    ("numpy.core.multiarray", "_reconstruct"),
    ("numpy._core.multiarray", "_reconstruct"),
}


class _ArraysOnly(pickle.Unpickler):
    def find_class(self, module: str, name: str) -> Any:
        if (module, name) not in _ALLOWED:
            raise pickle.UnpicklingError(f"it asks for {module}.{name}")
        # numpy 1's name only warns in numpy 2, but will go.
        return super().find_class(module.replace("numpy.core", "numpy._core"), name)


def load_arrays(path: Path, sha256: str) -> Any:
    """Nested dicts and lists of numpy arrays from a pickle.

    Args:
        path: the file.
        sha256: hex digest the file must have; it is compared before a byte is unpickled.

    Raises:
        ArtefactError: if the file is missing, is not the expected one, or holds anything else.
    """
    try:
        data = Path(path).read_bytes()
    except OSError as error:
        raise ArtefactError("numpy_pickle.unreadable", path=path, problem=error.strerror) from error
    if hashlib.sha256(data).hexdigest() != sha256:
        raise ArtefactError("numpy_pickle.other_file", path=path)
    try:
        return _ArraysOnly(io.BytesIO(data)).load()
    except Exception as error:  # a broken pickle can raise nearly anything
        raise ArtefactError("numpy_pickle.not_arrays", path=path, problem=error) from error
