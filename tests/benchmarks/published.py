"""The manifest of the table in docs/score.md: three people × five methods, each with its real video.

``python -m tests.benchmarks.published --data FOLDER --out videos.csv`` reads the ``manifest.csv`` of a folder
of clips (columns file, id, kind, method, notes, source_path). It takes the generated videos that were made
from a real video with its own sound, which the notes say, and pairs each with the real clip of the same
person from the same source. The table then is one command, and a second one puts it into the document::

    python -m eval batch --manifest videos.csv --out RESULTS --controls --metrics psnr ssim lpips ...
    python -m tests.benchmarks.published --results RESULTS --document docs/score.md

``--bench FOLDER`` makes of the same videos what ``lipsync-eval bench`` takes: ``items.csv`` and, of links, a
folder for each method.
"""

from __future__ import annotations

import argparse
import csv
import re
from pathlib import Path

from eval.scoring.metrics import METRICS

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


def write_bench_folders(rows: list[dict[str, str]], folder: Path) -> list[str]:
    """``items.csv`` of the real videos and ``METHOD/ITEM.mp4``, links; gives the methods."""
    folder.mkdir(parents=True, exist_ok=True)
    real = {row["item"]: row["reference"] for row in rows}
    with (folder / "items.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerows([("item", "face"), *real.items()])
    for row in rows:
        link = folder / row["method"] / f"{row['item']}.mp4"
        link.parent.mkdir(exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(row["generated"])
    return list(dict.fromkeys(row["method"] for row in rows))


def with_table(document: str, short: str) -> str:
    """A document with the table of a batch in the place of the one it has.

    Args:
        document: its text; holds one table of methods, the ``--metrics`` of its command, one list of
            protocols.
        short: ``table_short.md`` of the batch.

    Raises:
        ValueError: one of these is missing in one of the two, or there twice.
    """
    protocols = re.findall(r"^- `protocol \d+; (.+?)(?: \(own expert\))?;", short, re.MULTILINE)
    by_label = {metric.label: metric.name for metric in METRICS.all()}
    metrics = f"    --metrics {' '.join(by_label[label] for label in protocols)}\n"
    table, lines = r"^\| Method \| videos \|.*\n(?:\|.*\n)+", r"(?:^- `protocol .*\n)+"
    for part in (table, lines, r"^ {4}--metrics .*\n"):
        new = re.findall(part, short, re.MULTILINE) if part in (table, lines) else [metrics]
        places = re.findall(part, document, re.MULTILINE)
        if (len(new), len(places)) != (1, 1):
            raise ValueError(f"{part}: {len(new)} in the batch, {len(places)} in the document")
        document = document.replace(places[0], new[0])
    return document


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="folder of clips with their manifest.csv")
    parser.add_argument("--out", type=Path, help="the manifest to write")
    parser.add_argument("--bench", type=Path, help="the folder to fill for lipsync-eval bench")
    parser.add_argument("--results", type=Path, help="folder of a finished batch")
    parser.add_argument("--document", "--readme", type=Path, help="the file that gets its table")
    options = parser.parse_args()
    if options.results and options.document:
        short = (options.results / "table_short.md").read_text(encoding="utf-8")
        options.document.write_text(with_table(options.document.read_text("utf-8"), short), encoding="utf-8")
        return
    if not (options.data and (options.out or options.bench)):
        parser.error("give --data with --out or --bench, or --results and --document")
    rows = manifest(options.data)
    if options.bench:
        methods = write_bench_folders(rows, options.bench)
        print("\n".join(f"{method}={options.bench / method}" for method in methods))
        return
    with options.out.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, ["item", "method", "generated", "reference"])
        writer.writeheader()
        writer.writerows(rows)
    print(f"{len(rows)} videos of {len({row['item'] for row in rows})} people in {options.out}")


if __name__ == "__main__":
    main()
