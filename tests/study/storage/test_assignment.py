"""Who gets which clip: by property, and by simulating raters who come, go and give up."""

from __future__ import annotations

import random
from collections import Counter, defaultdict
from dataclasses import dataclass, field
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eval.study.storage.assignment import (
    Candidate,
    RaterProgress,
    choose,
    order_of_kinds,
    williams_square,
    wished_group,
)


def grid(items: int, methods: int) -> list[Candidate]:
    return [
        Candidate((i * methods + m, None), f"item {i}", f"method {m}")
        for i in range(items)
        for m in range(methods)
    ]


@dataclass
class Someone:
    """A simulated rater: what they had, and what is before them now."""

    number: int
    seed: int
    had: list[Candidate] = field(default_factory=list)
    now: Candidate | None = None


@dataclass
class Simulation:
    """Raters come as places get free, answer in any order, and give up with a chance at every clip.

    Attributes:
        lists: what each rater rated, in order.
        excess: the largest difference between two clips' ratings, less the number of raters who were at
            it at once, over all moments.
    """

    candidates: list[Candidate]
    per_rater: int
    raters: int
    at_once: int
    leave: float
    seed: int
    by_chance: bool = False
    rated: Counter = field(default_factory=Counter)
    lists: list[list[Candidate]] = field(default_factory=list)
    excess: int = -1000
    begun: int = 0
    active: list[Someone] = field(default_factory=list)

    def run(self) -> Simulation:
        rng = random.Random(self.seed)
        peak = 0
        while self.active or self.begun < self.raters:
            while self.begun < self.raters and len(self.active) < self.at_once:
                self.active.append(Someone(self.begun, rng.getrandbits(31)))
                self.begun += 1
            peak = max(peak, len(self.active))
            self._step(rng.choice(self.active), rng)
            self.excess = max(self.excess, self.spread - peak)
        return self

    def _step(self, someone: Someone, rng: random.Random) -> None:
        if someone.now is not None:
            if rng.random() < self.leave:
                self._end(someone)
                return
            self.rated[someone.now.key] += 1
            someone.had.append(someone.now)
            someone.now = None
        if len(someone.had) == self.per_rater:
            self._end(someone)
        elif self.by_chance:
            someone.now = rng.choice([entry for entry in self.candidates if entry not in someone.had])
        else:
            reserved = Counter(other.now.key for other in self.active if other.now is not None)
            progress = RaterProgress(
                someone.number,
                someone.seed,
                someone.had,
                left=self.per_rater - len(someone.had),
                before=someone.had[-1].item if someone.had else None,
            )
            loads = self.rated + reserved
            someone.now = choose(self.candidates, self.groups, loads, progress, others=bool(reserved))

    def _end(self, someone: Someone) -> None:
        self.active.remove(someone)
        self.lists.append(someone.had)

    @property
    def groups(self) -> list[str]:
        """The methods."""
        return sorted({entry.group for entry in self.candidates})

    @property
    def spread(self) -> int:
        """Difference between the clip rated most and the one rated least."""
        counts = [self.rated[entry.key] for entry in self.candidates]
        return max(counts) - min(counts)

    @property
    def unevenness(self) -> float:
        """Mean over positions of the difference between the method seen most and least there."""
        at: defaultdict[int, Counter] = defaultdict(Counter)
        for had in self.lists:
            for position, entry in enumerate(had):
                at[position][entry.group] += 1
        ranges = [
            max(counts.values()) - min(counts[group] for group in self.groups) for counts in at.values()
        ]
        return sum(ranges) / len(ranges)

    @property
    def repeats(self) -> int:
        """Times that an item was shown twice running."""
        return sum(a.item == b.item for had in self.lists for a, b in pairwise(had))


DESIGNS = [  # items, methods, per rater, raters, at once
    (6, 4, 24, 24, 1),
    (6, 4, 8, 60, 10),
    (6, 4, 24, 40, 10),
    (10, 5, 20, 60, 20),
    (3, 3, 9, 42, 7),
    (2, 4, 8, 40, 5),
    (5, 2, 10, 40, 40),
    (2, 6, 5, 30, 3),
]


@pytest.mark.parametrize("design", DESIGNS, ids=str)
def test_clips_are_balanced_at_every_moment_and_no_item_comes_twice_running(design) -> None:
    items, methods, per_rater, raters, at_once = design
    for seed in range(4):
        simulation = Simulation(grid(items, methods), per_rater, raters, at_once, 0.0, seed).run()
        # Two raters at once never unbalance a clip by more than the number of raters at it.
        assert simulation.excess <= 0
        assert simulation.spread <= min(2, at_once)
        assert simulation.repeats == 0
        assert all(len({entry.key for entry in had}) == per_rater for had in simulation.lists)


@pytest.mark.parametrize("design", [(6, 4, 8, 80, 10), (6, 4, 12, 80, 20), (10, 5, 20, 60, 20)], ids=str)
def test_raters_who_give_up_leave_no_clip_behind(design) -> None:
    items, methods, per_rater, raters, at_once = design
    for seed in range(4):
        simulation = Simulation(grid(items, methods), per_rater, raters, at_once, 0.05, seed).run()
        gone = sum(len(had) < per_rater for had in simulation.lists)
        assert gone > raters / 5
        assert simulation.repeats == 0
        assert simulation.excess <= 0
        assert simulation.spread <= 2


def test_where_everyone_rates_everything_those_who_give_up_unbalance_far_less_than_by_chance() -> None:
    """Nobody can rate a clip twice, so what the last to give up left out stays; chance leaves much more."""
    candidates = grid(6, 4)
    ours = [Simulation(candidates, 24, 60, 20, 0.03, seed).run().spread for seed in range(5)]
    chance = [Simulation(candidates, 24, 60, 20, 0.03, seed, True).run().spread for seed in range(5)]
    assert max(ours) <= 6
    assert sum(ours) < 0.6 * sum(chance)


def test_methods_are_spread_evenly_over_positions() -> None:
    candidates = grid(6, 4)
    for seed in range(4):
        # One after the other, everyone everything: the Latin square but for a last clip. Else nearly.
        assert Simulation(candidates, 24, 24, 1, 0.0, seed).run().unevenness < 0.5
        assert Simulation(candidates, 8, 60, 1, 0.0, seed).run().unevenness <= 2
        ours = Simulation(candidates, 8, 60, 10, 0.0, seed).run().unevenness
        chance = Simulation(candidates, 8, 60, 10, 0.0, seed, True).run().unevenness
        assert ours <= 1
        assert chance > 4


@pytest.mark.parametrize("size", range(1, 9))
def test_williams_square_has_every_number_in_every_column_and_after_every_other(size: int) -> None:
    rows = williams_square(size)
    each = len(rows) // size
    for column in zip(*rows, strict=True):
        assert Counter(column) == dict.fromkeys(range(size), each)
    after = Counter((a, b) for row in rows for a, b in pairwise(row))
    assert set(after.values()) <= {each}
    assert len(after) == size * (size - 1)


def test_every_rater_has_a_row_of_the_square() -> None:
    groups = ["a", "b", "c", "d"]
    for turn in range(9):
        wished = [wished_group(groups, number, turn) for number in range(8)]
        assert Counter(wished) == dict.fromkeys(groups, 2)
    assert sorted(wished_group(groups, 3, turn) for turn in range(4, 8)) == groups


@given(
    st.lists(st.integers(1, 5), min_size=1, max_size=6),
    st.integers(1, 12),
    st.integers(0, 2**31),
    st.data(),
)
@settings(max_examples=150, deadline=None)
def test_any_list_that_can_be_ordered_is_ordered(counts: list[int], wanted: int, seed: int, data) -> None:
    """Also of incomplete sets and with any loads: no clip twice, no item twice running, none too few."""
    candidates = [
        Candidate((10 * i + m, None), f"item {i}", f"method {m}")
        for i, count in enumerate(counts)
        for m in range(count)
    ]
    wanted = min(wanted, len(candidates))
    loads = {entry.key: data.draw(st.integers(0, 3)) for entry in candidates}
    groups = sorted({entry.group for entry in candidates})
    had: list[Candidate] = []
    for left in range(wanted, 0, -1):
        before = had[-1].item if had else None
        progress = RaterProgress(seed % 7, seed, had, left, before)
        had.append(choose(candidates, groups, loads, progress, data.draw(st.booleans())))
    assert len({entry.key for entry in had}) == wanted
    # Possible exactly when no item needs more than every second place.
    if sum(min(count, (wanted + 1) // 2) for count in counts) >= wanted:
        assert all(a.item != b.item for a, b in pairwise(had))


@given(st.integers(0, 4), st.integers(1, 40), st.integers(0, 8), st.integers(0, 2**31))
@settings(deadline=None)
def test_catch_clips_are_spread_and_never_first(training: int, rated: int, catches: int, seed: int) -> None:
    kinds = order_of_kinds(training, rated, catches, seed)
    assert Counter(kinds) == Counter(training=training, rated=rated, catch=catches)
    assert kinds[:training] == ["training"] * training
    main = kinds[training:]
    assert main[0] == "rated"
    if rated > catches:
        assert all((a, b) != ("catch", "catch") for a, b in pairwise(main))
    assert kinds == order_of_kinds(training, rated, catches, seed)


def test_places_of_catch_clips_cannot_be_guessed() -> None:
    places = {tuple(order_of_kinds(0, 20, 2, seed)) for seed in range(50)}
    assert len(places) > 30
