"""Credentials are taken out of everything that is shown or kept (G8)."""

from __future__ import annotations

import pytest

from exchstream.core.balances import Balances
from exchstream.core.ledger import Ledger
from exchstream.core.scrub import needles, scrub
from exchstream.core.teller import Teller
from exchstream.core.venue import CredentialIs, Memory, Secret

from .toy import Toy


def credential(text: str) -> CredentialIs:
    """A listen key without a care for its times."""
    return CredentialIs(Secret(text), renew_ns=0, spread_ns=0, expires_ns=0)


def test_every_secret_is_hidden_wherever_it_stands() -> None:
    """Each occurrence is replaced; the rest of the message stays as it is."""
    hidden = needles([Secret("canary-secret"), Secret("another")])

    assert scrub(b'{"a":"another","b":"canary-secret-canary-secret"}', hidden) == b'{"a":"***","b":"***-***"}'


def test_what_is_too_short_is_no_needle() -> None:
    """Three letters stand in too many innocent words."""
    assert needles([Secret("abc"), Secret("four")]) == (b"four",)


def test_what_is_named_a_signature_or_a_listen_key_is_hidden() -> None:
    """Also one that is not ours."""
    assert scrub(b'{"listenKey":"abcdefgh12"}&signature=0123456789ab', ()) == b'{"listenKey":"***"}&signature=***'


def test_the_credential_in_force_is_hidden_from_the_moment_it_is() -> None:
    """The very message that was clean before is cleaned anew when it changes; an older one may still be live."""
    venue, memory = Toy(), Memory()
    teller = Teller(venue, memory, Ledger(floor_ns=0), Balances())
    raw = b"canary-secret first-key other-key"

    found = []
    for key in (None, credential("first-key"), credential("other-key"), None):
        memory.credential = key
        found.append((teller.clean(raw), teller.clean(raw)))

    expected = [b"*** first-key other-key", b"*** *** other-key", b"*** *** ***", b"*** *** ***"]
    assert [(text, text) for text in expected] == found


@pytest.mark.parametrize(
    "text",
    [
        "?a=1&signature=CANARY1234",
        "FTX-SIGN: CANARY1234",
        '{"sign": "CANARY1234"}',
        '{"msg":"{\\"signature\\": \\"CANARY1234\\"}"}',
        "{'listenKey': 'CANARY1234'}",
        "LISTENKEY=CANARY1234",
    ],
)
def test_a_signature_is_known_by_its_name_in_every_spelling(text: str) -> None:
    """In a query, a header, JSON, JSON inside of JSON and Python's own quotes."""
    assert text.replace("CANARY1234", "***").encode() == scrub(text.encode(), ())
