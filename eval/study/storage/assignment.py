"""Which clip a rater gets next, so that all clips are rated equally often and no order is favoured.

A clip is chosen at the moment it is handed out, never earlier: what has been rated since then counts,
and a rater who leaves holds back one clip only. The rules, the first one first:

1. never the same clip twice, and no item twice running, also not at the end of the list;
2. of what is left, a clip with the fewest ratings, those being rated at this moment included; while others
   rate at the same time, also one with one more, or the order in which they happen to answer would decide
   everything;
3. of these, one of the method whose turn it is in this rater's row of a Latin square that is balanced
   for what comes before (Williams 1949), so that every method is seen equally often at every position and,
   within one round of the methods, after every other method;
4. of these, one of the item that most is left of, so that rules 1 to 3 can be kept to the end;
5. of these, one at random.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

Key = tuple[int, int | None]  # ids of the clip, or of the two clips of a pair


@dataclass(frozen=True)
class Candidate:
    """What can be handed out: a clip, or a pair of clips of one item.

    Attributes:
        key: ids of its clips.
        item: what it shows; two of one item never follow each other.
        group: the method, or the two methods of a pair.
    """

    key: Key
    item: str
    group: str


@dataclass(frozen=True)
class RaterProgress:
    """How far a rater is.

    Attributes:
        number: how many raters began before.
        seed: of this rater's random choices.
        had: what this rater had of the candidates, in order.
        left: how many this rater still gets, the next one included; at most those not had yet.
        before: item shown last; None: none yet.
        avoid: another item not to be shown now if rules 2 and 3 leave a choice (that of a catch clip).
    """

    number: int
    seed: int
    had: Sequence[Candidate]
    left: int
    before: str | None = None
    avoid: str | None = None


def order_of_kinds(training: int, rated: int, catches: int, seed: int) -> list[str]:
    """The kind of every trial of one rater: "training" first, then "rated" with "catch" among them.

    Catch clips come at random places, spread over the whole list, the first one after a rated clip.
    """
    rng = random.Random(f"{seed} kinds")
    kinds = ["rated"] * rated
    # One random place in each of equally long stretches; the last ones first, so that places stay valid.
    for k in reversed(range(catches)):
        begin, end = k * rated // catches + 1, (k + 1) * rated // catches
        kinds.insert(rng.randint(begin, max(begin, end)), "catch")
    return ["training"] * training + kinds


def williams_square(size: int) -> list[list[int]]:
    """Rows of 0 ... size - 1: each number equally often in each column and after each other number.

    ``size`` rows where it is even, twice as many where it is odd (Williams 1949).
    """
    zigzag = [0]
    for step in range(1, size):
        zigzag.append((zigzag[-1] + (step if step % 2 else -step)) % size)
    rows = [[(entry + shift) % size for entry in zigzag] for shift in range(size)]
    return rows + [row[::-1] for row in rows] if size % 2 and size > 1 else rows


def wished_group(groups: Sequence[str], number: int, turn: int) -> str:
    """The method whose turn it is.

    Args:
        groups: all methods, in a fixed order.
        number: how many raters began before this one.
        turn: how many rated clips this rater had before; training and catch clips do not count.
    """
    square = williams_square(len(groups))
    block, column = divmod(turn, len(groups))
    return groups[square[(number + block) % len(square)][column]]


def choose(
    candidates: Sequence[Candidate],
    groups: Sequence[str],
    loads: Mapping[Key, int],
    rater: RaterProgress,
    others: bool = False,
) -> Candidate:
    """The clip to hand out now, by the rules at the head of this file.

    Args:
        candidates: all clips that are rated.
        groups: their methods in a fixed order, that of the numbers in the square.
        loads: how often each was rated or is being rated now; missing: 0.
        rater: who gets it.
        others: someone else is rating at this moment.

    Raises:
        ValueError: this rater has had all.
    """
    taken = {candidate.key for candidate in rater.had}
    pool = [candidate for candidate in candidates if candidate.key not in taken]
    if not pool:
        raise ValueError("nothing is left to hand out")
    stock = Counter(candidate.item for candidate in pool)
    fit = {item: item != rater.before and _can_go_on(stock, item, rater.left - 1) for item in stock}
    # A list that cannot be ordered at all (one item alone) is at least spread as far as it goes.
    possible = [entry for entry in pool if fit[entry.item]]
    allowed = possible or [entry for entry in pool if entry.item != rater.before] or pool
    fewest = min(loads.get(entry.key, 0) for entry in allowed)
    allowed = [entry for entry in allowed if loads.get(entry.key, 0) <= fewest + int(others)]
    wished = wished_group(groups, rater.number, len(rater.had))
    low = Counter(entry.item for entry in pool if loads.get(entry.key, 0) <= fewest)
    seen = Counter(entry.group for entry in rater.had)
    rng = random.Random(f"{rater.seed} {len(rater.had)}")

    def rank(entry: Candidate) -> tuple[float, ...]:
        load, item = loads.get(entry.key, 0), entry.item
        turn = (entry.group != wished, load, seen[entry.group])
        return (*turn, item == rater.avoid, -low[item], -stock[item], rng.random())

    return min(allowed, key=rank)


def _can_go_on(stock: Mapping[str, int], item: str, left: int) -> bool:
    """Whether ``left`` more clips can follow one of ``item`` with no item twice running.

    They can if enough clips remain when of each item no more are counted than have room: every second
    place, beginning with the first, or with the second for ``item`` itself.
    """
    room = 0
    for name, count in stock.items():
        own = name == item
        room += min(count - own, left // 2 if own else (left + 1) // 2)
    return room >= left
