"""Where webhooks may go, judged by the URL alone: https and a DNS name, or an entry of the development allow-list.

One strict reading of a URL for all: what is checked here is what is signed and what is connected to, so that no two
parsers can see two hosts. Whether the name leads to a public address is judged when it is connected to.

Source: reference (webhooks); RELIABILITY.md R38.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

MAX_URL_LENGTH = 1000
_LOWEST_FREE_PORT = 1024
_DEFAULT_PORTS = {"http": 80, "https": 443}

# Exactly the characters that RFC 3986 gives to a path and a query; a percent sign only before two hexadecimal digits.
_URL = re.compile(
    r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]*)://(?P<authority>[^/?#]*)"
    r"(?P<path>(?:/(?:[A-Za-z0-9._~!$&'()*+,;=:@/-]|%[0-9A-Fa-f]{2})*)?)"
    r"(?:\?(?P<query>(?:[A-Za-z0-9._~!$&'()*+,;=:@/?-]|%[0-9A-Fa-f]{2})*))?"
)
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
# The last label begins with a letter: names that end in a number are read as IPv4 addresses by many libraries.
_DNS_NAME = re.compile(rf"(?:{_LABEL}\.)+[a-z](?:[a-z0-9-]{{0,61}}[a-z0-9])?")
_ENTRY = re.compile(rf"(?P<host>\[[0-9a-f:.]+\]|(?:{_LABEL}\.)*{_LABEL}):(?P<port>[1-9][0-9]{{0,4}})")
_INNER_NAMES = ("localhost", "local", "internal", "home.arpa", "onion")


@dataclass(frozen=True, slots=True)
class Target:
    """A URL taken apart. `listed`: it stands on the allow-list, so its address is not judged.

    Shape: `host` in lower case, an IPv6 address in brackets; `path` and `query` still percent-encoded.
    """

    scheme: str
    host: str
    port: int
    path: str
    query: str
    listed: bool

    @property
    def url(self) -> str:
        port = "" if _DEFAULT_PORTS[self.scheme] == self.port else f":{self.port}"
        return f"{self.scheme}://{self.host}{port}{self.path}" + (f"?{self.query}" if self.query else "")


def allow_list(entries: list[str] | tuple[str, ...]) -> frozenset[str]:
    """HOST:PORT entries in the form they are compared in. Raises: ValueError that names the entry."""
    return frozenset(_entry(text) for text in entries)


def parse_target(text: str, allowed: frozenset[str] = frozenset()) -> Target:
    """Where a webhook of this URL goes.

    Raises: ValueError whose text goes on from the name of the field, for example `must begin with https://`.
    """
    if len(text) > MAX_URL_LENGTH:
        raise ValueError(f"must have at most {MAX_URL_LENGTH} characters")
    parts = _URL.fullmatch(text)
    if parts is None:
        raise ValueError(
            "must be an absolute URL such as https://example.com/hook, without fragment, blanks or unescaped characters"
        )
    scheme = parts["scheme"].lower()
    if scheme not in _DEFAULT_PORTS:
        raise ValueError("must begin with https://")
    host, port = _host_and_port(parts["authority"].lower(), _DEFAULT_PORTS[scheme])
    listed = f"{host}:{port}" in allowed
    if not listed:
        if scheme != "https":
            raise ValueError(
                "must begin with https://; a sandbox takes http:// for a host and port that --allow-webhooks-to names"
            )
        _check_name(host)
        if port != _DEFAULT_PORTS["https"] and port < _LOWEST_FREE_PORT:
            raise ValueError(f"must use port 443 or one from {_LOWEST_FREE_PORT} on")
    return Target(scheme, host, port, parts["path"] or "/", parts["query"] or "", listed)


def _entry(text: str) -> str:
    parts = _ENTRY.fullmatch(text.strip().lower())
    if parts is None or int(parts["port"]) > 65535:
        raise ValueError(f"{text!r} is not HOST:PORT")
    return f"{parts['host']}:{int(parts['port'])}"


def _host_and_port(authority: str, default_port: int) -> tuple[str, int]:
    if "@" in authority:
        raise ValueError("must not carry a user name")
    end = authority.rfind("]") + 1
    host, colon, port = authority[end:].partition(":")
    host = authority[:end] + host
    if not colon:
        return host, default_port
    if not (port.isascii() and port.isdigit()) or len(port) > 5 or not 0 < int(port) < 65536:
        raise ValueError("must have a port from 1 to 65535")
    return host, int(port)


def _check_name(host: str) -> None:
    if len(host) > 253 or _DNS_NAME.fullmatch(host) is None:
        raise ValueError("must name its host by a full DNS name, not by an address")
    if any(host.endswith(f".{inner}") for inner in _INNER_NAMES):
        raise ValueError(f"must name a public host, not one under {', '.join(_INNER_NAMES)}")
