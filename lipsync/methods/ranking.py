"""Which of the cores that ship is best: a rule over the project's own table of scores.

The table, ``assets/models/scores.csv``, has one line for each core and one for a still frame, measured on
people whom no core saw, mouth region: ``python -m eval core --data DATA --split val --method NAME --out
RESULTS``. ``lipcorr_own`` and ``lipcorr_other`` are the correlation of the drawn mouth's opening with the
mouth in the video, under the person's own speech and under another's; ``lmd`` is in pixels of a face of 256,
``psnr`` in dB, ``frames_per_second`` end to end (``python -m tests.benchmarks.cores``). A method may have
such a table of its cores in its own folder, ``lipsync/methods/NAME/scores.csv``.
"""

from __future__ import annotations

import csv
from contextlib import suppress
from pathlib import Path

from lipsync.assets import asset
from lipsync.errors import ConfigError

SCORES = asset("models", "scores.csv")
STILL = "still frame"  # the line of a mouth that does not move
RANKED = ("lipcorr_own", "lipcorr_other", "lmd", "lpips")  # the columns that the rule takes


def ranking(*tables: Path) -> dict[str, float]:
    """The quality of every core of the tables by name, best first.

    Quality is the mean of four shares, each 0 for a mouth that does nothing and 1 for the real video:

    - movement: how far ``lipcorr_own`` is from that of the still frame to 1;
    - independence: 1 less the size of ``lipcorr_other``, because a mouth that goes on saying what the
      video held must not correlate with it;
    - shape: how far ``lmd`` is from that of the still frame to 0;
    - picture: how far ``lpips`` is from that of the still frame to 0.

    All four count alike: a mouth has to move, with this speech and no other, in the right shape, and has to
    look real. They are shares and not ranks, so that a core's quality does not depend on which others are in
    the table. Speed does not count.

    Args:
        tables: each with the line of the still frame; none: ``SCORES`` and those in the methods' folders.

    Raises:
        ConfigError: the table cannot be read, or a figure that the rule takes is missing.
    """
    found: dict[str, float] = {}
    for path in tables or _tables():
        found |= _qualities(_rows(path))
    return dict(sorted(found.items(), key=lambda entry: -entry[1]))


def speeds() -> dict[str, float]:
    """The measured frames per second of the cores by name, of those whose table has them; for comparison.

    Raises:
        ConfigError: a table cannot be read.
    """
    found: dict[str, float] = {}
    for path in _tables():
        for name, line in _lines(path).items():
            with suppress(KeyError, ValueError, TypeError):
                found[name] = float(line["frames_per_second"])
    return found


def _tables() -> tuple[Path, ...]:
    """The project's own table and those in the methods' folders."""
    return SCORES, *sorted(Path(__file__).parent.glob("*/scores.csv"))


def _qualities(rows: dict[str, dict[str, float]]) -> dict[str, float]:
    """The quality of every core of one table by name."""
    still = rows.pop(STILL)
    found = {}
    for name, row in rows.items():
        shares = (
            (row["lipcorr_own"] - still["lipcorr_own"]) / (1 - still["lipcorr_own"]),
            1 - abs(row["lipcorr_other"]),
            1 - row["lmd"] / still["lmd"],
            1 - row["lpips"] / still["lpips"],
        )
        found[name] = sum(shares) / len(shares)
    return found


def _rows(path: Path) -> dict[str, dict[str, float]]:
    """The ranked columns of every line by its name; the still frame may leave ``lipcorr_other`` empty."""
    try:
        lines = _lines(path)
        still = lines[STILL]
        still["lipcorr_other"] = still["lipcorr_other"] or "0"
        return {name: {key: float(line[key]) for key in RANKED} for name, line in lines.items()}
    except (KeyError, ValueError, TypeError) as problem:
        raise ConfigError("ranking.unreadable", path=path, problem=problem) from problem


def _lines(path: Path) -> dict[str, dict[str, str]]:
    """The lines of a table by the name of the method."""
    try:
        with path.open(encoding="utf-8", newline="") as file:
            return {line["method"]: line for line in csv.DictReader(file)}
    except (OSError, KeyError, ValueError) as problem:
        raise ConfigError("ranking.unreadable", path=path, problem=problem) from problem
