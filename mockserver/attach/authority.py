"""A certificate authority that lives as long as one run, and can vouch for nothing but the venues and this machine.

The limit is in its own certificate (X.509 name constraints, critical): whoever trusts it by mistake is open to no other
name. Its key never leaves the memory; a leaf's key passes through a file of mode 0600 while OpenSSL reads it, since it
can read it from nowhere else.
"""

from __future__ import annotations

import contextlib
import datetime
import ipaddress
import ssl
from pathlib import Path
from typing import TYPE_CHECKING, Final

from mockserver.faults import TlsExpired, TlsWrongHost
from mockserver.hosts import DOMAINS, LOCAL, is_played

if TYPE_CHECKING:
    import trustme
    from cryptography import x509

LIFE: Final = datetime.timedelta(days=1)
EARLIER: Final = datetime.timedelta(hours=1)
"""A client whose clock is a little behind takes it too."""
MAX_NAMES: Final = 500


def named(hello: bytes) -> str:
    """The host that a client names in these first bytes of its handshake, in small letters; empty if it names none."""
    found: list[str] = []

    def note(_: ssl.SSLObject | ssl.SSLSocket, name: str | None, context: ssl.SSLContext) -> None:
        found.append(name or "")

    context, come = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), ssl.MemoryBIO()
    context.sni_callback = note
    come.write(hello)
    with contextlib.suppress(ssl.SSLError):  # it wants more bytes, or a certificate, or these are none of TLS
        context.wrap_bio(come, ssl.MemoryBIO(), server_side=True).do_handshake()
    return found[0].lower() if found else ""


class NoAuthority(Exception):
    """Why there are no certificates, in words for whoever asked for them."""


class Authority:
    """The authority and the certificates it has given out, one for each name that a client asked for."""

    def __init__(self) -> None:
        try:
            import trustme
        except ImportError:
            raise NoAuthority(
                "TLS needs trustme, which comes with an extra: pip install 'exchstream[test]', or pip install trustme"
            ) from None
        certificate, key = _constrained()
        self.pem = certificate
        """The authority's certificate: what a client has to trust."""
        self._ca: trustme.CA = trustme.CA.from_pem(certificate, key)
        self._contexts: dict[str, ssl.SSLContext] = {}  # bounded: MAX_NAMES, see _named()
        self._here = self._choosing(self._context(*LOCAL))
        self._names: dict[ssl.SSLContext, str] = {}  # bounded: as _contexts

    def server_context(self) -> ssl.SSLContext:
        """For the server's side of a handshake: the certificate is that of the name which the client asks for."""
        return self._here

    def spoilt(self, fault: TlsExpired | TlsWrongHost, name: str) -> ssl.SSLContext:
        """For a handshake that is to go wrong, of a client that names this host, or (empty) none."""
        if isinstance(fault, TlsExpired):
            until = datetime.datetime.now(datetime.UTC) - datetime.timedelta(microseconds=fault.ago_ns // 1_000)
            return self._context(*((name,) if is_played(name) else LOCAL), until=until)
        domain = next((each for each in DOMAINS if is_played(name) and name.endswith(each)), "localhost")
        return self._context(f"elsewhere.{domain}")

    def name_of(self, context: ssl.SSLContext | None) -> str:
        """The name whose certificate was shown."""
        return "" if context is None else self._names.get(context, "")

    def bundle(self, *others: Path) -> bytes:
        """The authority's certificate behind those of these files."""
        return b"\n".join([*(path.read_bytes() for path in others), self.pem])

    def _context(self, *names: str, until: datetime.datetime | None = None) -> ssl.SSLContext:
        """With a certificate for these names, which runs out then, or not while we live."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.set_alpn_protocols(["http/1.1"])
        since = None if until is None else until - LIFE
        leaf = self._ca.issue_cert(*names, common_name=names[0], not_before=since, not_after=until)
        leaf.configure_cert(context)
        return context

    def _choosing(self, context: ssl.SSLContext) -> ssl.SSLContext:
        context.sni_callback = self._by_name
        return context

    def _by_name(self, connection: ssl.SSLObject | ssl.SSLSocket, name: str | None, _: ssl.SSLContext) -> int | None:
        """Show the certificate of a venue's host; for a name of this machine, or none, that of this machine."""
        if not name or name.lower() in LOCAL:
            return None
        context = self._named(name.lower())
        if context is None:
            return ssl.ALERT_DESCRIPTION_UNRECOGNIZED_NAME
        connection.context = context
        return None

    def _named(self, name: str) -> ssl.SSLContext | None:
        if name not in self._contexts:
            if not is_played(name) or len(self._contexts) >= MAX_NAMES:
                return None
            self._contexts[name] = context = self._choosing(self._context(name))
            self._names[context] = name
        return self._contexts[name]


def _constrained() -> tuple[bytes, bytes]:
    """Certificate and key of a new authority, as PEM."""
    from cryptography import x509
    from cryptography.hazmat.primitives import hashes, serialization
    from cryptography.hazmat.primitives.asymmetric import ec

    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "mockserver, one run only")])
    now = datetime.datetime.now(datetime.UTC)
    names = [x509.DNSName(domain) for domain in (*DOMAINS, "localhost")]
    addresses = [x509.IPAddress(ipaddress.ip_network(address)) for address in LOCAL if address != "localhost"]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - EARLIER)
        .not_valid_after(now + LIFE)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(_signs_certificates(), critical=True)
        .add_extension(x509.NameConstraints([*names, *addresses], None), critical=True)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
    )
    return certificate.public_bytes(serialization.Encoding.PEM), private


def _signs_certificates() -> x509.KeyUsage:
    from cryptography import x509

    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=True,
        crl_sign=True,
        encipher_only=False,
        decipher_only=False,
    )
