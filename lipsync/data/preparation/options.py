"""What a call of ``prepare`` is asked to do beside where from and where to."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from lipsync.data.preparation.limits import Limits
from lipsync.data.preparation.profiles import PROFILES, Profile
from lipsync.data.preparation.timing import SyncCheck
from lipsync.errors import ConfigError
from lipsync.registry import unknown

SPLITS_BY = ("official", "people")


@dataclass(frozen=True)
class PrepareOptions:
    """How videos become clips.

    Attributes:
        manifest: CSV with ``file`` (relative to the folder of videos), ``id`` and maybe ``split``. Without
            it and without a profile a person is a subfolder; files that lie in none are grouped by their
            faces.
        workers: processes that cut videos.
        limits: what is dropped; None takes the profile's, or the usual.
        val_share: of the people without a split, kept for validation; at least one if there are two.
        seed: of the draw over people.
        landmarker: the ``face_landmarker`` artefact; None finds or fetches it.
        splits: take only videos with one of these named splits; empty takes all.
        profile: the data set that the folder holds; None: any folder of videos.
        split_by: "official" keeps the splits that are named, "people" draws over people; "" as the
            profile says, and for a manifest "official".
        sync: looks at the sound of every recording; moves it, or leaves the recording out. What was
            moved by an earlier call stays so without it.
        recogniser: the ``sface`` artefact, with which faces are compared; None finds or fetches it, and where
            it is unavailable every loose file counts as a person, which ``tell`` says.

    Raises:
        ConfigError: there is no such ``split_by``.
    """

    manifest: Path | None = None
    workers: int = 1
    limits: Limits | None = None
    val_share: float = 0.1
    seed: int = 0
    landmarker: Path | None = None
    splits: tuple[str, ...] = ()
    profile: Profile | None = None
    split_by: str = ""
    sync: SyncCheck | None = None
    recogniser: Path | None = None

    def __post_init__(self) -> None:
        if self.split_by not in ("", *SPLITS_BY):
            raise ConfigError(unknown("kind.split", self.split_by, SPLITS_BY))

    @property
    def data_set(self) -> Profile:
        """The profile, where none is given that of any folder."""
        return self.profile or PROFILES.get("folder")

    @property
    def fit(self) -> Limits:
        """The limits, where none are given the profile's."""
        return self.limits or self.data_set.limits

    @property
    def draws_people(self) -> bool:
        """Whether splits that are named are left aside and drawn over people."""
        return (self.split_by or ("official" if self.manifest else self.data_set.split_by)) == "people"
