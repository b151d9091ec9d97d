"""Makes the examples that the pages open, in ``assets/examples``: ``python -m tests.example_set``.

``set``: the bundled face with both bundled sentences, by four models that ship. The reference is the best of
them, for there is no free recording of a person who says the sentences; the title says so. Scored with every
metric but FID, which means nothing over so few frames, and with the curves of the players.

``marks.csv``: what simulated raters thought of it, whose names say that they are.
"""

from __future__ import annotations

import csv
import json
import shutil
import tempfile
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from eval.batch.rows import Options
from eval.compare.index import CLIPS, INDEX
from eval.compare.names import REFERENCE
from eval.compare.sets import EXAMPLE, Entry, Sets
from eval.compare.table import score_set
from eval.scoring.metrics import METRICS
from eval.study.storage.create import create
from eval.study.storage.csv_import_export import COLUMNS
from eval.study.storage.store import Store
from eval.ui.compare import analysis
from eval.ui.study.example_study import MARKS, example_spec
from lipsync.assets import asset
from lipsync.generate import Request, generate
from lipsync.methods import METHODS

TITLE = "Example (the reference is drawn, too)"
SPEECHES = ("english", "chinese")
# By the names of their files; no word in them is "reference", for the Score page pairs videos by words.
MODELS = {
    "mcsawav2lip": "mcsawav2lip-embedded",
    "lstm-cbam": "lstm-cbam",
    "multireference": "multi-reference",
}
BEST = "visual-dubbing"
RATERS, SEED = 12, 1
BEGAN = datetime(2026, 1, 5, 9, tzinfo=UTC)
# What the simulated raters think of each on average; made up, and of no meaning for the models.
LEVELS = {
    REFERENCE: 4.4,
    **{
        METHODS.get(name).card.title: level
        for name, level in zip(MODELS.values(), (3.0, 2.4, 3.7), strict=True)
    },
}


def main() -> None:
    """Generate, score, analyse, and put the set in place."""
    examples = asset("examples")
    with tempfile.TemporaryDirectory() as temporary:
        work = Path(temporary)
        entries = []
        for speech in SPEECHES:
            for file, model in {REFERENCE: BEST, **MODELS}.items():
                video = work / f"{speech}-{file}.mp4"
                generate(Request(examples / "portrait.mp4", examples / f"{speech}.wav", video, model))
                method = REFERENCE if model == BEST else METHODS.get(model).card.title
                entries.append(Entry(speech, method, video))
        sets = Sets(work)
        id = sets.create(TITLE, entries)
        name_files(sets.folder / id, {(entry.item, entry.method): entry.path.name for entry in entries})
        set_ = sets.open(id)
        score_set(set_, Options(tuple(name for name in METRICS.default() if name != "fid")))
        for item in set_.items:
            lanes = (REFERENCE, *set_.methods)
            analysis.quick(set_, item, lanes, lambda done, total: None)
            analysis.full(set_, item, lanes, lambda done, total: None)
        shutil.rmtree(EXAMPLE, ignore_errors=True)
        shutil.copytree(set_.folder, EXAMPLE)
        write_marks(work)


def write_marks(folder: Path) -> None:
    """Marks of simulated raters: each has a bias of its own, and some noise for each video."""
    store, sets = Store(folder=folder), Sets(folder)
    study = create(store, example_spec(sets))
    rng = np.random.default_rng(SEED)
    lines = []
    clips = store.stimuli(study.id)
    for number in range(RATERS):
        bias, moment = rng.normal(0, 0.4), BEGAN + timedelta(minutes=7 * number)
        for position, place in enumerate(rng.permutation(len(clips))):
            clip = clips.iloc[place]
            for key in ("sync", "quality", "overall"):
                felt = LEVELS[clip["method"]] + bias + rng.normal(0, 0.7)
                values = {
                    "rater": f"simulated{number + 1}", "language": "en", "began": moment, "finished": moment,
                    "trial": f"t{number}x{position}", "position": position, "kind": clip["kind"],
                    "item": clip["item"], "method": clip["method"], "handed": moment, "question": key,
                    "mark": int(np.clip(round(felt), 1, 5)), "time": moment + timedelta(seconds=9),
                    "token": f"simulated-{number}-{position}",
                }  # fmt: skip
                lines.append(values)
            moment += timedelta(seconds=12)
    with MARKS.open("w", newline="", encoding="utf-8") as file:
        table = csv.DictWriter(file, COLUMNS, lineterminator="\n")
        table.writeheader()
        table.writerows(lines)
    store.close()


def name_files(folder: Path, names: Mapping[tuple[str, str], str]) -> None:
    """Give the videos of items and methods names that can be read, for those who look into the folder."""
    index = folder / INDEX
    data = json.loads(index.read_text(encoding="utf-8"))
    for item in data["items"]:
        for method, clip in {**item["clips"], REFERENCE: item["reference"]}.items():
            name = names[item["name"], method]
            (folder / CLIPS / clip["file"]).rename(folder / CLIPS / name)
            clip["file"] = clip["source"] = name
    index.write_text(json.dumps(data, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
