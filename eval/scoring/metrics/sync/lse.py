"""LSE-D, LSE-C and their offset: three readings of one pass of lips and speech through a sync network."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np

from eval.functional.aggregate import MeanScore
from eval.functional.sync.lse import MAX_SHIFT, LseScore, LseTracks, lse_mean, share_in_sync
from eval.scoring.metrics.base import (
    METRICS,
    LoadFeatures,
    MethodScore,
    Metric,
    ResultRow,
    Setup,
    VideoScore,
    register_metric,
)
from eval.scoring.protocol import NO_GENERATED_FACE, Protocol
from lipsync.texts import Message

if TYPE_CHECKING:
    from eval.scoring.networks import Loader, Networks
    from eval.scoring.scores import Score
    from eval.scoring.scoring_pass import Pass
    from eval.scoring.sync import SyncStream
    from lipsync.faces.tracking.track import Tracked


class Lse(Metric):
    """See `eval.functional.sync.lse`; a subclass says which number it is."""

    def value(self, mean: LseTracks, longest: LseScore) -> float:
        """The score, from the mean over the tracks and the longest one."""
        raise NotImplementedError

    def load(self, loader: Loader) -> Any:
        """The file that was given, SyncNet v2, or an own expert."""
        from eval.scoring.expert import load_expert
        from eval.scoring.sync_networks import SyncNetV2, SyncNetwork
        from lipsync.checksum import file_sha256
        from lipsync.errors import ArtefactError
        from lipsync.experts.syncnet import load_syncnet
        from lipsync.weights import hub

        family = METRICS.in_group(self.group)
        sync_network: SyncNetwork
        if loader.syncnet is not None:
            network = load_syncnet(loader.syncnet)
            sha256 = file_sha256(loader.syncnet)
            published = sha256 == hub.artefacts()["syncnet_v2"].sha256
            name = "SyncNet v2" if published else f"SyncNet v2 ({loader.syncnet.name})"
            sync_network = SyncNetV2(network, sha256, name)
        elif (file := loader.file("syncnet_v2", family)) is not None:
            sync_network = SyncNetV2(load_syncnet(file), loader.hashes[self.name])
        else:
            try:
                sync_network = load_expert(loader.expert, loader.progress)
            except ArtefactError:
                return None  # the sentence about SyncNet v2 stands: that file helps, whatever else is missing
            for name in family:
                loader.missing.pop(name)
        for name in family:
            loader.names[name], loader.hashes[name] = sync_network.name, sync_network.sha256
        return sync_network

    def accumulator(self, setup: Setup) -> SyncStream:
        """No frame yet."""
        from eval.scoring.sync import SyncStream

        assert setup.speech is not None
        return SyncStream(setup.networks.loaded[self.group], setup.speech, setup.variant)

    def watch(self, state: SyncStream, item: Tracked) -> None:
        """The next frame; LSE needs no reference."""
        state.see(item)

    def compute(self, state: SyncStream) -> VideoScore:
        """The mean over the face tracks, weighted by their windows."""
        tracks = state.finish()
        if not tracks:
            raise ValueError("no face track is long enough")
        mean = lse_mean([track.score for track in tracks])
        longest = max(tracks, key=lambda track: track.score.windows).score
        detail = {
            "offsets": list(mean.offsets),
            "tracks": [{"start": t.start, "frames": t.frames, **asdict(t.score)} for t in tracks],
        }
        return VideoScore(self.value(mean, longest), mean.windows, detail=detail)

    def unscored(self, video: str, problem: ValueError) -> str:
        """What LSE needs."""
        from eval.scoring.sync import MIN_TRACK

        return Message("score.no_track", video=video, frames=MIN_TRACK)

    def title(self, networks: Networks) -> str:
        """Marked where an own expert takes SyncNet's place."""
        return f"{self.label} (own expert)" if networks.loaded[self.group].own else self.label

    def protocol(self, score: VideoScore, state: SyncStream, setup: Setup, job: Pass) -> str:
        """With variant, alignment, support and the offset of every track."""
        from eval.scoring.sync import MIN_TRACK

        sync_network, tracks, whole = (
            setup.networks.loaded[self.group],
            state.finish(),
            setup.variant == "lrs",
        )
        without = 0 if whole else job.frames - job.faces_generated
        protocol = Protocol(
            self.title(setup.networks),
            score.frames,
            network=sync_network.name,
            weights=sync_network.sha256,
            skipped={
                NO_GENERATED_FACE: without,
                Message("frames.short_tracks", frames=MIN_TRACK): state.short,
            },
        )
        parts = [str(protocol).replace("; frames ", "; windows ", 1), f"variant {setup.variant}"]
        parts.append("whole frame squeezed, no detector" if whole else sync_network.alignment)
        full = sum(track.score.full_support for track in tracks)
        parts.append(f"{full} of {score.frames} windows with full support of ±15 frames")
        if self.direction != "zero":
            parts.append(f"offset {', '.join(map(offset_text, score.detail['offsets']))}")
        if len(tracks) > 1:
            parts.append(f"mean of {len(tracks)} tracks weighted by windows")
        if any(track.score.short for track in tracks):
            parts.append("short: a track has 100 frames or fewer, which the reference code drops")
        return "; ".join(parts)

    def notes(self, score: Score, networks: Networks) -> Iterable[str]:
        """Warns of the own expert."""
        sync_network = networks.loaded.get(self.group)
        if sync_network is not None and sync_network.own:
            yield Message("score.own_expert", measured=sync_network.accuracy)

    def frame_columns(self, state: SyncStream, frames: int) -> Mapping[str, np.ndarray]:
        """The distance of the window around each frame."""
        from eval.scoring.sync import per_frame

        tracks = state.finish()
        return {"lse_distance": per_frame(tracks, frames)} if tracks else {}

    def curve(self, state: SyncStream) -> tuple[float, ...]:
        """(31,) the mean over the tracks."""
        from eval.scoring.sync import mean_curve

        tracks = state.finish()
        return tuple(float(distance) for distance in mean_curve(tracks)) if tracks else ()


def offset_text(offset: int) -> str:
    """An offset with its sign; one at the limit of the search may be any beyond it."""
    if abs(offset) >= MAX_SHIFT:
        return f"≥ {MAX_SHIFT}" if offset > 0 else f"≤ -{MAX_SHIFT}"
    return f"{offset:+d}" if offset else "0"


class LseD(Lse):
    """The least mean distance over all shifts."""

    def value(self, mean: LseTracks, longest: LseScore) -> float:
        """See the class."""
        return mean.distance


class LseC(Lse):
    """The median of the mean distances over all shifts, less the least one."""

    def value(self, mean: LseTracks, longest: LseScore) -> float:
        """See the class."""
        return mean.confidence


class Offset(Lse):
    """The shift with the least distance. Tables list the videos' offsets: their mean would say nothing."""

    ranked: ClassVar[bool] = False
    details_key: ClassVar[str] = "offsets"
    video_columns: ClassVar[tuple[str, ...]] = ("offset of each track",)

    def value(self, mean: LseTracks, longest: LseScore) -> float:
        """That of the longest track."""
        return float(longest.offset)

    def aggregate(self, rows: Sequence[ResultRow], load_features: LoadFeatures) -> MethodScore:
        """The detail is the offset of every video with one, frames."""
        score = super().aggregate(rows, load_features)
        offsets = tuple(round(value) for value in score.values.values() if value is not None)
        return replace(score, detail=offsets or None)

    def format(self, summary: MeanScore, detail: tuple[int, ...] | None = None) -> str:
        """All of them."""
        if detail is None:
            return super().format(summary)
        return ", ".join(map(offset_text, detail))

    def video_cells(self, detail: Mapping[str, Any]) -> tuple[str, ...]:
        """Those of all face tracks."""
        return (" ".join(map(str, detail.get("offsets", []))),)


class LseWindows(Lse):
    """The share of the windows that find the offset 0 by themselves, or one a frame beside it.

    LSE-D and LSE-C are the same for a video that is late as a whole, and are ruled by the clearest windows.
    """

    def compute(self, state: SyncStream) -> VideoScore:
        """Of the windows of all tracks; the detail has the share around the video's own offset, too."""
        tracks = state.finish()
        if not tracks:
            raise ValueError("no face track is long enough")
        offsets = np.concatenate([track.offsets for track in tracks])
        own = np.concatenate([track.offsets - track.score.offset for track in tracks])
        detail = {
            "own_offset": share_in_sync(own),
            "offsets": [track.score.offset for track in tracks],
        }
        return VideoScore(share_in_sync(offsets), len(offsets), detail=detail)


_COMMON: dict[str, Any] = {"needs": ("audio", "network"), "artefacts": ("syncnet_v2",), "group": "lse"}

register_metric(
    LseD(
        "lse_d", "LSE-D", "lower", "metric.lse_d",
        order=80, **_COMMON,
    )
)  # fmt: skip
register_metric(
    LseC(
        "lse_c", "LSE-C", "higher", "metric.lse_c",
        order=81, **_COMMON,
    )
)  # fmt: skip
register_metric(
    Offset(
        "offset", "Offset", "zero", "metric.offset",
        unit="frames", high=15.0, decimals=0, order=82, **_COMMON,
    )
)  # fmt: skip
register_metric(
    LseWindows(
        "lse_windows", "LSE windows", "higher", "metric.lse_windows",
        high=1.0, decimals=2, default=False, order=83, **_COMMON,
    )
)  # fmt: skip
