"""The parameters of one request, read by name, whatever way they came.

REST (spot docs `rest-api.md`, 2026-07): GET takes the query string; the other methods take the query string or a form
body or both, and where a name is in both the query string wins. The signed text is the raw query and the raw body put
together without a separator, byte for byte as received, less the signature wherever it stands.
WebSocket API (spot docs `web-socket-api.md`): a JSON object; the signed text is `name=value` sorted by name, joined
with `&`, not percent-encoded.
What this module does not do: know which parameters a call takes; its route says so, and `only` refuses the rest.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Final
from urllib.parse import unquote_plus

from attrs import frozen

from mockserver.faces.base import HttpRequest
from mockserver.faces.binance import errors, text
from mockserver.faces.binance.errors import Refused

# The error text of spot names this range for client ids (practice); USD-M's page has a wider one.
SPOT_CLIENT_ID: Final = "^[a-zA-Z0-9-_]{1,36}$"
FUTURES_CLIENT_ID: Final = r"^[\.A-Z\:/a-z0-9_-]{1,36}$"
INTEGER_RANGE: Final = "^[0-9]{1,20}$"
_INTEGER: Final = re.compile(INTEGER_RANGE)
_LONG_MAX: Final = 2**63 - 1


@frozen
class Params:
    """What one request sent.

    Invariants: names and values are decoded text; `signed` is what the signature must cover.
    """

    values: Mapping[str, str]
    signed: bytes

    def text(self, name: str) -> str | None:
        """Return the parameter, or None if it is absent or empty."""
        return self.values.get(name) or None

    def need(self, name: str) -> str:
        """Return the parameter; refused with -1102 if it is absent or empty."""
        value = self.text(name)
        if value is None:
            raise Refused(errors.missing(name))
        return value

    def integer(self, name: str) -> int | None:
        """Return a whole number, or None if absent; refused with -1100 for anything but digits."""
        value = self.text(name)
        if value is None:
            return None
        if not _INTEGER.match(value) or int(value) > _LONG_MAX:
            raise Refused(errors.illegal(name, INTEGER_RANGE))
        return int(value)

    def number(self, name: str) -> Decimal | None:
        """Return a positive or zero decimal, or None if absent; refused with -1100 if it is no number."""
        value = self.text(name)
        if value is None:
            return None
        number = text.decimal_or_none(value)
        if number is None:
            raise Refused(errors.illegal(name, text.NUMBER_RANGE))
        return number

    def flag(self, name: str) -> bool | None:
        """Return a boolean written `true` or `false` in any case, or None if absent."""
        value = self.text(name)
        if value is None:
            return None
        if value.lower() not in ("true", "false"):
            raise Refused(errors.not_valid(name))
        return value.lower() == "true"

    def matching(self, name: str, legal_range: str) -> str | None:
        """Return text within a range of characters, or None if absent; refused with -1100 outside of it."""
        value = self.text(name)
        if value is not None and not re.fullmatch(legal_range.strip("^$"), value):
            raise Refused(errors.illegal(name, legal_range))
        return value

    def only(self, names: frozenset[str], *, counted: bool = False) -> None:
        """Refuse with -1104 a request that sends anything but these; `counted`: with -1101 if it sends more of them."""
        read, sent = sum(1 for name in self.values if name in names), len(self.values)
        if counted and sent > len(names):
            raise Refused(errors.too_many_parameters(len(names), sent))
        if read != sent:
            raise Refused(errors.unread(read, sent))


def from_http(request: HttpRequest) -> Params:
    """Return the parameters of a REST request; refused with -1101 if one source has a name twice."""
    body = b"" if request.method == "GET" else request.body
    query = request.query.encode("utf-8", "surrogateescape")
    values = _pairs(body)
    values.update(_pairs(query))
    return Params(values, _without_signature(query) + _without_signature(body))


def _pairs(raw: bytes) -> dict[str, str]:
    out: dict[str, str] = {}
    for part in raw.split(b"&"):
        if not part:
            continue
        name, _, value = part.partition(b"=")
        key = unquote_plus(name.decode("utf-8", "replace"))
        if key in out:
            raise Refused(errors.DUPLICATE_VALUES)
        out[key] = unquote_plus(value.decode("utf-8", "replace"))
    return out


def _without_signature(raw: bytes) -> bytes:
    return b"&".join(part for part in raw.split(b"&") if not part.startswith(b"signature="))


def from_json(sent: Mapping[str, object]) -> Params:
    """Return the parameters of a WebSocket API request.

    Numbers keep the digits they were sent with: the frame must have been decoded with `loads_exact`.
    """
    values = {name: _plain(value) for name, value in sent.items()}
    signed = "&".join(f"{name}={values[name]}" for name in sorted(values) if name != "signature")
    return Params(values, signed.encode("utf-8", "surrogatepass"))


def _plain(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return ""
    if isinstance(value, (list, dict)):
        return text.json_text(value)
    return str(value)


def loads_exact(frame: str) -> object:
    """Decode JSON, numbers with a point kept as their text; raises ValueError or RecursionError for bad JSON.

    Half of a pair of surrogates is bad, too: it is no letter, and cannot be told back.
    """
    value: object = json.loads(frame, parse_float=str, parse_constant=_refuse_constant)
    if "\\ud" in frame.lower():
        json.dumps(value, ensure_ascii=False).encode()
    return value


def _refuse_constant(name: str) -> object:
    raise ValueError(f"{name} is not JSON")
