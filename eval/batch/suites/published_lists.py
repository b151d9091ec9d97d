"""The test lists of published data sets, in the form in which they are published: paths only.

How each data set lies on disk is known to `lipsync.data.preparation.profiles`; here is what is tested on.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from lipsync.data.preparation.profiles import below, find_cmlr, find_voxceleb
from lipsync.data.preparation.sources import Video, files
from lipsync.errors import ConfigError

ENDING = re.compile(r"\.(mp4|mpg|avi|txt|wav)$")
HDTF_CLIP = re.compile(r"((?:RD|WDA|WRA)_.+?)_(\d{3,4})\b.*")  # WDA_BarackObama_000


@dataclass(frozen=True)
class ListedVideo:
    """One video of a test list.

    Attributes:
        name: of the item.
        path: the video.
        person: who is in it, as well as the data set knows.
        language: of all its speech; empty where there are several.
        sound: file of its own sound; None: it is in the video.
        voice: the video whose speech drives it, in a list of pairs.
    """

    name: str
    path: Path
    person: str
    language: str = ""
    sound: Path | None = None
    voice: Path | None = None


def lrs2(folder: Path, listed: Path | None = None) -> list[ListedVideo]:
    """``main/FOLDER/NAME.mp4`` of ``test.txt``, or of a list, also of pairs as Wav2Lip's evaluation has."""
    root = below(folder, "mvlrs_v1", "main")
    return _of_list(listed or root / "test.txt", root / "main", "en")


def lrs3(folder: Path, listed: Path | None = None) -> list[ListedVideo]:
    """``test/TALK/00001.mp4``; a folder is one talk, so one person; or a list as for LRS2."""
    root = below(folder, "lrs3", "test") / "test"
    if listed is not None:
        return _of_list(listed, root, "en")
    found = [path.relative_to(root).as_posix() for path in files(root)]
    return [_video(root, name, "en") for name in found if len(Path(name).parts) == 2]


def voxceleb(folder: Path, listed: Path | None = None) -> list[ListedVideo]:
    """``test/mp4/ID/VIDEO/00001.mp4`` of VoxCeleb2, the sound under ``test/aac``; many languages."""
    videos = [video for video in find_voxceleb(folder) if video.split == "test"]
    found = {re.sub(r"^.*?(?=id\d{5}/)", "", video.name): video for video in videos}
    return _chosen(found, listed, folder, "")


def hdtf(folder: Path, listed: Path | None = None) -> list[ListedVideo]:
    """``WDA_BarackObama_000.mp4`` and the like, at any depth; there is no official test list."""
    found = {}
    for path in files(folder):
        clip = HDTF_CLIP.fullmatch(path.stem)
        if clip is not None and path.name in found:
            raise ConfigError("suite.two_items", item=path.stem)
        if clip is not None:
            found[path.name] = Video(path, path.name, clip[1])
    if not found:
        raise ConfigError("profile.no_video", root=folder, example="WDA_BarackObama_000.mp4")
    return _chosen(found, listed, folder, "en")


def cmlr(folder: Path, listed: Path | None = None) -> list[ListedVideo]:
    """``video/s1/DATE/section_1.mp4`` of ``test.csv``, the sound in it or under ``audio/``."""
    videos = {video.name: video for video in find_cmlr(folder)}
    if listed is None:
        videos = {name: video for name, video in videos.items() if video.split == "test"}
        if not videos:
            raise ConfigError("profile.no_list", file="test.csv", folder=folder)
    return _chosen(videos, listed, folder, "zh")


TEST_LISTS: dict[str, Callable[[Path, Path | None], list[ListedVideo]]] = {
    "lrs2": lrs2,
    "lrs3": lrs3,
    "voxceleb": voxceleb,
    "hdtf": hdtf,
    "cmlr": cmlr,
}


def _of_list(listed: Path, root: Path, language: str) -> list[ListedVideo]:
    """A name on each line, or as in Wav2Lip's test lists two: whose speech, and whose face."""
    found = []
    for names in _lines(listed):
        # In LRS2's own list a word such as NF follows the name; it is no path.
        names = [name.removeprefix(f"{root.name}/") for name in names if "/" in name][:2]
        if not names:
            raise ConfigError("test_list.no_names", path=listed)
        video = _video(root, names[-1], language)
        if len(names) == 2 and names[0] != names[1]:
            voice = _video(root, names[0], language)
            name = f"{video.name}--{voice.name}"
            video = ListedVideo(name, video.path, video.person, language, voice=voice.path)
        found.append(video)
    return list(dict.fromkeys(found))  # lists of pairs drawn by chance hold some twice


def _lines(listed: Path) -> list[list[str]]:
    """The fields of each line of a list, without endings.

    Raises:
        ConfigError: it cannot be read, or is empty.
    """
    try:
        lines = listed.read_text(encoding="utf-8-sig").splitlines()
    except (OSError, UnicodeDecodeError) as problem:
        raise ConfigError("test_list.unreadable", path=listed, problem=problem) from problem
    found = [re.split(r"[\s,;]+", line.strip()) for line in lines if line.strip()]
    if not found:
        raise ConfigError("test_list.no_names", path=listed)
    return [[ENDING.sub("", name) for name in names] for names in found]


def _video(root: Path, name: str, language: str) -> ListedVideo:
    name = ENDING.sub("", name)
    return ListedVideo(name.replace("/", "-"), root / f"{name}.mp4", Path(name).parts[0], language)


def _chosen(found: dict[str, Video], listed: Path | None, root: Path, language: str) -> list[ListedVideo]:
    """The videos by their names, those of a list where there is one.

    Raises:
        ConfigError: a name in the list is none of theirs.
    """
    by_name = {ENDING.sub("", name): video for name, video in found.items()}
    names = list(by_name) if listed is None else list(dict.fromkeys(line[0] for line in _lines(listed)))
    for name in names:
        if name not in by_name:
            raise ConfigError("test_list.not_there", path=listed, name=name, root=root)
    return [
        ListedVideo(name.replace("/", "-"), video.path, video.identity, language, video.sound)
        for name, video in ((name, by_name[name]) for name in names)
    ]
