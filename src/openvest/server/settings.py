"""What can be set about the server; `main` reads it from the environment and hands it in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal


@dataclass(frozen=True, slots=True)
class ServerSettings:
    """Limits and times of one server process.

    Units: `…_bytes` bytes (`bodies_bytes` of all bodies held at once), `…_seconds` seconds, `flush_size`, `read_size`
    and `list_size` requests per unit of work, `flush_crowd` waiting requests that call for a second runner;
    `list_places` and `write_places` connections that lists and unshared writes of one tenant hold at once; `in_flight`
    requests of one client.
    """

    mode: Literal["sandbox", "production"] = "sandbox"
    metrics_url: str | None = None
    """Where the figures of this process are, as the first page says it."""
    webhook_allow_list: frozenset[str] = frozenset()
    """HOST:PORT entries that webhooks may go to although they are not public, plain HTTP included; development only."""
    body_bytes: int = 1 << 20
    bodies_bytes: int = 128 << 20
    body_seconds: float = 10
    header_bytes: int = 32 * 1024
    header_count: int = 150
    cache_seconds: float = 1.5
    """How old a cached client may be, and a token or a key that nobody uses. Why: a changed limit holds within 2 s."""
    key_wait_seconds: float = 5
    flush_size: int = 200
    flush_runners: int = 2
    flush_crowd: int = 50
    read_size: int = 64
    read_runners: int = 4
    list_places: int = 1
    list_size: int = 8
    write_places: int = 4
    in_flight: int = 256
    nonce_size: int = 1000
    request_log: bool = True
