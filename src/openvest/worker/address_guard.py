"""The guard in front of every connection a webhook makes: only public addresses, and only those that were judged.

A name is resolved once for a connection, or for several begun at once; every answer is judged, and the connection goes
to one of the judged addresses with the name kept for TLS and Host; nothing resolves it a second time. One answer that
is not public spoils them all, since a name that leads inside even sometimes is not one to talk to.

Why not `is_global`: it takes addresses that embed private ones for public (NAT64, 6to4), so the ranges stand here.
Source: IANA special-purpose address registries; RELIABILITY.md R38 and rule 8.
"""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address, ip_network

from aiohttp.abc import AbstractResolver, ResolveResult

from openvest.core.clock import monotonic_ns

_REFUSED_V4 = tuple(
    ip_network(text)
    for text in (
        "0.0.0.0/8",  # this network
        "10.0.0.0/8",  # private
        "100.64.0.0/10",  # carrier networks, one cloud's metadata among them
        "127.0.0.0/8",  # loopback
        "168.63.129.16/32",  # a cloud's host agent behind a public number
        "169.254.0.0/16",  # link-local, metadata of most clouds
        "172.16.0.0/12",  # private
        "192.0.0.0/24",  # protocol assignments
        "192.0.2.0/24",  # documentation
        "192.88.99.0/24",  # 6to4 relays
        "192.168.0.0/16",  # private
        "198.18.0.0/15",  # benchmarks
        "198.51.100.0/24",  # documentation
        "203.0.113.0/24",  # documentation
        "224.0.0.0/4",  # multicast
        "240.0.0.0/4",  # reserved, broadcast
    )
)
_PUBLIC_V6 = IPv6Network("2000::/3")
"""All that is global unicast; mapped, NAT64, unique local, link-local, site-local and multicast lie outside."""
_REFUSED_V6 = tuple(
    IPv6Network(text)
    for text in (
        "2001::/23",  # protocol assignments: Teredo, benchmarks, ORCHID
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4, which embeds an IPv4 address
        "3fff::/20",  # documentation
    )
)
# The interface half of an ISATAP address: 0000:5efe or 0200:5efe, then an IPv4 address.
_ISATAP = (0x00005EFE, 0x02005EFE)
_DNS_THREADS = 32
_QUICK_NS = 2_000_000_000
_NAMES_KEPT = 10_000

_Entry = tuple[int, int, int, str, tuple[str | int | bytes, ...]]
Resolve = Callable[[str, int], Awaitable[Sequence[str]]]


class AddressRefused(OSError):
    """A name leads to an address that webhooks do not go to."""


def is_public(address: str) -> bool:
    """Whether this is the address of a host on the public internet; what is not understood is not."""
    try:
        parsed = ip_address(address)
    except ValueError:
        return False
    if isinstance(parsed, IPv4Address):
        return not any(parsed in network for network in _REFUSED_V4)
    return _is_public_v6(parsed)


def _is_public_v6(address: IPv6Address) -> bool:
    if address.scope_id is not None or address not in _PUBLIC_V6:
        return False
    if (int(address) >> 32) & 0xFFFFFFFF in _ISATAP:
        return False
    return not any(address in network for network in _REFUSED_V6)


class SystemResolver:
    """The machine's own name service, on threads of its own, so that slow names delay nothing else.

    A look-up holds its thread for as long as the system waits for an answer, longer than an attempt lasts, and whoever
    owns a domain has as many names that never answer as they like. So a name has one look-up at a time, and names that
    were quick the last time have other threads than those that are new or were not.
    """

    def __init__(self) -> None:
        self._proven = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="webhook-dns")
        self._doubtful = ThreadPoolExecutor(_DNS_THREADS, thread_name_prefix="webhook-dns-doubtful")
        self._quick: set[str] = set()
        self._asked: dict[str, asyncio.Task[Sequence[str]]] = {}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        asked = self._asked.get(host)
        if asked is None:
            asked = self._asked[host] = asyncio.create_task(self._look_up(host, port))
            asked.add_done_callback(_heard)
        return await asyncio.shield(asked)

    async def _look_up(self, host: str, port: int) -> Sequence[str]:
        threads = self._proven if host in self._quick else self._doubtful
        quick = False
        try:
            found, taken_ns = await asyncio.get_running_loop().run_in_executor(threads, _timed, host, port)
            quick = taken_ns < _QUICK_NS
            return list(dict.fromkeys(str(entry[4][0]) for entry in found))
        finally:
            del self._asked[host]
            self._remember(host, quick=quick)

    def _remember(self, host: str, *, quick: bool) -> None:
        if not quick:
            self._quick.discard(host)
            return
        if len(self._quick) >= _NAMES_KEPT:
            self._quick.clear()
        self._quick.add(host)


def _heard(asked: asyncio.Task[Sequence[str]]) -> None:
    """Whoever asked may have gone; nobody is to be told of an error that nobody waits for."""
    if not asked.cancelled():
        asked.exception()


def _timed(host: str, port: int) -> tuple[Sequence[_Entry], int]:
    """What the name service says, and how long it took, without the wait for a thread. Units: nanoseconds."""
    began = monotonic_ns()
    return _ask(host, port), monotonic_ns() - began


def _ask(host: str, port: int) -> Sequence[_Entry]:
    return [(f, t, p, c, tuple(a)) for f, t, p, c, a in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]


class GuardedResolver(AbstractResolver):
    """What aiohttp asks before each new connection."""

    def __init__(self, resolve: Resolve, allowed: frozenset[str], judge: Callable[[str], bool] = is_public) -> None:
        self._resolve = resolve
        self._allowed = allowed
        self._judge = judge

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The judged addresses. Raises: AddressRefused, OSError where there are none."""
        addresses = await self._resolve(host, port)
        if not addresses:
            raise OSError("the name has no address")
        if f"{host}:{port}" not in self._allowed and not all(self._judge(address) for address in addresses):
            raise AddressRefused("the name leads to an address that is not public")
        return [_numeric(host, address, port) for address in addresses]

    async def close(self) -> None:
        """Nothing is held."""


def _numeric(host: str, address: str, port: int) -> ResolveResult:
    return ResolveResult(
        hostname=host,
        host=address,
        port=port,
        family=socket.AF_INET6 if ":" in address else socket.AF_INET,
        proto=socket.IPPROTO_TCP,
        flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
    )
