"""How far the sound of clips is off their mouths, window by window, as a sync expert sees it."""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import torch

from lipsync.data.augmentation import cut, framing
from lipsync.data.clips import MARGIN, STORED, Clip
from lipsync.data.preparation import records
from lipsync.data.preparation.sources import Video
from lipsync.data.preparation.timing import MAX_OFFSET, Distances, SyncCheck, pooled
from lipsync.experts.sync_expert import SyncExpert, pair_windows

SIZE = 96  # pixels, what sync experts look at


@torch.no_grad()
def shift_distances(
    net: SyncExpert, clip: Clip, device: torch.device, max_offset: int = MAX_OFFSET, lead: int = 0
) -> np.ndarray:
    """(T, 2 * max_offset + 1) distance of each window of five frames to the speech around it.

    Column ``max_offset`` compares with the speech of its own time, later columns with later speech; NaN
    beyond the ends of the clip. Evaluation mode is up to the caller.

    Args:
        lead: frames by which the sound is taken from later on, or earlier, to try what an offset does.
    """
    matrix, _ = framing(STORED, SIZE, MARGIN, None)
    frames = torch.from_numpy(cut(clip.faces, matrix, SIZE)).permute(0, 3, 1, 2).float().to(device) / 255
    face = torch.cat([net.embed_faces(part) for part in pair_windows(frames).split(64)])
    speech = torch.from_numpy(clip.speech(np.arange(len(face)) + lead, net.config.audio)).to(device)
    audio = torch.cat([net.embed_audio(part) for part in speech.split(256)])
    return compare(face, audio, max_offset, lead)


def compare(
    face: torch.Tensor, audio: torch.Tensor, max_offset: int = MAX_OFFSET, lead: int = 0
) -> np.ndarray:
    """:func:`shift_distances` of embeddings (T, D) of the windows and of the speech ``lead`` frames on."""
    found = np.full((len(face), 2 * max_offset + 1), np.nan)
    for column, shift in enumerate(range(-max_offset, max_offset + 1)):
        first = max(0, -shift, -shift - lead)
        last = min(len(face), len(face) - shift, len(face) - shift - lead)
        if first < last:
            apart = (face[first:last] - audio[first + shift : last + shift]).norm(dim=1)
            found[first:last, column] = apart.float().cpu().numpy()
    return found


def distances(rows: np.ndarray) -> Distances:
    """Sums and counts of :func:`shift_distances`."""
    return Distances(np.nansum(rows, axis=0), (~np.isnan(rows)).sum(axis=0))


def measure(video: Video, record: dict[str, Any], out: Path, check: SyncCheck) -> dict[str, Any]:
    """Adds what the expert sees in a video's clips to its record."""
    net = _expert(check.expert)
    clips = [Clip(row["clip"], video.identity, "", out, row["frames"]) for row in record["clips"]]
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    found = pooled(distances(shift_distances(net.to(device), clip, device)) for clip in clips)
    record["sync"] = {"expert": check.sha256, "total": found.total.tolist(), "count": found.count.tolist()}
    records.write(out, video, record)
    return record


@lru_cache(maxsize=1)
def _expert(folder: Path) -> SyncExpert:
    return SyncExpert.from_pretrained(str(folder)).eval().requires_grad_(False)
