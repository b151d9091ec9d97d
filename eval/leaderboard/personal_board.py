"""The leaderboard as one person may see and change it; the page and the API go through this."""

from __future__ import annotations

from collections.abc import Collection
from pathlib import Path

from eval.compare.rights import RIGHTS, Role, Visitor
from eval.leaderboard.board import Added, Board
from eval.leaderboard.standings import Filters, Standings
from eval.study.storage.store import ListedStudy
from lipsync.errors import ConfigError


class PersonalBoard:
    """What a person may do with the leaderboard, as `eval.compare.rights.RIGHTS` says.

    Args:
        board: the leaderboard.
        visitor: who asks.
    """

    def __init__(self, board: Board, visitor: Visitor) -> None:
        self._board, self._visitor = board, visitor

    @property
    def role(self) -> Role:
        """What the person is to the leaderboard."""
        if self._visitor.owner:
            return Role.OWNER
        return Role.PUBLIC if self._board.settings.public else Role.LINK

    def may(self, verb: str) -> bool:
        """Whether the person may do what `RIGHTS` names ``verb``."""
        return self.role >= RIGHTS[verb]

    def check(self, verb: str) -> None:
        """The one check of all verbs.

        Raises:
            ConfigError: the person may not do this.
        """
        if not self.may(verb):
            owner_only = RIGHTS[verb] is Role.OWNER
            raise ConfigError("leaderboard.owner_only" if owner_only else "leaderboard.private")

    def standings(self, filters: Filters, anonymous: bool = False) -> Standings:
        """As `Board.standings`; whoever may not change it reads only the names that are published.

        Args:
            filters: what part.
            anonymous: as visitors read it, also for those who may change it.
        """
        self.check("see the leaderboard")
        titles, published = self._board.titles(), self._board.settings.published
        named = not anonymous and self.may("change the leaderboard")

        def name(method: str) -> str:
            if named or method in published:
                return titles.get(method, method)
            return self._board.anonymous(method)

        return self._board.standings(filters).renamed(name)

    def choices(self) -> tuple[list[str], list[str]]:
        """As `Board.choices`."""
        self.check("see the leaderboard")
        return self._board.choices()

    def arenas(self, suite: str | None = None) -> list[ListedStudy]:
        """As `Board.arenas`."""
        self.check("see the leaderboard")
        return self._board.arenas(suite)

    def publish(self, methods: Collection[str], published: bool = True) -> None:
        """As `Board.publish`."""
        self.check("change the leaderboard")
        self._board.publish(methods, published)

    def publish_only(self, methods: Collection[str]) -> None:
        """As `Board.publish_only`."""
        self.check("change the leaderboard")
        self._board.publish_only(methods)

    def show_to_visitors(self, public: bool) -> None:
        """As `Board.show_to_visitors`."""
        self.check("change the leaderboard")
        self._board.show_to_visitors(public)

    def rank_from(self, minimum: int) -> None:
        """As `Board.rank_from`."""
        self.check("change the leaderboard")
        self._board.rank_from(minimum)

    def add(self, path: Path) -> Added:
        """As `Board.add`."""
        self.check("change the leaderboard")
        return self._board.add(path)

    def remove(self, id: str) -> None:
        """As `Board.remove`."""
        self.check("change the leaderboard")
        self._board.remove(id)
