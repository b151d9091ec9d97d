"""Captions from words with times: lines that can be read in the time that they stand there."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from unicodedata import east_asian_width

from lipsync.audio.recognition import SpokenWord
from lipsync.media.output.captions import Caption

LATIN, CJK = 42, 16  # characters of a line at most; subtitlers' usual limits
SHORTEST, LONGEST = 1.0, 7.0  # s that a caption stands there
PAUSE = 0.8  # s of silence that end a caption
LINGER = 0.5  # s that it may stay after its last word
SENTENCE, CLAUSE = tuple(".!?\u3002\uff01\uff1f\u2026"), tuple(",;:\uff0c\u3001\uff1b\uff1a")


def captions_of(words: Iterable[SpokenWord], seconds: float) -> tuple[Caption, ...]:
    """The captions of a video: at most two lines each, 1 to 7 s, none before the one before it has gone.

    Args:
        words: in the order of time.
        seconds: length of the video; what is said later has no caption.
    """
    groups = list(_groups([piece for word in words if word.start < seconds for piece in _pieces(word)]))
    nexts = [*(group[0].start for group in groups[1:]), seconds][: len(groups)]
    times: list[tuple[float, float]] = []
    free = 0.0  # from which on the place is free
    for group, following in zip(groups, nexts, strict=True):
        start, last = max(free, group[0].start), group[-1].end
        end = max(last, min(last + LINGER, following), start + SHORTEST)
        free = min(end, start + LONGEST, seconds)
        times.append((start, free))
    _give_time(times)
    return tuple(
        Caption(round(start, 3), round(end, 3), lines_of(group) or ())
        for group, (start, end) in zip(groups, times, strict=True)
        if round(end, 3) > round(start, 3)
    )


def _give_time(times: list[tuple[float, float]]) -> None:
    """Let captions that the video's end cuts short begin earlier, at the cost of the ones before them."""
    latest = times[-1][1] if times else 0.0
    for k, (start, end) in reversed(list(enumerate(times))):
        end = min(end, latest)
        before = times[k - 1][0] + SHORTEST if k else 0.0
        latest = min(start, max(before, end - SHORTEST, 0.0))
        times[k] = latest, end


def lines_of(words: Sequence[SpokenWord]) -> tuple[str, ...] | None:
    """One line, or two of about the same width, or None where two do not hold the words."""
    text = _text(words)
    if _width(text) <= LATIN:
        return (text,)
    cuts = ((_text(words[:k]), _text(words[k:])) for k in range(1, len(words)))
    possible = [cut for cut in cuts if max(map(_width, cut)) <= LATIN]
    return min(possible, key=_unevenness, default=None)


def _unevenness(lines: tuple[str, str]) -> float:
    first, second = map(_width, lines)
    return abs(first - second) - (LATIN / 3 if lines[0].endswith(SENTENCE + CLAUSE) else 0)


def _groups(words: Sequence[SpokenWord]) -> Iterator[list[SpokenWord]]:
    """The words of each caption: a sentence where it fits, else up to a comma, else as much as fits."""
    group = list(words[:1])
    for before, word in pairwise(words):
        sentence = before.text.endswith(SENTENCE) and before.end - group[0].start >= SHORTEST
        if sentence or word.start - before.end >= PAUSE:
            yield group
            group = []
        while group and (lines_of([*group, word]) is None or word.end - group[0].start > LONGEST):
            later = range(len(group), len(group) // 2, -1)
            cut = next((k for k in later if group[k - 1].text.endswith(SENTENCE + CLAUSE)), len(group))
            yield group[:cut]
            group = group[cut:]
        group.append(word)
    if group:
        yield group


def _pieces(word: SpokenWord) -> Iterator[SpokenWord]:
    """A word; one that no line holds in parts that a line does."""
    parts = [""]
    for letter in word.text:
        if _width(parts[-1] + letter) > LATIN:
            parts.append("")
        parts[-1] += letter
    step = (word.end - word.start) / len(parts)
    for k, part in enumerate(parts):
        yield SpokenWord(word.start + k * step, word.start + (k + 1) * step, part, word.probability)


def _text(words: Sequence[SpokenWord]) -> str:
    return "".join(word.text for word in words).strip()


def _width(text: str) -> float:
    """Of a text in Latin characters, of which a Chinese one takes the room of more than two."""
    return sum(LATIN / CJK if east_asian_width(letter) in "WF" else 1 for letter in text.strip())
