"""A nursery whose one failure comes out as itself.

trio wraps even a single exception in a group; a user whose own handler raised ValueError expects ValueError.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import trio


@asynccontextmanager
async def open_bare_nursery() -> AsyncIterator[trio.Nursery]:
    """`trio.open_nursery`, except that a group of one exception is raised as that exception."""
    try:
        async with trio.open_nursery() as nursery:
            yield nursery
    except BaseExceptionGroup as group:
        if len(group.exceptions) != 1:
            raise
        only = group.exceptions[0]
        context = only.__context__
        try:
            raise only  # noqa: ASYNC123 (its context is put back below)
        finally:
            only.__context__ = context  # not "during handling of the group": nobody handled anything
