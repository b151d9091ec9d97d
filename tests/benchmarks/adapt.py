"""``python -m tests.benchmarks.adapt``: what learning one person gains on speech that was not learned.

Each clip is cut into halves. A core is adapted on the first one; it and the core that it came from then
redraw the second one, by its own speech and by that of the next clip's person. Prints the mouth's LPIPS, the
correlation of the opening with the real one by its own speech (LipCorr at lag 0) and by other speech (leak).
"""

from __future__ import annotations

import argparse
import json
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import soundfile

from eval.batch.batch_manifest import ManifestRow
from eval.batch.rows import Options, run
from lipsync.adapt import AdaptRequest, adapt
from lipsync.generate import Request, generate
from lipsync.media import VideoWriter, WriterOptions, probe, read_audio, read_frames

METRICS = ("lipcorr", "lpips")
RATE = 16_000


def halves(clip: Path, out: Path) -> tuple[Path, Path]:
    """The first and the second half of a video, with its sound, nearly without loss."""
    info = probe(clip)
    frames, sound = list(read_frames(clip)), read_audio(clip, RATE)
    middle = len(frames) // 2
    parts = []
    for name, first, last in (("a", 0, middle), ("b", middle, len(frames))):
        wav, path = out / f"{clip.stem}-{name}.wav", out / f"{clip.stem}-{name}.mp4"
        soundfile.write(wav, sound[round(first / info.fps * RATE) : round(last / info.fps * RATE)], RATE)
        with VideoWriter(
            path, info.width, info.height, info.fps, audio=wav, options=WriterOptions(crf=10)
        ) as writer:
            for frame in frames[first:last]:
                writer.write(frame.image)
        parts.append(path)
    return parts[0], parts[1]


def measure(clips: list[Path], method: str, minutes: float, steps: int, out: Path) -> list[list[object]]:
    """Rows of the table, as printed; what is in ``out`` already is not made again."""
    cut = {clip.stem: halves(clip, out) for clip in clips}
    names, rows, facts = list(cut), [], {}
    for index, name in enumerate(names):
        first, second = cut[name]
        core = out / f"{name}-core"
        if not core.is_dir():
            made = adapt(AdaptRequest(first, core, method, None, minutes, steps))
            print(f"{name}: {made.summary}", file=sys.stderr, flush=True)
        facts[name] = json.loads((core / "adapt.json").read_text(encoding="utf-8"))
        speeches = {"own": second, "other": cut[names[(index + 1) % len(names)]][1]}
        for kind, checkpoint in (("before", None), ("after", core)):
            for which, speech in speeches.items():
                video = out / f"{name} {kind} {which}.mp4"
                if not video.is_file():
                    request = Request(
                        second, speech, video, method=facts[name]["method"], checkpoint=checkpoint,
                        length="video", label=False,
                    )  # fmt: skip
                    generate(request)
                rows.append(
                    ManifestRow(item=name, method=f"{kind} {which}", generated=video, reference=second)
                )
    found = run(rows, Options(metrics=METRICS, region="mouth"), out / "scores")
    scores = {(row["item"], row["method"]): row for row in found}
    table: list[list[object]] = []
    for name in names:
        for kind in ("before", "after"):
            own, other = (scores[name, f"{kind} {which}"]["scores"]["scores"] for which in ("own", "other"))
            step = facts[name]["best_step"] if kind == "after" else 0
            values = (own["lpips"]["value"], at_zero(own), other["lpips"]["value"], at_zero(other))
            table.append([name, kind, step, *values])
    for kind in ("before", "after"):
        columns = zip(*(row[3:] for row in table if row[1] == kind), strict=True)
        table.append(["**mean**", kind, "", *(sum(column) / len(names) for column in columns)])  # type: ignore
    return table


def at_zero(scores: dict[str, Any]) -> float:
    """The correlation of the opening without a shift."""
    by_lag = scores["lipcorr"]["detail"]["by_lag"]
    return float(by_lag[len(by_lag) // 2])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--data", type=Path, required=True, help="folder in which the clips lie")
    parser.add_argument(
        "--clips", nargs="+", required=True, metavar="FILE", help="two or more, relative to that folder"
    )
    parser.add_argument("--method", default="auto")
    parser.add_argument("--minutes", type=float, default=2.0, help="of learning (default: 2)")
    parser.add_argument("--steps", type=int, default=0, help="at most; for a machine that is busy")
    parser.add_argument("--out", type=Path, help="folder to keep halves, cores and videos in")
    options = parser.parse_args()
    with TemporaryDirectory() as temporary:
        out = options.out or Path(temporary)
        out.mkdir(parents=True, exist_ok=True)
        clips = [options.data / clip for clip in options.clips]
        rows = measure(clips, options.method, options.minutes, options.steps, out)
    print("| clip | core | step | mouth LPIPS, own speech | LipCorr | mouth LPIPS, other speech | leak |")
    print("| --- | --- | ---: | ---: | ---: | ---: | ---: |")
    for row in rows:
        print("| " + " | ".join(f"{x:.3f}" if isinstance(x, float) else str(x) for x in row) + " |")


if __name__ == "__main__":
    main()
