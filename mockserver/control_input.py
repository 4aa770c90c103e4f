"""What a control request brought: typed reads of its body, query and path, each with a refusal that says what to do.

Numbers are never floats: JSON numbers with a point are read as Decimal. A name in the path wins over the query, the
query over the body. Nothing here knows the exchanges.
"""

from __future__ import annotations

import base64
import binascii
import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from decimal import Decimal, InvalidOperation
from enum import Enum
from typing import Any, TypeVar
from urllib.parse import parse_qsl, unquote

from mockserver.exchange import KeyType
from mockserver.faces.base import HttpRequest

E = TypeVar("E", bound=Enum)

_MISSING = object()
MOST_DIGITS = 18
"""Before the point, and behind it: more money than there is, and figures that still can be written down."""

# DER object identifiers of SubjectPublicKeyInfo (RFC 8410 for Ed25519, RFC 3279 for RSA).
_ED25519_OID = bytes.fromhex("06032b6570")
_RSA_OID = bytes.fromhex("06092a864886f70d010101")


class BadRequest(Exception):
    """A refusal: its text says what is wrong and what to do."""

    def __init__(self, text: str, status: int = 400, **more: object) -> None:
        super().__init__(text)
        self.text = text
        self.status = status
        self.more = more


class Input:
    """The values of one control request by name."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values

    @classmethod
    def of(cls, request: HttpRequest, captured: Mapping[str, str]) -> Input:
        """Read a request; ``captured`` are the names in its path."""
        body: Any = {}
        if request.body:
            try:
                body = json.loads(request.body, parse_float=Decimal)
            except (ValueError, RecursionError):
                raise BadRequest("the body is not JSON; send an object, or nothing") from None
        if not isinstance(body, dict):
            raise BadRequest("the body is not a JSON object")
        path = {name: unquote(value) for name, value in captured.items()}
        home = {} if request.world is None else {"world": request.world}
        return cls(home | body | dict(parse_qsl(request.query, keep_blank_values=True)) | path)

    def allow(self, names: Collection[str]) -> None:
        """Refuse names that the route does not take: a misspelt one would be ignored, and its writer none the wiser."""
        unknown = sorted(self._values.keys() - set(names))
        if unknown:
            known = ", ".join(sorted(names))
            raise BadRequest(f"no such name here: {', '.join(map(repr, unknown))}; this route takes {known}")

    def has(self, name: str) -> bool:
        """Whether it was given, be it null."""
        return name in self._values

    def get(self, name: str) -> Any:
        """What was given, as it is; None when absent."""
        return self._values.get(name)

    def is_null(self, name: str) -> bool:
        """Whether it was given as null."""
        return self.has(name) and self._values[name] is None

    def text(self, name: str, default: str | None = None) -> str:
        """A text; refused when absent and without default."""
        value = self._get(name, default)
        if not isinstance(value, str):
            raise _wrong(name, "a string", value)
        if not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value):
            raise _wrong(name, "a string that can be written", ascii(value))
        return value

    def optional_text(self, name: str) -> str | None:
        """A text, or None when absent or null."""
        return None if self._values.get(name) is None else self.text(name)

    def whole(self, name: str, default: int | None = None) -> int:
        """A whole number, not below zero; digits in a string are one too (query, path)."""
        value = self._get(name, default)
        if isinstance(value, str) and value.isascii() and value.isdigit():
            value = int(value[:40])
        if isinstance(value, bool) or not isinstance(value, int) or value < 0:
            raise _wrong(name, "a whole number, 0 or above", value)
        return value

    def flag(self, name: str, default: bool) -> bool:
        """True or false."""
        value = self._get(name, default)
        if isinstance(value, str) and value in ("true", "false"):
            value = value == "true"
        if not isinstance(value, bool):
            raise _wrong(name, "true or false", value)
        return value

    def amount(self, name: str, convert: Callable[[Decimal], int]) -> int:
        """A decimal number in the engine's units; what the instrument cannot express is refused."""
        value = _decimal(name, self._get(name, None))
        try:
            return convert(value)
        except ValueError as error:
            raise BadRequest(f"{name!r}: {error}") from None

    def decimal(self, name: str) -> Decimal:
        """A decimal number."""
        return _decimal(name, self._get(name, None))

    def amounts(self, name: str) -> dict[str, Decimal]:
        """An object of asset -> decimal number."""
        return {asset: _decimal(f"{name}.{asset}", value) for asset, value in self.mapping(name).items()}

    def mapping(self, name: str) -> dict[str, Any]:
        """A JSON object; empty when absent."""
        value = self._values.get(name, {})
        if not isinstance(value, dict):
            raise _wrong(name, "an object", value)
        return value

    def names(self, name: str) -> tuple[str, ...]:
        """A list of strings; empty when absent."""
        value = self._values.get(name, [])
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            raise _wrong(name, "a list of strings", value)
        return tuple(value)

    def one_of(self, name: str, choices: Iterable[E], default: E | None = None) -> E:
        """A member of an enum by its value, in either case."""
        wanted = self.text(name, None if default is None else default.value)
        known = {choice.value: choice for choice in choices}
        if wanted.upper() not in known:
            raise _wrong(name, " | ".join(known), wanted)
        return known[wanted.upper()]

    def one_of_texts(self, name: str, choices: Sequence[str], default: str | None = None) -> str:
        """One of some texts."""
        value = self.text(name, default)
        if value not in choices:
            raise _wrong(name, " | ".join(choices), value)
        return value

    def _get(self, name: str, default: Any) -> Any:
        value = self._values.get(name, _MISSING)
        if value is not _MISSING:
            return value
        if default is None:
            raise BadRequest(f"{name!r} is missing")
        return default


def key_type_of_pem(pem: str) -> KeyType:
    """Whether a PEM public key is RSA or Ed25519, without any cryptography library."""
    lines = [line.strip() for line in pem.strip().splitlines()]
    if not lines or lines[0] != "-----BEGIN PUBLIC KEY-----" or lines[-1] != "-----END PUBLIC KEY-----":
        raise BadRequest("'public_key' is not a PEM public key (BEGIN PUBLIC KEY); `openssl pkey -pubout` makes one")
    try:
        der = base64.b64decode("".join(lines[1:-1]), validate=True)
    except binascii.Error:
        raise BadRequest("'public_key' is not valid base64 inside its PEM") from None
    if _ED25519_OID in der[:20]:
        return "ed25519"
    if _RSA_OID in der[:40]:
        return "rsa"
    raise BadRequest("'public_key' is neither an RSA nor an Ed25519 key")


def _decimal(name: str, value: Any) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, str | int | Decimal):
        raise _wrong(name, "a decimal number", value)
    if isinstance(value, str) and not value.isascii():  # Decimal reads the digits of any script
        raise _wrong(name, "a decimal number", value)
    try:
        number = Decimal(value)
    except InvalidOperation:
        raise _wrong(name, "a decimal number", value) from None
    if not number.is_finite():
        raise _wrong(name, "a finite number", value)
    exponent = number.as_tuple().exponent
    if number.adjusted() >= MOST_DIGITS or not isinstance(exponent, int) or exponent < -MOST_DIGITS:
        raise _wrong(name, f"a number of at most {MOST_DIGITS} digits before the point, and behind it", value)
    return number


def _wrong(name: str, wanted: str, value: object) -> BadRequest:
    shown = repr(value[:80]) if isinstance(value, str) else str(value)[:80]
    return BadRequest(f"{name!r} must be {wanted}, not {shown}")
