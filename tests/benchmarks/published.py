"""The manifest of the README's table: three people × five published methods, each with its real video.

``python -m tests.benchmarks.published --data FOLDER --out videos.csv`` reads the ``manifest.csv`` of a folder
of clips (columns file, id, kind, method, notes, source_path). It takes the generated videos that were made
from a real video with its own sound, which the notes say, and pairs each with the real clip of the same
person from the same source. The table then is one command, and a second one puts it into the README::

    python -m eval batch --manifest videos.csv --out RESULTS --controls --metrics psnr ssim lpips ...
    python -m tests.benchmarks.published --results RESULTS --readme README.md
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

from eval.scoring.metrics import TABLE

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


def with_table(readme: str, short: str) -> str:
    """A README with the table of a batch in the place of the one it has.

    Args:
        readme: its text; holds one table of methods, the ``--metrics`` of its command, one list of protocols.
        short: ``table_short.md`` of the batch.

    Raises:
        ValueError: one of these is missing in one of the two, or there twice.
    """
    protocols = re.findall(r"^- `protocol \d+; (.+?)(?: \(own expert\))?;", short, re.MULTILINE)
    by_label = {metric.label: metric.name for metric in TABLE}
    metrics = f"        --metrics {' '.join(by_label[label] for label in protocols)}\n"
    table, lines = r"^\| Method \| videos \|.*\n(?:\|.*\n)+", r"(?:^- `protocol .*\n)+"
    for part in (table, lines, r"^ {8}--metrics .*\n"):
        new = re.findall(part, short, re.MULTILINE) if part in (table, lines) else [metrics]
        places = re.findall(part, readme, re.MULTILINE)
        if (len(new), len(places)) != (1, 1):
            raise ValueError(f"{part}: {len(new)} in the batch, {len(places)} in the README")
        readme = readme.replace(places[0], new[0])
    return readme


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of clips with their manifest.csv")
    parser.add_argument("--out", type=Path, help="the manifest to write")
    parser.add_argument("--results", type=Path, help="folder of a finished batch")
    parser.add_argument("--readme", type=Path, help="the file that gets its table")
    options = parser.parse_args()
    if options.results and options.readme:
        short = (options.results / "table_short.md").read_text(encoding="utf-8")
        options.readme.write_text(with_table(options.readme.read_text("utf-8"), short), encoding="utf-8")
        return
    if not (options.data and options.out):
        parser.error("give --data and --out, or --results and --readme")
    rows = manifest(options.data)
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["item", "method", "generated", "reference"])
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} videos of {len({row['item'] for row in rows})} people in {options.out}")


if __name__ == "__main__":
    main()
