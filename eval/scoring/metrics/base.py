"""What every metric is: facts for tables and menus, and the verbs update, compute, aggregate and format.

An object holds nothing of a running pass. The pass asks it for an accumulator, hands that to ``update`` with
every batch of frames and to ``compute`` at the end. The arithmetic is in `eval.functional`.
"""

from __future__ import annotations

import typing
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from math import inf
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Literal, TypeVar

import numpy as np

from eval.functional.aggregate import MeanScore, summarise
from eval.scoring.protocol import Protocol, Region, Variant
from lipsync.registry import Registry
from lipsync.texts import Message

if TYPE_CHECKING:
    from eval.scoring.networks import Loader, Networks
    from eval.scoring.pair import PairBatch
    from eval.scoring.scores import Score
    from eval.scoring.scoring_pass import Pass
    from lipsync.faces.tracking.track import Tracked

Direction = Literal["higher", "lower", "zero"]
Need = Literal["reference", "speaker", "landmarks", "blendshapes", "audio", "network"]
ResultRow = Mapping[str, Any]  # of a batch: item, method and, where it was scored, scores
# Of a row, of one kind, and so many in a row of the features.
LoadFeatures = Callable[[ResultRow, str, int], tuple[np.ndarray, np.ndarray] | None]

ARROWS: dict[Direction, str] = {"higher": "↑", "lower": "↓", "zero": "→ 0"}


class SaveFeatures(typing.Protocol):
    """Keeps features of a video for its method's score."""

    def __call__(self, generated: np.ndarray, reference: np.ndarray, kind: str = "") -> None:
        """The next (N, D) rows of both sides; every ``kind`` of features has its own D."""
        ...


@dataclass(frozen=True)
class Setup:
    """How one video is scored; accumulators are made from it.

    Attributes:
        networks: all that is loaded.
        region: what metrics ``by_region`` look at.
        variant: how LSE cuts the lips.
        reference: whether there is a reference video.
        image: a picture of the person, for metrics that ``takes_image``.
        speech: (N,) int16 mono 16 kHz, where a metric needs the audio.
        keep: gets each batch of features (generated, reference), for metrics that are ``pooled``.
    """

    networks: Networks
    region: Region = "face"
    variant: Variant = "track"
    reference: bool = True
    image: Path | None = None
    speech: np.ndarray | None = None
    keep: SaveFeatures | None = None


@dataclass(frozen=True)
class VideoScore:
    """One metric of one video.

    Attributes:
        value: the score.
        frames: frames (LSE: windows) that entered.
        skipped: frames left out, by reason.
        detail: what else belongs to the number; plain values for JSON.
    """

    value: float
    frames: int
    skipped: Counter[str] = field(default_factory=Counter)
    detail: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class MethodScore:
    """One metric of one method.

    Attributes:
        summary: its score with interval and counts; None where no video has one.
        values: score of each video by item, for paired tests; empty where videos have no score of their own.
        detail: what a table must say beside the score.
    """

    summary: MeanScore | None
    values: Mapping[str, float | None] = field(default_factory=dict)
    detail: Any = None


@dataclass(frozen=True)
class Metric(ABC):
    """One column of a table of scores.

    Attributes:
        name: the key, in files and on the command line.
        label: the heading, as papers print it.
        direction: which way is better; ``zero`` for a signed offset.
        description: one sentence on what it says: the key of a text, or the sentence itself.
        needs: what must be at hand. ``reference``: a ground-truth video; ``speaker``: the video of the
            person who said the driving speech; ``landmarks`` and ``blendshapes``: of the face landmarker;
            ``audio``: the sound of the video; ``network``: weights of its own.
        unit: of the number; empty where it has none.
        low, high: the range it can take; the size without sign for ``zero``.
        decimals: digits worth printing.
        artefacts: weights that serve it, in order of preference; numbers from different ones cannot
            be compared.
        by_region: whether it looks at a region of the picture (face, mouth, full) of one's choice.
        in_face: whether it is measured in the face region whatever region is chosen.
        group: metrics of one group share one accumulator, which the first of them updates, and one
            network; empty: the name.
        default: whether it is computed where nobody chose: what costs more time, or says something of
            some videos alone, waits to be asked for.
        order: place in tables and menus, smallest first.
    """

    name: str
    label: str
    direction: Direction
    description: str
    needs: tuple[Need, ...]
    unit: str = ""
    low: float = 0.0
    high: float = inf
    decimals: int = 3
    artefacts: tuple[str, ...] = ()
    by_region: bool = False
    in_face: bool = False
    group: str = ""
    default: bool = True
    order: int = 1000

    takes_image: ClassVar[bool] = False  # one picture can take the place of the reference video
    ranked: ClassVar[bool] = True  # methods are ranked, tested and plotted by it
    pooled: ClassVar[bool] = False  # a method's score is of all its frames together: no interval, no tests
    details_key: ClassVar[str] = ""  # in the JSON of a table, for the details of the methods
    footnote: ClassVar[str] = ""  # below tables; a message or a finished sentence
    video_columns: ClassVar[tuple[str, ...]] = ()  # of its own in the CSV of videos, see `video_cells`
    method_columns: ClassVar[tuple[str, ...]] = ()  # the same in the CSV of methods, see `method_cells`

    def __post_init__(self) -> None:
        object.__setattr__(self, "group", self.group or self.name)

    @property
    def arrow(self) -> str:
        """The sign papers put beside the heading."""
        return ARROWS[self.direction]

    def badness(self, score: float) -> float:
        """A number that is smaller the better the score is: the key to sort and to mark the best by."""
        return {"higher": -score, "lower": score, "zero": abs(score)}[self.direction]

    # --- one video -------------------------------------------------------------------------------

    def load(self, loader: Loader) -> Any:
        """Its network, kept in ``Networks.loaded`` under its group; None where it needs none or has none."""
        return None

    @abstractmethod
    def accumulator(self, setup: Setup) -> Any:
        """What collects one video, empty."""

    def watch(self, state: Any, item: Tracked) -> None:  # noqa: B027, most metrics want pairs alone
        """The next frame of the generated video, also one without a partner in the reference."""

    def update(self, state: Any, batch: PairBatch) -> None:  # noqa: B027, some want the generated video alone
        """What one batch of frame pairs contributes."""

    @abstractmethod
    def compute(self, state: Any) -> VideoScore:
        """The score of the video.

        Raises:
            ValueError: there is none; says why.
        """

    def frame_columns(self, state: Any, frames: int) -> Mapping[str, np.ndarray]:
        """Columns of the table per frame, up to (frames,) each, NaN where nothing is known."""
        return {}

    def curve(self, state: Any) -> tuple[float, ...]:
        """Mean distance of lips and sound for every audio shift; empty where it knows none."""
        return ()

    def title(self, networks: Networks) -> str:
        """The label, marked where another network than the published one is used."""
        return self.label

    def network(self, state: Any, networks: Networks) -> str | None:
        """What the protocol string calls the network; None where there is none."""
        return networks.names.get(self.name)

    def protocol(self, score: VideoScore, state: Any, setup: Setup, job: Pass) -> str:
        """How the score was made, to be printed with it."""
        protocol = Protocol(
            self.label,
            score.frames,
            region=setup.region if self.by_region else "face" if self.in_face else None,
            network=self.network(state, setup.networks),
            weights=setup.networks.hashes.get(self.name),
            alignment=Protocol.alignment if setup.reference else "box of the face track",
            skipped=score.skipped + job.skipped,
        )
        return f"{protocol}; resized to the reference" if job.resized else str(protocol)

    def unscored(self, video: str, problem: ValueError) -> str:
        """The sentence for a video that ``compute`` has no score for."""
        return Message("score.because", video=video, problem=problem)

    def notes(self, score: Score, networks: Networks) -> Iterable[str]:
        """Sentences worth reading beside the score of one video."""
        return ()

    # --- one method ------------------------------------------------------------------------------

    def aggregate(self, rows: Sequence[ResultRow], load_features: LoadFeatures) -> MethodScore:
        """The score of a method: here the mean of its videos.

        Args:
            rows: the method's videos as a batch leaves them.
            load_features: gives the features of one kind that ``Setup.keep`` got for a row; None where it got
                none.
        """
        values = {row["item"]: entry["value"] if (entry := self.entry(row)) else None for row in rows}
        return MethodScore(summarise(values), values)

    def entry(self, row: ResultRow) -> dict[str, Any] | None:
        """Its score in a row, with value, label, frames, protocol, reason and detail."""
        return row["scores"]["scores"].get(self.name) if "scores" in row else None

    def method_notes(self, details: Mapping[str, Any]) -> Iterable[str]:
        """Sentences worth reading beside the table, from the detail of each method."""
        return ()

    def format(self, summary: MeanScore, detail: Any = None) -> str:
        """A cell of a table."""
        return f"{summary.mean:.{self.decimals}f}"

    def video_cells(self, detail: Mapping[str, Any]) -> tuple[str, ...]:
        """The cells of ``video_columns``, from the detail of a video (empty where it has no score)."""
        return ()

    def method_cells(self, detail: Any) -> tuple[float | int, ...]:
        """The cells of ``method_columns``, from the detail of a method."""
        return ()


class Metrics(Registry[Metric]):
    """The registry of metrics, in the order of tables and menus."""

    def register(self, name: str, entry: Metric | str, **metadata: Any) -> None:
        """Add a metric at its place."""
        super().register(name, entry, **metadata)
        self._entries = dict(sorted(self._entries.items(), key=lambda item: self.get(item[0]).order))

    def all(self) -> tuple[Metric, ...]:
        """The objects themselves."""
        return tuple(self.get(name) for name in self)

    def default(self) -> tuple[str, ...]:
        """Names of the metrics that are computed where nobody chose."""
        return tuple(metric.name for metric in self.all() if metric.default)

    def needing(self, need: Need) -> tuple[str, ...]:
        """Names of the metrics that need something."""
        return tuple(metric.name for metric in self.all() if need in metric.needs)

    def in_group(self, group: str) -> tuple[str, ...]:
        """Names of the metrics that share an accumulator and a network."""
        return tuple(metric.name for metric in self.all() if metric.group == group)


METRICS = Metrics("kind.metric")
M = TypeVar("M", bound=Metric)


def register_metric(metric: M) -> M:
    """Put a metric into all tables, menus and commands; gives it back.

    Raises:
        ValueError: its name is taken.
    """
    METRICS.register(metric.name, metric)
    return metric
