"""Who may do what with a comparison set and the leaderboard: one table, and the sets as one may use them."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import cache
from pathlib import Path

from eval.compare.changes import Report
from eval.compare.index import ComparisonSet
from eval.compare.sets import SetInfo, Sets
from eval.compare.video_import import Entry
from lipsync.errors import ConfigError


class Role(IntEnum):
    """What somebody is to a set; each may do all that those before may.

    NOBODY: the set feeds an open study, where names would spoil the ratings. LINK: whoever has its link.
    PUBLIC: everybody, for the owner published it. MAKER: made it, in the same browser. OWNER: of the portal.
    """

    NOBODY = 0
    LINK = 1
    PUBLIC = 2
    MAKER = 3
    OWNER = 4


# The least role that each verb takes; creating a set is open to all. To the leaderboard, visitors are PUBLIC
# once its owner shows it to them.
RIGHTS = {
    "list": Role.PUBLIC,
    "open": Role.LINK,
    "export": Role.LINK,
    "score": Role.MAKER,
    "add": Role.MAKER,
    "rename": Role.MAKER,
    "delete": Role.MAKER,
    "publish": Role.OWNER,
    "see the leaderboard": Role.PUBLIC,
    "change the leaderboard": Role.OWNER,
}


@dataclass(frozen=True)
class Visitor:
    """Who asks.

    Attributes:
        name: of the browser, random.
        owner: of the portal; logged in, or at the machine itself where the portal serves nobody else.
    """

    name: str
    owner: bool = False


class PersonalSets:
    """The comparison sets as one person may see and change them; every page and the API go through this.

    A set that a person may not see is missing, as one that was never there.

    Args:
        sets: all of them.
        visitor: who asks.
        studied: ids and titles of the sets that feed an open study; asked only where it matters.
        check_room: raises an error where the person has no room for another set.
    """

    def __init__(
        self,
        sets: Sets,
        visitor: Visitor,
        studied: Callable[[], Collection[str]],
        check_room: Callable[[], None] = lambda: None,
    ) -> None:
        self._sets, self._check_room = sets, check_room
        self._studied = cache(studied)  # these are the sets of one request
        self.visitor = visitor

    def role(self, set_: ComparisonSet | SetInfo) -> Role:
        """What the person is to a set."""
        if self.visitor.owner:
            return Role.OWNER
        if set_.maker and set_.maker == self.visitor.name:
            return Role.MAKER
        if not {set_.id, set_.title}.isdisjoint(self._studied()):
            return Role.NOBODY
        return Role.PUBLIC if set_.published else Role.LINK

    def may(self, verb: str, set_: ComparisonSet | SetInfo) -> bool:
        """Whether the person may do what `RIGHTS` names ``verb``."""
        return self.role(set_) >= RIGHTS[verb]

    def allowed(self, verb: str, id: str) -> ComparisonSet:
        """The set, for a person who may do this with it; the one check of all verbs.

        Raises:
            ConfigError: there is no such set for this person, or it is somebody else's.
        """
        set_ = self._sets.open(id)
        if not self.may("open", set_):
            raise ConfigError("sets.missing", name=id)
        if not self.may(verb, set_):
            raise ConfigError("sets.owner_only" if RIGHTS[verb] is Role.OWNER else "sets.not_yours")
        return set_

    def list(self) -> tuple[SetInfo, ...]:
        """The sets that the person finds in the list, as of `Sets.list`."""
        return tuple(known for known in self._sets.list() if self.may("list", known))

    def open(self, id: str) -> ComparisonSet:
        """As `Sets.open`."""
        return self.allowed("open", id)

    def create(self, title: str, entries: Iterable[Entry] = (), report: Report | None = None) -> str:
        """As `Sets.create`; the person is the maker."""
        self._check_room()
        return self._sets.create(title, entries, report, maker=self.visitor.name)

    def bring(self, zip_path: Path, title: str = "", report: Report | None = None) -> str:
        """As `Sets.bring`; the person is the maker."""
        self._check_room()
        return self._sets.bring(zip_path, title, report, maker=self.visitor.name)

    def example(self) -> str:
        """As `Sets.example`, of the person's own."""
        self._check_room()
        return self._sets.example(self.visitor.name)

    def export(self, id: str, zip_path: Path) -> Path:
        """As `Sets.export`."""
        self.allowed("export", id)
        return self._sets.export(id, zip_path)

    def rename(self, id: str, title: str) -> None:
        """As `Sets.rename`."""
        self.allowed("rename", id)
        self._sets.rename(id, title)

    def delete(self, id: str) -> None:
        """As `Sets.delete`."""
        self.allowed("delete", id)
        self._sets.delete(id)

    def publish(self, id: str, published: bool) -> None:
        """Show a set to everybody, or no longer."""
        self.allowed("publish", id)
        self._sets.publish(id, published)
