"""Speech features kept on disk: a large encoder encodes a recording once."""

from __future__ import annotations

import hashlib
import os
import tempfile
from contextlib import suppress
from pathlib import Path

import numpy as np

from lipsync.audio.encoders.base import SpeechEncoder
from lipsync.media import read_audio
from lipsync.weights import hub

LIMIT = 2_000_000_000  # bytes in the folder; an hour of Whisper base is 370 MB


class Cached:
    """A ``SpeechEncoder`` whose results are stored under the hash of the samples.

    Args:
        encoder: encodes what is not stored yet.
        folder: of the kept features; None: ``speech`` in the cache folder of downloads.
        limit: bytes kept; what was used longest ago goes first.
    """

    def __init__(self, encoder: SpeechEncoder, folder: Path | None = None, limit: int = LIMIT) -> None:
        self._encoder, self._limit = encoder, limit
        self._folder = folder or hub.cache_folder() / "speech"
        self.name, self.version = encoder.name, encoder.version
        self.rate, self.lookahead = encoder.rate, encoder.lookahead

    @property
    def dimension(self) -> int:
        """See ``SpeechEncoder.dimension``."""
        return self._encoder.dimension

    def encode(self, samples: np.ndarray) -> np.ndarray:
        """See ``SpeechEncoder.encode``."""
        content = np.ascontiguousarray(samples, np.float32)
        return self._cached(hashlib.sha256(content.data), lambda: content)

    def encode_file(self, path: Path) -> np.ndarray:
        """(L, D) float32 features of a file's sound, by its content: it is decoded only when unknown.

        Raises:
            MediaError: not readable, or without sound.
        """
        known = hashlib.sha256(b"file")
        with suppress(OSError), Path(path).open("rb") as file:  # its reader reports what is wrong with it
            known = hashlib.file_digest(file, lambda: hashlib.sha256(b"file"))
        return self._cached(known, lambda: read_audio(path))

    def _cached(self, digest, samples) -> np.ndarray:
        digest.update(f"{self.name} {self.version}".encode())
        path = self._folder / f"{digest.hexdigest()}.npy"
        with suppress(OSError, ValueError, EOFError):  # not there, or damaged: encoded again
            features = np.load(path, allow_pickle=False)
            os.utime(path)
            return features
        features = self._encoder.encode(samples())
        with suppress(OSError):  # a disk that is full or read-only costs time, not the result
            self._write(path, features)
            self._shrink()
        return features

    def _write(self, path: Path, features: np.ndarray) -> None:
        """Under its name only when it is whole: others may read at the same time."""
        self._folder.mkdir(parents=True, exist_ok=True)
        handle, part = tempfile.mkstemp(dir=self._folder, suffix=".part")
        try:
            with os.fdopen(handle, "wb") as file:
                np.save(file, features)
            os.replace(part, path)
        except BaseException:
            Path(part).unlink(missing_ok=True)
            raise

    def _shrink(self) -> None:
        stats = []
        for path in self._folder.glob("*.npy"):
            with suppress(OSError):  # another process was faster
                stats.append((path.stat().st_mtime_ns, path.stat().st_size, path))
        over = sum(size for _, size, _ in stats) - self._limit
        for _, size, path in sorted(stats):
            if over <= 0:
                break
            path.unlink(missing_ok=True)
            over -= size
