"""``python -m tests.benchmarks.sync_check --data PREPARED``: what the sync check of ``prepare`` does.

On clips of people whom the expert never saw: the share of clips in sync that is kept, of clips whose
sound was moved on purpose that is put right, and of clips with another person's speech that is left
out; for whole clips, and for pieces of three seconds.
"""

from __future__ import annotations

import argparse
from collections import Counter
from dataclasses import replace
from pathlib import Path

import torch

from lipsync.data.clips import Clip, load_clips
from lipsync.data.preparation.offsets import distances, shift_distances
from lipsync.data.preparation.timing import EMBEDDED, Trust
from lipsync.experts.sync_expert import SyncExpert

LEADS = (-10, -7, -5, -3, 3, 5, 7, 10)  # frames
CPU = torch.device("cpu")


def unseen(folder: Path, split: str, learnt: list[str]) -> list[Clip]:
    """Clips of a split without people who are in a split that was learnt from too."""
    known = {clip.identity for clip in load_clips(folder, tuple(learnt))}
    return [clip for clip in load_clips(folder, (split,)) if clip.identity not in known]


def swapped(clip: Clip, other: Clip) -> Clip:
    """The picture of one clip with the sound of another, as long as both last."""
    frames = min(len(clip), len(other))
    made = replace(clip, frames=frames)
    made.__dict__.update(faces=clip.faces[:frames], landmarks=clip.landmarks[:frames], mel=other.mel)
    return made


def outcome(net: SyncExpert, clip: Clip, lead: int, trust: Trust, frames: int) -> list[str]:
    """What becomes of each piece: rejected, right to a frame, or wrong, with the frames it ends up off."""
    rows = shift_distances(net, clip, CPU, lead=lead)
    said = []
    for start in range(0, max(1, len(rows) - frames + 1), frames):
        piece = rows[start : start + frames]
        shift = distances(piece).shift()
        fate = "reject" if shift is None else shift.fate(trust)
        if shift is None or fate == "reject":
            said.append("rejected")
        else:
            moved = shift.frames if fate == "move" else 0
            off = abs(moved + lead)
            said.append("right" if off <= 1 else f"{off} frames off")
    return said


def share(counts: Counter[str]) -> str:
    total = sum(counts.values())
    names = sorted(counts, key=lambda name: (name != "right", name))
    return ", ".join(f"{name} {counts[name] / total:.0%}" for name in names) + f" of {total}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder that `prepare` wrote")
    parser.add_argument("--split", default="val")
    parser.add_argument("--trained-on", nargs="*", default=["train", "extra"], metavar="SPLIT")
    parser.add_argument("--without", nargs="*", default=[], metavar="ID", help="people to leave out")
    parser.add_argument("--expert", type=Path, default=EMBEDDED)
    parser.add_argument("--trust", type=float, nargs=2, metavar=("KEEP", "MOVE"))
    options = parser.parse_args()
    torch.set_num_threads(1)
    trust = Trust(*options.trust) if options.trust else Trust()
    clips = unseen(options.data, options.split, options.trained_on)
    clips = [clip for clip in clips if clip.identity not in options.without]
    net = SyncExpert.from_pretrained(str(options.expert)).eval()
    print(f"{len(clips)} clips of {len({c.identity for c in clips})} people, {trust}")
    for name, frames in (("whole clips", 100_000), ("pieces of 3 s", 75)):
        own = Counter(word for clip in clips for word in outcome(net, clip, 0, trust, frames))
        late = Counter(
            word for clip in clips for lead in LEADS for word in outcome(net, clip, lead, trust, frames)
        )
        pairs = [swapped(a, b) for a in clips for b in clips if a.identity != b.identity]
        other = Counter(word for clip in pairs for word in outcome(net, clip, 0, trust, frames))
        print(name)
        print("  in sync:", share(own))
        print("  sound moved on purpose by 3 to 10 frames:", share(late))
        rejected, total = other["rejected"], sum(other.values())
        print(f"  another person's speech: rejected {rejected / total:.0%} of {total}")


if __name__ == "__main__":
    main()
