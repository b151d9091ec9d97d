"""The manifest of a batch: a CSV with one line per video to score."""

from __future__ import annotations

import csv
import os
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.scoring.controls import Control
from lipsync.errors import ConfigError

LONGEST = 255  # bytes of a name, which file systems take
COLUMNS = ("item", "method", "generated", "reference", "reference_image", "speaker")


@dataclass(frozen=True)
class ManifestRow:
    """One video to score.

    Attributes:
        item: which clip; the same name joins methods on the same clip.
        method: who made it.
        generated, reference, reference_image: files; the last two may be None.
        speaker: video of the person who said the driving speech, where it is somebody else's; or None.
        control: what is done to the real video where this is a control and no method.
        metrics: names of `eval.scoring.metrics`, where this row needs fewer than the batch; None: all.
    """

    item: str
    method: str
    generated: Path
    reference: Path | None = None
    reference_image: Path | None = None
    control: Control | None = None
    metrics: tuple[str, ...] | None = None
    speaker: Path | None = None

    def absolute(self) -> ManifestRow:
        """The same, wherever the process that scores it is."""
        return replace(
            self,
            generated=self.generated.absolute(),
            reference=self.reference and self.reference.absolute(),
            reference_image=self.reference_image and self.reference_image.absolute(),
            speaker=self.speaker and self.speaker.absolute(),
            control=self.control and self.control.absolute(),
        )


def read_manifest(path: Path) -> list[ManifestRow]:
    """The rows of a manifest; paths in it are relative to its folder.

    Raises:
        ConfigError: it cannot be read, lacks a column or a value, or names a video twice.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            names = [name.strip() for name in reader.fieldnames or ()]
            lines = list(reader)
    except (OSError, UnicodeDecodeError, csv.Error) as problem:
        raise ConfigError("manifest.not_csv", path=path, problem=problem) from problem
    lacking = [name for name in COLUMNS[:3] if name not in names]
    if lacking:
        raise ConfigError(
            "manifest.lacks_column", path=path.name, column=lacking[0], columns=", ".join(COLUMNS)
        )
    rows = [_row(path, number, line) for number, line in enumerate(lines, start=2)]
    seen: set[tuple[str, str]] = set()
    for row in rows:
        if (row.item, row.method) in seen:
            raise ConfigError("manifest.two_rows", path=path.name, item=row.item, method=row.method)
        seen.add((row.item, row.method))
    if not rows:
        raise ConfigError("manifest.no_video", path=path.name)
    return rows


def with_controls(rows: Sequence[ManifestRow], controls: Sequence[Control]) -> list[ManifestRow]:
    """The controls of every item that has a reference, followed by the rows themselves.

    The other audio of an item is that of the next item; with one item there is none.
    """
    real: dict[str, Path] = {}
    for row in rows:
        if row.reference is not None:
            real.setdefault(row.item, row.reference)
    items = list(real)
    added = []
    for control in controls:
        for number, item in enumerate(items):
            other = real[items[(number + 1) % len(items)]]
            if control.other_audio:
                if other == real[item]:
                    continue
                control = control.with_audio(other)
            added.append(ManifestRow(item, control.name, real[item], real[item], control=control))
    return [*added, *rows]


def _row(path: Path, number: int, line: dict[str, str | None]) -> ManifestRow:
    values = {
        (key or "").strip(): (value or "").strip() for key, value in line.items() if isinstance(key, str)
    }
    for name in COLUMNS[:3]:
        if not values.get(name):
            raise ConfigError("manifest.empty_cell", path=path.name, number=number, column=name)
    for name in COLUMNS[2:]:
        if any(len(os.fsencode(part)) > LONGEST or "\0" in part for part in Path(values.get(name, "")).parts):
            raise ConfigError("manifest.no_file_name", path=path.name, number=number, column=name)
    generated, reference, image, speaker = (
        path.parent / values[name] if values.get(name) else None for name in COLUMNS[2:]
    )
    assert generated is not None
    return ManifestRow(values["item"], values["method"], generated, reference, image, speaker=speaker)
