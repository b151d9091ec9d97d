"""Studies made up with known truth: marks as honest raters and random clickers would give them."""

from __future__ import annotations

import numpy as np
import pandas as pd

QUESTIONS = ("sync", "quality", "overall")


def study(
    rng: np.random.Generator,
    honest: int = 24,
    clickers: int = 0,
    items: int = 6,
    methods: int = 4,
    share: float = 1.0,
    catch: int = 0,
    spread: float = 0.6,
    slip: float = 0.02,
) -> pd.DataFrame:
    """Marks as `Store.ratings` gives them.

    Raters have a bias (sd 0.5) and their own noise (median sd 0.7), and slip on a clip with probability
    ``slip``; clickers, named ``c0`` on, choose at random and as fast as everybody. Methods differ by
    ``spread``; the reference is about 4.5.
    """
    names = [f"m{number}" for number in range(methods)]
    level = {name: 3 + rng.normal(0, spread) for name in names} | {"real": 4.5}
    clips = [(f"i{item}", name) for item in range(items) for name in level]
    quality = {clip: level[clip[1]] + rng.normal(0, 0.5) for clip in clips}
    rows = []
    for number in range(honest + clickers):
        clicker = number >= honest
        rater = f"c{number - honest}" if clicker else f"r{number}"
        bias, noise, speed = rng.normal(0, 0.5), 0.7 * rng.lognormal(0, 0.25), rng.lognormal(0, 0.4)
        seen = rng.permutation(len(clips))[: round(share * len(clips))]
        for item, name in (clips[place] for place in seen):
            seconds = 5 + 6 * speed * rng.lognormal(0, 0.3)
            kind = "reference" if name == "real" else "rated"
            random = clicker or rng.random() < slip
            for question in QUESTIONS:
                felt = quality[item, name] + bias + rng.normal(0, noise)
                mark = rng.integers(1, 6) if random else np.clip(round(felt), 1, 5)
                rows.append((rater, f"{item}{name}", kind, item, name, question, int(mark), None, seconds))
        for clip in range(catch):
            slipped = rng.random() < slip
            for question in QUESTIONS:
                mark = int(rng.integers(1, 6)) if clicker or slipped else 2
                rows.append((rater, f"c{clip}", "catch", f"c{clip}", "catch", question, mark, mark == 2, 9.0))
    columns = ["rater", "stimulus", "kind", "item", "method", "question", "mark", "passed", "seconds"]
    frame = pd.DataFrame(rows, columns=columns)
    frame["clip_seconds"] = 5.0
    frame["time"] = pd.to_datetime(np.arange(len(frame)), unit="s", utc=True)
    return frame


def table(rows: list[tuple[str, str, str, int]], question: str = "sync", **more: object) -> pd.DataFrame:
    """Marks of (rater, item, method, mark); the method "real" is the hidden reference."""
    frame = pd.DataFrame(rows, columns=["rater", "item", "method", "mark"])
    frame["stimulus"] = frame["item"] + frame["method"]
    frame["kind"] = np.where(frame["method"] == "real", "reference", "rated")
    frame["question"], frame["passed"], frame["seconds"] = question, None, 8.0
    frame["time"] = pd.to_datetime(np.arange(len(frame)), unit="s", utc=True)
    return frame.assign(**more)  # type: ignore[arg-type]
