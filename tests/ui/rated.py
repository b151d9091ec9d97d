"""Short clips and speech of the example, and studies of them in a data folder, for tests of whole portals."""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from typing import Any

import soundfile

from eval.study.storage.create import create
from eval.study.storage.spec import Spec
from eval.study.storage.store import Store, StudyClip, StudyInfo, new_id
from lipsync.assets import asset
from lipsync.media import VideoWriter, WriterOptions, read_audio, read_frames

EXAMPLES = asset("examples")
METHODS = ("Quillfish", "Wobblefox")  # words that nothing else on a page contains
SECONDS = 0.8


def example_clip(path: Path, first: int = 0, seconds: float = SECONDS) -> Path:
    """The example's face with its speech, from frame ``first`` on."""
    frames = [frame.image for frame in read_frames(EXAMPLES / "portrait.mp4", max_frames=first + 100)]
    count = round(seconds * 25)
    with VideoWriter(
        path, 384, 384, 25.0, audio=EXAMPLES / "english.wav", options=WriterOptions(duration=seconds, crf=32)
    ) as out:
        for image in frames[first : first + count]:
            out.write(image)
    return path


def example_speech(path: Path, seconds: float = 1.2) -> Path:
    """A part of the example's speech, in which somebody speaks from the start."""
    soundfile.write(path, read_audio(EXAMPLES / "english.wav")[18400:][: round(16000 * seconds)], 16000)
    return path


def add_study(
    store: Store, clip: Path, items: int = 2, training: int = 1, seconds: float = SECONDS, **values: Any
) -> StudyInfo:
    """An open study of ``items`` × `METHODS`, all of them copies of one clip said to be ``seconds`` long."""
    spec = Spec.from_dict(
        {"title": {"en": "Talking heads", "zh": "说话的人脸"}, "source": {"folder": "."}} | values
    )
    kinds = {values.get("reference"): "reference"}
    study = new_id()
    folder = store.clip_folder(study)
    folder.mkdir(parents=True)
    clips = [
        StudyClip(f"{os.urandom(16).hex()}.mp4", kind, item, method, seconds)
        for kind, item, method in [
            *(("training", f"practice {i}", METHODS[0]) for i in range(training)),
            *((kinds.get(method, "rated"), f"clip {i}", method) for i in range(items) for method in METHODS),
        ]
    ]
    for made in clips:
        shutil.copy(clip, folder / made.file)
    return store.open_study(store.add(spec, clips, study).id)


def open_trial(folder: Path, data: Path, ratings: int = 1) -> str:
    """The link of an open study of one clip that lies in ``folder``; ``data`` is the portal's data folder."""
    (folder / "clips" / "one").mkdir(parents=True)
    example_clip(folder / "clips" / "one" / "ours.mp4", seconds=1.0)
    source = {"folder": str(folder / "clips")}
    spec = Spec.from_dict({"title": "Trial", "source": source, "ratings_per_stimulus": ratings})
    data.mkdir(parents=True, exist_ok=True)
    store = Store(folder=data)
    try:
        return store.open_study(create(store, spec).id).link
    finally:
        store.close()
