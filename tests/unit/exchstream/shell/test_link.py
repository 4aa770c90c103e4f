"""What transports share; what every transport must do is in tests/conformance."""

from __future__ import annotations

import pytest
import trio
import trio.testing

from exchstream.core.venue import SECOND
from exchstream.shell.link import WholeFrames


async def test_stream_of_whole_frames() -> None:
    """It is a stream like the one below it, in both directions and to the end."""
    ours, theirs = trio.testing.memory_stream_pair()
    stream = WholeFrames(ours, SECOND)

    await stream.wait_send_all_might_not_block()
    await stream.send_all(b"there")
    await theirs.send_all(b"back")
    assert (await theirs.receive_some(), await stream.receive_some(2)) == (b"there", b"ba")
    await stream.aclose()
    with pytest.raises(trio.ClosedResourceError):
        await stream.send_all(b"late")
