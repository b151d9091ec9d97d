"""Studies whose clips are only names, for tests of everything but the clips."""

from __future__ import annotations

import os
from typing import Any

from eval.study.storage.spec import Spec
from eval.study.storage.store import Store, StudyClip, StudyInfo


def make_open(store: Store, items: int = 4, methods: int = 3, **values: Any) -> StudyInfo:
    """An open study of ``items`` x ``methods`` clips that are only names.

    Args:
        store: where to put it.
        items, methods: how many.
        values: of the spec; besides "clips" that come in front of these, and their "seconds".
    """
    extra: list[StudyClip] = values.pop("clips", [])
    seconds = values.pop("seconds", 2.0)
    spec = Spec.from_dict({"title": "Test", "source": {"folder": "."}} | values)
    clips = [
        clip(
            f"item {i}",
            f"method {m}",
            "reference" if spec.reference == f"method {m}" else "rated",
            None,
            seconds,
        )
        for i in range(items)
        for m in range(methods)
    ]
    return store.open_study(store.add(spec, [*extra, *clips]).id)


def clip(
    item: str,
    method: str,
    kind: str = "rated",
    expected: dict[str, list[int]] | None = None,
    seconds: float = 2.0,
) -> StudyClip:
    """A clip that is only a name."""
    return StudyClip(f"{os.urandom(16).hex()}.mp4", kind, item, method, seconds, expected)
