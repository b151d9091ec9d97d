"""How well loose videos are grouped by face: ``python -m tests.benchmarks.people PREPARED``.

Takes every video of a prepared folder as one that lies in no subfolder, and compares the groups that
``prepare`` would make of them with the people whom its manifest names.
"""

import argparse
from pathlib import Path

import numpy as np
import pandas as pd

from lipsync.data.preparation.people import embedding, grouped
from lipsync.data.preparation.sources import Video
from lipsync.weights import hub


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("prepared", type=Path, help="folder that `prepare` wrote with a manifest")
    parser.add_argument("--splits", nargs="+", default=["train"], help="default: %(default)s")
    options = parser.parse_args()
    manifest = pd.read_csv(options.prepared / "manifest.csv", dtype={"identity": str})
    manifest = manifest[manifest["split"].isin(options.splits)]
    recogniser = hub.fetch("sface")
    videos, faces, people = [], {}, []
    for source, rows in manifest.groupby("source"):
        name = str(source).replace("/", "-")
        videos.append(Video(Path(name), name, name))
        faces[name] = embedding(rows.to_dict("records"), options.prepared, recogniser)
        people.append(rows["identity"].iloc[0])
    groups = np.array([video.identity for video in grouped(videos, faces)])
    known = np.array(people)
    apart = sum(len(set(groups[known == person])) > 1 for person in set(people))
    mixed = sum(len(set(known[groups == group])) > 1 for group in set(groups))
    print(
        f"{len(videos)} videos of {len(set(people))} people: {len(set(groups))} groups, {apart} people in "
        f"more than one, {mixed} groups of more than one person"
    )


if __name__ == "__main__":
    main()
