"""The files of one run: the authority's certificate, and bundles that hold it behind those which were trusted before.

A folder of mode 0700 that goes when the run ends. No key is ever in it.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Final, Self

from mockserver.attach.authority import Authority

SYSTEM_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/pki/ca-trust/extracted/pem/tls-ca-bundle.pem",
    "/etc/ssl/ca-bundle.pem",
    "/etc/ssl/cert.pem",
)
_CERTIFI: Final = "certifi/cacert.pem"
_PACKAGES: Final = ("lib*/python3*/site-packages", "lib*/python3/dist-packages", "lib*/python3*/dist-packages")


class Papers:
    """The folder, as a context manager; or one that was there before, which stays, as do the certificates in it."""

    def __init__(self, authority: Authority, environ: Mapping[str, str], folder: Path | None = None) -> None:
        self.authority = authority
        self._environ = environ
        self._given = folder
        self._count = 0

    def __enter__(self) -> Self:
        if self._given is not None:
            self._given.mkdir(parents=True, exist_ok=True)
        self.folder = Path(tempfile.mkdtemp(prefix="mockserver-")) if self._given is None else self._given
        self.certificate = self.write("ca.pem", self.authority.pem)
        known = trusted_before(self._environ)
        self.bundle = self.write("bundle.pem", self.authority.bundle(*([] if known is None else [known])))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._given is None:
            shutil.rmtree(self.folder, ignore_errors=True)

    def write(self, name: str, content: bytes) -> Path:
        """Write a file that everybody may read who may look into the folder."""
        path = self.folder / name
        path.write_bytes(content)
        return path.absolute()

    def with_ours(self, bundle: Path) -> Path:
        """A copy of this bundle that holds the authority's certificate too."""
        self._count += 1
        return self.write(f"bundle-{self._count}.pem", self.authority.bundle(bundle))


def trusted_before(environ: Mapping[str, str]) -> Path | None:
    """The bundle that a client would have used: what the environment names, else certifi's, else the system's."""
    named = (environ.get(name) for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"))
    try:
        import certifi
    except ImportError:
        ours = None
    else:
        ours = certifi.where()
    found = (Path(path) for path in (*named, ours, *SYSTEM_BUNDLES) if path)
    return next((path for path in found if path.is_file()), None)


def bundles_of(command: str, environ: Mapping[str, str]) -> list[Path]:
    """Every bundle that this command may trust: the system's, and certifi's of the environments that it may be of."""
    places = [environ.get(name) for name in ("VIRTUAL_ENV", "CONDA_PREFIX")]
    folders = {Path(place) for place in (*places, ".venv", "venv") if place}
    found = shutil.which(command, path=environ.get("PATH"))
    if found is not None:
        folders |= {Path(found).absolute().parents[1], Path(found).resolve().parents[1]}
    folders |= {Path("/usr"), Path("/usr/local"), Path(environ.get("HOME", "/")) / ".local"}
    held = [path for folder in folders for packages in _PACKAGES for path in folder.glob(f"{packages}/{_CERTIFI}")]
    held += [Path(entry) / _CERTIFI for entry in environ.get("PYTHONPATH", "").split(os.pathsep) if entry]
    return _existing([*held, *map(Path, SYSTEM_BUNDLES)])


def _existing(paths: Iterable[Path]) -> list[Path]:
    """Those that are there, each once, by the name that is no link."""
    return sorted({path.resolve() for path in paths if path.is_file()})
