"""The manifest of a batch: a CSV with one line per video to score."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from eval.scoring.controls import Control
from lipsync.data.face_speech_pairs import files_of_row, read_rows
from lipsync.errors import ConfigError

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
    found: dict[tuple[str, str], ManifestRow] = {}
    for number, row in read_rows(path, COLUMNS[:3], filled=COLUMNS[:3]):
        key = row["item"], row["method"]
        if key in found:
            raise ConfigError("manifest.two_rows", path=path.name, item=key[0], method=key[1])
        generated, reference, image, speaker = files_of_row(path, number, row, COLUMNS[2:])
        assert generated is not None
        found[key] = ManifestRow(*key, generated, reference, image, speaker=speaker)
    return list(found.values())


def with_controls(rows: Sequence[ManifestRow], controls: Sequence[Control]) -> list[ManifestRow]:
    """The controls of every item that has a reference, followed by the rows themselves.

    The other audio of an item is that of the next item; with one item there is none.

    Raises:
        ConfigError: a method is called as a control.
    """
    names = {control.name for control in controls}
    taken = next((row.method for row in rows if row.method in names), None)
    if taken is not None:
        raise ConfigError("manifest.control_name", method=taken)
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
