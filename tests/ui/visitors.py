"""People whom no portal knows, one after another on the same pages of one browser.

A page that has shown the portal before has its scripts compiled and its window open: showing it again takes
half of the processor time. So pages are kept, and everything by which a portal could know its visitor is
cleared before the next one.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import urlsplit

from tests.ui.pages import PATIENCE

FORGET = "() => { localStorage.clear(); sessionStorage.clear(); }"


class Visitors:
    """The visitors of one test; their pages are kept in ``idle``, by language, for the next test's."""

    def __init__(self, browser: Any, idle: defaultdict[str, list[Any]]) -> None:
        self._browser = browser
        self._idle = idle
        self._open: list[tuple[Any, str, set[str]]] = []
        self._listeners: list[tuple[Any, str, Callable[[Any], object]]] = []

    def open(
        self,
        locale: str = "en-GB",
        size: tuple[int, int] = (1280, 860),
        scheme: str = "light",
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """An empty page of a new visitor, in a context of their own."""
        page = self._idle[locale].pop() if self._idle[locale] else self._new(locale)
        page.set_viewport_size({"width": size[0], "height": size[1]})
        page.emulate_media(color_scheme=scheme)
        page.context.set_extra_http_headers(dict(headers or {}))
        origins: set[str] = set()
        self.listen(page, "framenavigated", lambda frame: origins.add(frame.url))
        self._open.append((page, locale, origins))
        return page

    def _new(self, locale: str) -> Any:
        page = self._browser.new_context(locale=locale).new_page()
        page.set_default_timeout(PATIENCE)
        return page

    def listen(self, page: Any, event: str, hear: Callable[[Any], object]) -> None:
        """``page.on`` until the test is over."""
        page.on(event, hear)
        self._listeners.append((page, event, hear))

    @property
    def contexts(self) -> list[Any]:
        """Of the visitors, the first comer first."""
        return [page.context for page, *_ in self._open]

    def leave(self) -> None:
        """All visitors go, and with them whatever the browser keeps of them."""
        for page, event, hear in self._listeners:
            page.remove_listener(event, hear)
        for page, locale, addresses in self._open:
            if page.is_closed():  # by its test
                page.context.close()
                continue
            for other in page.context.pages:
                if other is not page:
                    other.close()
            page.unroute_all()
            _forget(page, {f"{url.scheme}://{url.netloc}" for url in map(urlsplit, addresses) if url.netloc})
            self._idle[locale].append(page)
        self._open, self._listeners = [], []


def _forget(page: Any, origins: set[str]) -> None:
    context = page.context
    context.set_offline(False)
    context.clear_permissions()
    here = urlsplit(page.url)
    if here.netloc:
        page.evaluate(FORGET)
    page.goto("about:blank")  # the scripts of the portal write no more
    context.clear_cookies()
    session = context.new_cdp_session(page)
    for origin in origins:
        session.send("Storage.clearDataForOrigin", {"origin": origin, "storageTypes": "all"})
    session.detach()
