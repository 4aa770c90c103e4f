"""The control API's routes for the page at ``/``: its files, and the journal as it comes.

Everything else that the page shows and does goes by the routes that a test uses. Pure, like ``mockserver.control``,
which mounts these routes: to wait for news is the server's.
"""

from __future__ import annotations

from importlib.resources import files
from typing import Final

from mockserver.control_acts import WHOLE, Act, News, Schema, Steps, Table, like, obj, rows
from mockserver.control_input import BadRequest, Input
from mockserver.control_orders import Finder
from mockserver.faces.base import HttpResponse

LONGEST_MS: Final = 5_000
"""Nobody waits longer for news; who wants more asks again."""
MEDIA: Final = {
    "svg": "image/svg+xml",
    "html": "text/html",
    "css": "text/css",
    "js": "text/javascript",
    "json": "application/json",
}
POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS: Final = (("content-security-policy", POLICY), ("cache-control", "no-cache"))
_FILE: Final[Schema] = {"type": ["string", "object"]}


class PageControl:
    """What the page is made of, and how it hears the news."""

    def __init__(self, find: Finder, entry: Schema) -> None:
        self.find = find
        self.files = {each.name: each.read_bytes() for each in files("mockserver").joinpath("pages", "ui").iterdir()}
        wait = like(WHOLE, 0, f"Wait so many milliseconds for something newer than 'since'; at most {LONGEST_MS}.", 0)
        self.table: Table = {
            ("GET", "/ui"): Act.of(self._page, gives=_FILE, media=MEDIA["html"]),
            ("GET", "/ui/{name}"): Act.of(
                self._file, gives=_FILE, media=" ".join(MEDIA.values()), name=like({"type": "string"}, "page.js")
            ),
            ("GET", "/events"): Act.of(
                self._events, "since limit wait_ms", gives=obj(newest=WHOLE, entries=rows(entry)), wait_ms=wait
            ),
        }

    def _page(self, given: Input) -> HttpResponse:
        """The page that shows this world, and lets it be played with."""
        return self._answer("index.html")

    def _file(self, given: Input) -> HttpResponse:
        """A file of that page."""
        name = given.text("name")
        if name not in self.files:
            raise BadRequest(f"no file {name!r}; there are {', '.join(sorted(self.files))}", 404)
        return self._answer(name)

    def _answer(self, name: str) -> HttpResponse:
        return HttpResponse(200, self.files[name], _HEADERS, f"{MEDIA[name.rpartition('.')[2]]}; charset=utf-8")

    def _events(self, given: Input) -> Steps:
        """The journal's entries after "since", as soon as there is one. A "newest" below "since": the world is new."""
        since, wait_ms = given.whole("since", 0), given.whole("wait_ms", 0)
        if wait_ms > LONGEST_MS:
            raise BadRequest(f"'wait_ms' must be at most {LONGEST_MS}")
        world, limit = self.find.world(given), max(1, given.whole("limit", 500))
        if wait_ms and world.recorder.newest == since:
            yield News(world, wait_ms * 1_000_000)
            world = self.find.world(given)  # it may have begun anew
        return {"newest": world.recorder.newest, "entries": world.recorder.journal(since=since, limit=limit)}
