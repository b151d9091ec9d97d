"""Who asks for a page or the API, and what is theirs: the one place that decides it."""

from __future__ import annotations

from collections.abc import Collection

import gradio as gr

from eval.compare.rights import PersonalSets, Visitor
from eval.compare.sets import Sets
from eval.study.server.admin import Admin
from eval.study.server.client_address import ClientAddress, trusted_proxies
from eval.study.storage.store import Store
from lipsync.errors import StudyError
from lipsync.ui.public.visitor_limits import Asker, VisitorLimits, folder_bytes
from lipsync.ui.settings import Settings
from lipsync.ui.visitor import visitor_of

PASSWORD = "x-lipsync-password"  # header of a program that acts for the owner


class Access:
    """Tells visitors and the owner apart.

    Args:
        sets: all comparison sets.
        store: the studies, which may keep a set from visitors.
        admin: the owner's login.
        private: the portal serves this machine alone and has no password, so whoever sits at it owns all.
        jobs, disk: what one visitor may have at once, as of `Settings`.

    Attributes:
        limits: of visitors.
    """

    def __init__(
        self,
        sets: Sets,
        store: Store,
        admin: Admin,
        private: bool,
        jobs: int = Settings.visitor_jobs,
        disk: int = Settings.visitor_disk,
    ) -> None:
        self._sets, self._store, self.admin, self.private = sets, store, admin, private
        self.limits = VisitorLimits(jobs, disk, self.asker, self._set_bytes)

    def visitor(self, request: gr.Request) -> Visitor:
        """Who makes a request.

        Raises:
            StudyError: the request names a password, and it is wrong.
        """
        origin = origin_of(request)
        password = origin.headers.get(PASSWORD)
        if password is not None:
            self.admin.verify(password, origin)
        return Visitor(visitor_of(request), owner=password is not None or self._owns(request, origin))

    def sets_of(self, request: gr.Request) -> PersonalSets:
        """The comparison sets as whoever makes a request may use them."""
        visitor = self.visitor(request)
        asker = _limited(visitor, request)

        def check_room() -> None:
            if asker is not None:
                self.limits.check_disk(asker)

        return PersonalSets(self._sets, visitor, self._store.sets_in_use, check_room)

    def check_owner(self, request: gr.Request) -> None:
        """Accept the owner's requests about studies; at the machine itself these need the login, too.

        Raises:
            StudyError: someone else.
        """
        self.admin.check(visitor_of(request), origin_of(request))

    def asker(self, request: gr.Request) -> Asker | None:
        """Who makes a request, for limits; None: the owner, for whom none hold.

        Raises:
            StudyError: the request names a password, and it is wrong.
        """
        return _limited(self.visitor(request), request)

    def _set_bytes(self, makers: Collection[str]) -> int:
        """Bytes of the comparison sets that the visitors of those names made."""
        own = (known.id for known in self._sets.list() if known.maker in makers)
        return sum(folder_bytes(self._sets.folder / id) for id in own)

    def _owns(self, request: gr.Request, origin: ClientAddress) -> bool:
        if self.private and origin.loopback:
            return True
        try:
            self.check_owner(request)
        except StudyError:
            return False
        return True


def _limited(visitor: Visitor, request: gr.Request) -> Asker | None:
    """The visitor for whom limits hold; None: the owner."""
    return None if visitor.owner else Asker(visitor.name, address_of(request))


def origin_of(request: gr.Request) -> ClientAddress:
    """The other end of a request of Gradio."""
    client = request.client
    headers: dict[str, str] = {}
    for name, value in request.headers.items():  # of several of one name the values belong together
        before = headers.get(name.lower())
        headers[name.lower()] = value if before is None else f"{before}, {value}"
    return ClientAddress(client.host if client else "", headers)


def address_of(request: gr.Request) -> str:
    """The visitor's address, for limits and duplicates."""
    return origin_of(request).address(trusted_proxies())
