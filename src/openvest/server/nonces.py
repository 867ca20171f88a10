"""The nonce gate: one runner per durability claims the nonces of all waiting requests in one statement.

The same statement says whether the tokens and keys that the requests were judged by are still what stands, so that
what a process remembers of them costs no round trip and is never older than the request. Nonces of writes are claimed
durably; those of reads without waiting for the disk, since a read replayed after a crash of the database harms nobody.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from openvest.core.clock import EPOCH
from openvest.core.failpoints import failpoint
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.server.directory import KnownKey, KnownToken
from openvest.server.queues import Batcher, Waiting


@dataclass(frozen=True, slots=True)
class Said:
    """One answer: that a nonce is new, that a token or a key is the one that stands. `n` counts from 1 in its kind."""

    what: str
    n: int


_DURABLY = Query(
    Said,
    "select 'nonce' as what, claim_nonces($1, $2, $3) as n union all select what, n from still_known($4, $5, $6, $7)",
)
_LOOSELY = Query(
    Said,
    "select 'nonce' as what, claim_nonces($1, $2, $3) as n from set_config('synchronous_commit', 'off', true)"
    " union all select what, n from still_known($4, $5, $6, $7)",
)

_AFTER_COMMIT = failpoint("nonces.after_commit")


@dataclass(frozen=True, slots=True)
class Nonce:
    """A nonce of one key, remembered until no signature can carry it any more."""

    key_id: UUID
    text: str
    usable_until: datetime


@dataclass(frozen=True, slots=True)
class Claim:
    """A nonce, unless the request is not signed, and what its sender was judged by."""

    nonce: Nonce | None
    token: KnownToken | None
    key: KnownKey | None


@dataclass(frozen=True, slots=True)
class Claimed:
    """Whether the nonce is new, and whether token and key are still what stands."""

    fresh: bool
    stands: bool


_GOOD = Claimed(fresh=True, stands=True)


class NonceGate:
    """Says of each nonce whether it is new, in any process, and of credentials whether they are as they were read."""

    def __init__(self, database: Database, size: int) -> None:
        self._database = database
        self._writes: Batcher[str, Claim, Claimed] = Batcher(self._claim, 1, size)
        self._reads: Batcher[str, Claim, Claimed] = Batcher(self._claim, 1, size)

    async def claim(
        self, signed: tuple[str, int] | None, token: KnownToken | None, key: KnownKey | None, *, durably: bool
    ) -> Claimed:
        """`signed` is the nonce and until when it is usable in Unix seconds, if signed. Raises: DatabaseDown."""
        nonce = None
        if signed is not None and key is not None:
            nonce = Nonce(key.key_id, signed[0], EPOCH + timedelta(seconds=signed[1]))
        claim = Claim(nonce, token, key)
        return await (self._writes.submit("writes", claim) if durably else self._reads.submit("reads", claim))

    async def drained(self) -> None:
        await self._writes.drained()
        await self._reads.drained()

    async def _claim(self, durability: str, waiting: Sequence[Waiting[Claim, Claimed]]) -> None:
        claims = [w.item for w in waiting]
        nonces = [claim.nonce for claim in claims if claim.nonce is not None]
        # Many requests of one client arrive together; each of its credentials is asked about once.
        tokens = list({(c.token.hash, c.token.version) for c in claims if c.token is not None})
        keys = list({(c.key.key_id, c.key.version) for c in claims if c.key is not None})
        said = await self._database.ask(
            _DURABLY if durability == "writes" else _LOOSELY,
            [nonce.key_id for nonce in nonces],
            [nonce.text for nonce in nonces],
            [nonce.usable_until for nonce in nonces],
            [token for token, _ in tokens],
            [version for _, version in tokens],
            [key for key, _ in keys],
            [version for _, version in keys],
        )
        _AFTER_COMMIT()
        fresh = {one.n for one in said if one.what == "nonce"}
        standing = {tokens[one.n - 1] for one in said if one.what == "token"}
        living = {keys[one.n - 1] for one in said if one.what == "key"}
        number = 0
        for one in waiting:
            claim = one.item
            number += claim.nonce is not None
            stands = (claim.token is None or (claim.token.hash, claim.token.version) in standing) and (
                claim.key is None or (claim.key.key_id, claim.key.version) in living
            )
            new = claim.nonce is None or number in fresh
            one.succeed(_GOOD if new and stands else Claimed(new, stands))
