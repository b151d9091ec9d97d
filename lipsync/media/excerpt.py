"""A few frames out of the middle of a video, without decoding all before them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from lipsync.errors import MediaError
from lipsync.media.frames import converter
from lipsync.media.source import decode, open_media, stamp


def read_excerpt(path: str | Path, fps: float, first: int, count: int) -> np.ndarray:
    """(count, H, W, 3) uint8 RGB, frames ``first`` to ``first + count - 1``; the same as `read_frames` gives.

    For videos of a constant rate whose first frame is at 0, as ``VideoWriter`` writes them. Decoding
    begins at the key frame before ``first``.

    Raises:
        MediaError: not a readable video, or it ends before.
    """
    with open_media(path) as container:
        stream = container.streams.video[0]
        stream.codec_context.thread_count = 1  # for so few frames threads cost more than they bring
        convert = converter(container)
        assert stream.time_base is not None
        container.seek(int(first / fps / stream.time_base), stream=stream)
        found = []
        for frame in decode(container, stream):
            index = round((stamp(container, frame) or 0.0) * fps)
            if index >= first:
                found.append(convert(frame))
            if len(found) == count:
                return np.stack(found)
    raise MediaError("media.ends_before", path=Path(path).name, frame=first + count - 1)
