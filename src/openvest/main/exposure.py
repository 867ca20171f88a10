"""Whether a server may listen where it was told to, and which port is free."""

from __future__ import annotations

import errno
import ipaddress
import socket
import ssl
from collections.abc import Sequence
from pathlib import Path

from openvest.core.webhook_urls import allow_list
from openvest.db.checks import StartRefused
from openvest.main import Mode

METRICS_HOST = "127.0.0.1"
METRICS_PORT = 9100
"""Where the search for a port for the metrics begins."""
_PORTS_TRIED = 100


def is_loopback(host: str) -> bool:
    """Whether only this machine can connect there. A name other than localhost is taken for the outside."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"


def check_exposure(
    mode: Mode,
    host: str,
    *,
    certificate: Path | None,
    key: Path | None,
    behind_proxy: bool,
    webhooks_to: tuple[str, ...],
    pace: str | None = None,
) -> None:
    """Refuse what would let others read along or reach inside, and what a sandbox alone has. Raises: StartRefused."""
    if (certificate is None) != (key is None):
        raise StartRefused("TLS needs both files; give --tls-cert and --tls-key together.")
    try:
        allow_list(webhooks_to)
    except ValueError as error:
        raise StartRefused(f"--allow-webhooks-to: {error}; give HOST:PORT, for example 127.0.0.1:9000.") from None
    for file in (certificate, key):
        if file is not None and not file.is_file():
            raise StartRefused(f"There is no file {file}; give --tls-cert and --tls-key the paths of PEM files.")
    _check_chain(certificate, key)
    if mode != "production":
        return
    if not is_loopback(host) and certificate is None and not behind_proxy:
        raise StartRefused(
            f"Production does not listen on {host} in the clear; give --tls-cert and --tls-key, or --behind-proxy "
            "where a proxy in front of it ends TLS."
        )
    if pace is not None:
        raise StartRefused("Only a sandbox has a pace, and production goes by the world's; leave --pace out.")
    if webhooks_to:
        raise StartRefused("Production sends webhooks to public HTTPS addresses only; leave --allow-webhooks-to out.")


def _check_chain(certificate: Path | None, key: Path | None) -> None:
    """Raises: StartRefused for files that TLS cannot be served with."""
    if certificate is None or key is None:
        return
    try:
        # The empty password: one that asks on the console would hold up a service for ever.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(certificate, key, password="")
    except (OSError, ValueError) as error:
        raise StartRefused(
            f"TLS cannot be served with {certificate} and {key} ({error}); give --tls-cert a PEM chain and --tls-key "
            "its private key without a password."
        ) from None


def check_port(host: str, port: int) -> None:
    """Raises: StartRefused, naming the next free port where this one is taken.

    Why a look before the bind: server processes share their port, so a second server would not fail by itself.
    """
    trouble = _bind(host, port)
    if trouble is None:
        return
    if trouble == errno.EADDRINUSE:
        free = next_free(host, port + 1)
        hint = f"--port {free}" if free else "another --port"
        raise StartRefused(f"Port {port} on {host} is taken; start with {hint}.")
    if trouble in (errno.EACCES, errno.EPERM):
        raise StartRefused(f"Port {port} needs more rights than this user has; start with --port 8000.")
    raise StartRefused(f"Nothing can listen on {host} ({errno.errorcode.get(trouble, trouble)}); try --host 127.0.0.1.")


def is_free(host: str, port: int) -> bool:
    return _bind(host, port) is None


def next_free(host: str, port: int) -> int | None:
    """The first free port from this one on."""
    last = min(port + _PORTS_TRIED, 65536)
    return next((number for number in range(port, last) if _bind(host, number) is None), None)


def metrics_ports(asked: int | None, count: int, api_port: int) -> list[int]:
    """A port for the metrics of each of so many processes: from the one asked for on, else the first that are free.

    Raises: StartRefused, naming a port to begin with where one that was asked for cannot be had.
    """
    if asked is None:
        found = [port for port in range(METRICS_PORT, METRICS_PORT + _PORTS_TRIED) if not _trouble(port, api_port)]
        if len(found) < count:
            raise StartRefused(f"Too few ports from {METRICS_PORT} on are free for the metrics; give --metrics-port N.")
        return found[:count]
    for port in range(asked, asked + count):
        if trouble := _trouble(port, api_port):
            firsts = (first for first in range(asked + 1, asked + _PORTS_TRIED) if _all_free(first, count, api_port))
            hint = next((f"--metrics-port {first}" for first in firsts), "another --metrics-port")
            raise StartRefused(f"Port {port} for the metrics {trouble}; start with {hint}.")
    return list(range(asked, asked + count))


def metrics_port_again(port: int, ports: Sequence[int], api_port: int) -> int:
    """The port of a process that is started again: its own, or one of nobody where somebody took that meanwhile."""
    if not _trouble(port, api_port):
        return port
    tried = range(METRICS_PORT, METRICS_PORT + _PORTS_TRIED)
    return next((other for other in tried if other not in ports and not _trouble(other, api_port)), port)


def _all_free(first: int, count: int, api_port: int) -> bool:
    return not any(_trouble(port, api_port) for port in range(first, first + count))


def _trouble(port: int, api_port: int) -> str | None:
    """Why the metrics cannot be had there."""
    if port > 65535:
        return "would be above 65535"
    if port == api_port:
        return "is the port of the API"
    trouble = _bind(METRICS_HOST, port)
    if trouble in (errno.EACCES, errno.EPERM):
        return "needs more rights than this user has"
    return None if trouble is None else f"on {METRICS_HOST} is taken"


def reachable(host: str) -> str:
    """The address under which this machine reaches a server that listens on `host`."""
    if not is_unspecified(host):
        return host
    return "::1" if ":" in host else "127.0.0.1"


def metrics_url(port: int) -> str:
    """Where the figures of a process are."""
    return f"http://{METRICS_HOST}:{port}/metrics"


def outward_url(host: str, port: int, *, tls: bool) -> str | None:
    """The URL under which other machines reach a server that listens on every address, as far as this one knows."""
    if not is_unspecified(host):
        return None
    for family, somewhere in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                # Nothing is sent: the system only says from which of its addresses it would be.
                probe.connect((somewhere, 9))
                found = str(probe.getsockname()[0])
        except OSError:
            continue
        if not is_loopback(found):
            return url_of(found, port, tls=tls)
    return None


def is_unspecified(host: str) -> bool:
    """Whether this stands for every address of the machine."""
    try:
        return not host or ipaddress.ip_address(host).is_unspecified
    except ValueError:
        return False


def url_of(host: str, port: int, *, tls: bool) -> str:
    """The URL of a server, for people and the profile."""
    shown = reachable(host)
    return f"http{'s' if tls else ''}://{f'[{shown}]' if ':' in shown else shown}:{port}"


def _bind(host: str, port: int) -> int | None:
    """None where the port could be had, else why not."""
    try:
        family = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][0]
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            # Connections of a server just stopped may linger; they are no reason to refuse.
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind((host, port))
    except socket.gaierror:
        return errno.EADDRNOTAVAIL
    except OSError as error:
        return error.errno
    return None


def numeric(host: str) -> str:
    """The address to listen on. Raises: StartRefused where the name leads nowhere."""
    try:
        return str(socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)[0][4][0])
    except OSError:
        raise StartRefused(f"There is no host {host} on this machine; try --host 127.0.0.1.") from None
