"""The manifest of the README's table: three people × five published methods, each with its real video.

``python -m tests.benchmarks.published --data FOLDER --out videos.csv`` reads the ``manifest.csv`` of a folder
of clips (columns file, id, kind, method, notes, source_path). It takes the generated videos that were made
from a real video with its own sound, which the notes say, and pairs each with the real clip of the same
person from the same source. The table then is one command::

    python -m eval batch --manifest videos.csv --out RESULTS --controls
"""

from __future__ import annotations

import argparse
import csv
from pathlib import Path

SAME = "same audio+video as ground truth"


def manifest(data: Path) -> list[dict[str, str]]:
    """The rows: item, method, generated, reference; sorted by person, methods in the order of the folder."""
    with (data / "manifest.csv").open(newline="", encoding="utf-8") as file:
        clips = list(csv.DictReader(file))
    real = {(clip["id"], clip["source_path"]): clip for clip in clips if clip["kind"] == "real"}
    return [
        {
            "item": clip["id"],
            "method": clip["method"],
            "generated": str((data / clip["file"]).resolve()),
            "reference": str((data / real[clip["id"], clip["source_path"]]["file"]).resolve()),
        }
        for clip in sorted(clips, key=lambda clip: clip["id"])
        if SAME in clip["notes"]
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True, help="folder of clips with their manifest.csv")
    parser.add_argument("--out", type=Path, required=True, help="the manifest to write")
    options = parser.parse_args()
    rows = manifest(options.data)
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["item", "method", "generated", "reference"])
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} videos of {len({row['item'] for row in rows})} people in {options.out}")


if __name__ == "__main__":
    main()
