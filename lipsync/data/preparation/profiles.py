"""The data sets of the papers: how they lie on disk, who is in them. The words are in profiles.toml."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path

from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.sources import Video, by_folder, files
from lipsync.errors import ConfigError
from lipsync.registry import Registry

GRID_UNSEEN = ("s1", "s2", "s20", "s22")  # speakers that lip-reading papers test on (LipNet, 2016)


@dataclass(frozen=True)
class Profile:
    """One data set.

    Attributes:
        name, title: on the command line, and in full.
        find: its videos under the folder that ``--videos`` names.
        layout: the tree that is expected.
        splits: where they come from.
        people: how well it is known who speaks.
        licence, access: what may be done with it, and where to ask.
        limits: what is dropped, where it differs from the usual.
        split_by: "official" takes the data set's splits, "people" draws over people.
    """

    name: str
    title: str
    find: Callable[[Path], list[Video]]
    layout: str
    splits: str
    people: str
    licence: str
    access: str
    limits: Limits
    split_by: str

    def about(self) -> str:
        """All of it as text, for ``prepare --help-profile``."""
        limits, usual = self.limits, Limits()
        changed = [
            f"{field.replace('_', ' ')} {getattr(limits, field):g}"
            for field in ("min_face", "max_yaw", "min_seconds", "max_seconds", "min_sharpness")
            if getattr(limits, field) != getattr(usual, field)
        ]
        lines = [
            self.title, "", "Folder for --videos:", _indent(self.layout), "",
            f"Splits (--split-by {self.split_by} unless told otherwise):", _indent(self.splits), "",
            "People:", _indent(self.people), "", "Licence:", _indent(self.licence), "",
            "Access:", _indent(self.access),
        ]  # fmt: skip
        if changed:
            lines += ["", "Limits of its own: " + ", ".join(changed)]
        return "\n".join(lines)


def find_lrs2(folder: Path) -> list[Video]:
    """Videos of ``main/`` and ``pretrain/`` that the official lists name and the disk holds."""
    root = below(folder, "mvlrs_v1", "main")
    videos: dict[str, Video] = {}
    for split in ("train", "val", "test", "pretrain"):
        part = "pretrain" if split == "pretrain" else "main"
        for name in _names(root / f"{split}.txt", needed=split in ("train", "val")):
            inside = f"{part}/{name.removeprefix(f'{part}/')}.mp4"
            programme = inside.split("/")[1]
            # One programme is one broadcast: its people are not known apart, its offset is one.
            videos.setdefault(inside, Video(root / inside, inside, programme, split, recording=programme))
    return _present(videos.values(), root)


def find_lrw(folder: Path) -> list[Video]:
    """``WORD/SPLIT/WORD_00001.mp4``."""
    root = folder / "lipread_mp4" if (folder / "lipread_mp4").is_dir() else folder
    found = []
    for path in files(root):
        inside = path.relative_to(root)
        if len(inside.parts) == 3 and inside.parts[1] in ("train", "val", "test"):
            found.append(Video(path, inside.as_posix(), path.stem, inside.parts[1]))
    return _some(found, root, "WORD/train/WORD_00001.mp4")


def find_cmlr(folder: Path) -> list[Video]:
    """``video/s1/DATE/section_1.mp4``, the sound in it, beside it or under ``audio/``; splits from CSV lists.

    Where there are lists, what they do not name is left out.
    """
    root = below(folder, "CMLR", "video")
    splits = {
        _cmlr_key(name): split
        for split in ("train", "val", "test")
        for name in _names(root / f"{split}.csv", needed=False)
    }
    found = []
    for path in files(root / "video"):
        inside = path.relative_to(root / "video")
        if not re.fullmatch(r"s\d+", inside.parts[0]):
            continue
        split = splits.get(_cmlr_key(inside.as_posix()))
        if split is not None or not splits:
            sound = _beside(path, root / "audio" / inside)
            day = "/".join(inside.parts[:2])
            found.append(Video(path, inside.as_posix(), inside.parts[0], split or "", sound, day))
    return _some(found, root, "video/s1/20170121/section_1_000.80_003.57.mp4, named in train.csv")


def find_voxceleb(folder: Path) -> list[Video]:
    """``dev/mp4/id00012/VIDEO/00001.mp4``; VoxCeleb2 keeps the sound in ``aac/`` as .m4a."""
    found = []
    for path in files(folder):
        inside = path.relative_to(folder)
        at = next((i for i, part in enumerate(inside.parts) if re.fullmatch(r"id\d{5}", part)), None)
        if at is None or len(inside.parts) != at + 3:
            continue
        identity, recording = inside.parts[at : at + 2]
        other = Path(*("aac" if part == "mp4" else part for part in inside.parts))
        split = "test" if "test" in inside.parts[:at] else ""
        sound = _beside(path, folder / other)
        found.append(Video(path, inside.as_posix(), identity, split, sound, f"{identity}/{recording}"))
    return _some(found, folder, "dev/mp4/id00012/21Uxsk56VDQ/00001.mp4")


def find_grid(folder: Path) -> list[Video]:
    """Videos under a folder ``s1`` to ``s34``, however deep (``s1/*.mpg``, ``s1/video/mpg_6000/*.mpg``)."""
    found = []
    for path in files(folder):
        inside = path.relative_to(folder)
        names = [m for part in inside.parts[:-1] if (m := re.fullmatch(r"(s\d{1,2})(\..*)?", part))]
        if names:
            speaker = names[0][1]
            split = "test" if speaker in GRID_UNSEEN else ""
            found.append(Video(path, inside.as_posix(), speaker, split, _beside(path), speaker))
    return _some(found, folder, "s1/bbaf2n.mpg")


def below(folder: Path, name: str, sign: str) -> Path:
    """``folder``, or ``folder/name`` where that is the one that holds ``sign``.

    Raises:
        ConfigError: neither does.
    """
    for root in (folder, folder / name):
        if (root / sign).is_dir():
            return root
    raise ConfigError("profile.no_folder", folder=folder, mark=sign, name=name)


def _names(path: Path, needed: bool) -> list[str]:
    """First field of every line of an official list, without ending; none where an optional one is missing.

    Raises:
        ConfigError: a needed list is missing.
    """
    if not path.is_file():
        if needed:
            raise ConfigError("profile.no_list", file=path.name, folder=path.parent)
        return []
    lines = path.read_text(encoding="utf-8-sig").splitlines()
    fields = [re.split(r"[\s,;]", line.strip(), maxsplit=1)[0] for line in lines if line.strip()]
    return [re.sub(r"\.(mp4|mpg|txt|wav)$", "", field) for field in fields]


def _cmlr_key(name: str) -> str:
    """The same for ``s1/20170121/section_1`` and ``s1_20170121_section_1.mp4``."""
    return re.sub(r"\.(mp4|mpg|avi)$", "", name).replace("/", "_").removeprefix("video_")


def _beside(path: Path, *others: Path) -> Path | None:
    """A sound file of the same name beside a video, or elsewhere; None: the sound is in the video."""
    for stem in (*others, path):
        for ending in (".wav", ".m4a", ".flac"):
            if stem.with_suffix(ending).is_file():
                return stem.with_suffix(ending)
    return None


def _present(videos: Iterable[Video], root: Path) -> list[Video]:
    found = [video for video in videos if video.path.is_file()]
    if not found:
        raise ConfigError("profile.none_listed", root=root)
    return found


def _some(videos: list[Video], root: Path, example: str) -> list[Video]:
    if not videos:
        raise ConfigError("profile.no_video", root=root, example=example)
    return videos


def _indent(text: str) -> str:
    return "\n".join(f"  {line}".rstrip() for line in text.strip("\n").split("\n"))


def _read(path: Path) -> Registry[Profile]:
    known: Registry[Profile] = Registry("kind.profile")
    for name, row in tomllib.loads(path.read_text(encoding="utf-8")).items():
        limits = Limits(**row.pop("limits", {}))
        known.register(name, Profile(name=name, find=_FIND[name], limits=limits, **row))
    return known


_FIND: dict[str, Callable[[Path], list[Video]]] = {
    "folder": by_folder,
    "lrs2": find_lrs2,
    "lrw": find_lrw,
    "cmlr": find_cmlr,
    "voxceleb": find_voxceleb,
    "grid": find_grid,
}
PROFILES = _read(Path(__file__).with_name("profiles.toml"))
