"""Where a study is served: on this machine alone, unless TLS protects the way."""

import ipaddress
import re
import ssl
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from auditkit.errors import AuditError

LOOPBACK: Final = "127.0.0.1"
PORT: Final = 8765

_LABEL: Final = r"[a-z0-9]([a-z0-9-]*[a-z0-9])?"
_NAME: Final = re.compile(rf"({_LABEL}(\.{_LABEL})*|\[[0-9a-f:]+\])(:[0-9]{{1,5}})?")


@dataclass(frozen=True)
class Place:
    """Where a study is served, and how browsers get there.

    Attributes:
        host: address that is bound.
        port: 0 for any that is free.
        certificate: TLS certificate with its chain (PEM).
        key: its key, if it is not in the same file.
        proxy: address or network of the proxy that is trusted to say who asks, and that TLS is used.
        names: by which browsers reach it, NAME or NAME:PORT; links begin with the first one.

    Raises:
        AuditError: another address than the machine's own without TLS; files or names that do not do.
    """

    host: str = LOOPBACK
    port: int = PORT
    certificate: Path | None = None
    key: Path | None = None
    proxy: str = ""
    names: Sequence[str] = ()

    def __post_init__(self) -> None:
        if not 0 <= self.port <= 65535:
            raise AuditError(f"port {self.port}: expected a number from 0 to 65535")
        if not self.secure and not is_loopback(self.host):
            raise AuditError(
                f"{self.host} can be reached by others, and answers could be overheard on the way; give TLS "
                "files (--certificate, --key), or the address of a proxy that does TLS (--behind-proxy), or "
                f"serve on {LOOPBACK}"
            )
        _check_proxy(self.proxy)
        _check_names(self)
        _check_certificate(self)

    @property
    def secure(self) -> bool:
        """Whether browsers come over TLS."""
        return bool(self.certificate or self.proxy)

    @property
    def hosts(self) -> frozenset[str]:
        """Names that requests may come for, without ports."""
        own = set() if self.proxy else {in_address(self.host), "localhost", LOOPBACK, "[::1]"}
        return frozenset(own | {_split(name)[0] for name in self.names})

    def address(self, port: int) -> str:
        """What links begin with, for the port that was bound in the end."""
        scheme = "https" if self.secure else "http"
        if not self.names:
            return f"{scheme}://{in_address(self.host)}:{port}"
        name, own_port = _split(self.names[0])
        # A proxy has a port of its own, that of https unless it is named.
        return f"{scheme}://{name}{own_port if own_port or self.proxy else f':{port}'}"


def is_loopback(host: str) -> bool:
    """Whether an address is the machine's own, which nobody else can reach."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def in_address(host: str) -> str:
    """A host as it stands in the address of a page."""
    return f"[{host}]" if ":" in host else host.lower()


def _split(name: str) -> tuple[str, str]:
    """A name, and ':PORT' if it has one."""
    matched = _NAME.fullmatch(name.lower())
    assert matched
    return matched[1], matched[5] or ""


def _check_proxy(proxy: str) -> None:
    try:
        if proxy:
            ipaddress.ip_network(proxy)
    except ValueError:
        raise AuditError(
            f"--behind-proxy {proxy}: expected the address of the proxy, such as 10.0.0.7, or its network"
        ) from None


def _check_names(place: Place) -> None:
    for name in place.names:
        if not _NAME.fullmatch(name.lower()):
            raise AuditError(f"--name {name}: expected NAME or NAME:PORT, as browsers show it")
    if not place.names and (place.proxy or place.host in {"0.0.0.0", "::"}):  # noqa: S104 refused
        raise AuditError(
            "give the name by which browsers reach the study: --name study.example.org"
        )


def _check_certificate(place: Place) -> None:
    if place.key and not place.certificate:
        raise AuditError(f"{place.key}: a key without its certificate; give --certificate as well")
    if not place.certificate:
        return
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    try:
        # Without a password that is given here, a key that wants one would wait for somebody to type.
        context.load_cert_chain(place.certificate, place.key, password="")
    except (OSError, ValueError) as error:  # SSLError is an OSError
        raise AuditError(
            f"{place.certificate}: no certificate with its key can be read ({error}); "
            "expected PEM files, the key without a password"
        ) from error
