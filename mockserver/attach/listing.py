"""``python -m mockserver clients [NAME]``: the lines by which a client is pointed at the mock; no name: a list."""

from __future__ import annotations

import difflib
from collections.abc import Iterator, Sequence

from mockserver.arguments import EXIT_USAGE, Parser
from mockserver.command import demo_key, say
from mockserver.snippets import CLIENTS, Client, values_of
from mockserver.venues import VENUES


def parser() -> Parser:
    """The arguments."""
    made = Parser(
        prog="python -m mockserver clients",
        description="Show how a client is pointed at a mock exchange. Without a name: which clients are known.",
    )
    made.add_argument("name", nargs="?", help="a client, or a part of its name")
    made.add_argument("--url", default="http://127.0.0.1:8080", help="where the mock is (default: %(default)s)")
    return made


def main(argv: Sequence[str]) -> int:
    """Print it; the exit code."""
    made = parser()
    args = made.parse_args(argv)
    if not args.url.startswith("http://"):
        made.error(f"argument --url: {args.url!r} does not begin with http://")
    if args.name is None:
        width = max(len(each.name) for each in CLIENTS)
        say("\n".join(f"{each.name:{width}}  {', '.join(each.lines):36}  {_tried(each)}" for each in CLIENTS))
        return 0
    wanted = args.name.lower().replace("_", "-")
    found = [each for each in CLIENTS if each.name == wanted] or [each for each in CLIENTS if wanted in each.name]
    if not found:
        near = difflib.get_close_matches(wanted, [each.name for each in CLIENTS], n=3, cutoff=0.3)
        made.exit(EXIT_USAGE, f"mockserver: no client {args.name!r} is known{_near(near)}; {made.prog} lists all\n")
    say("\n\n".join("\n".join(_page(each, args.url.rstrip("/"))) for each in found))
    return 0


def _page(client: Client, http: str) -> Iterator[str]:
    mark = "//" if client.language == "javascript" else "#"
    yield f"{mark} {client.name} ({client.package}); {_tried(client)}"
    yield f"{mark} by a proxy (python -m mockserver exec) it needs: {client.proxy}"
    for spec in VENUES:
        if spec.name in client.lines:
            key, secret = demo_key(spec, "ApiKey"), demo_key(spec, "Secret")
            yield ""
            yield f"{mark} {spec.name}"
            ws = http.replace("http://", "ws://", 1)
            yield client.snippet(spec.name, values_of(http=http, ws=ws, key=key, secret=secret))


def _tried(client: Client) -> str:
    return "not executed" if client.tried is None else f"executed with {client.tried}"


def _near(names: Sequence[str]) -> str:
    return f"; near: {', '.join(names)}" if names else ""
