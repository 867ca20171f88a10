"""The gate of requests that no flush admits: one runner per durability admits all that wait, in one statement.

It claims their nonces, and says whether the tokens and keys that they were judged by are still what stands, so that
what a process remembers of them costs no round trip and is never older than the request. Nonces of writes are claimed
durably; those of reads without waiting for the disk, since a read replayed after a crash of the database harms nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from openvest.core.failpoints import failpoint
from openvest.core.http_signatures import ParsedSignature, SignatureRefused
from openvest.db.faults import HELD, DatabaseDown, is_partly_down
from openvest.db.query import Query
from openvest.db.unit import Database
from openvest.declarations import Caller
from openvest.server.directory import KnownKey, KnownToken
from openvest.server.queues import Batcher, Waiting


@dataclass(frozen=True, slots=True)
class Refused:
    """Positions, from 1, of nonces that were used before and of pairs that have changed; None where there are none."""

    used: list[int] | None
    changed: list[int] | None


_DURABLY = Query(Refused, "select used, changed from admit_requests($1, $2, $3, $4, $5, $6, $7, $8)")
_LOOSELY = Query(
    Refused,
    "select used, changed"
    " from set_config('synchronous_commit', 'off', true), admit_requests($1, $2, $3, $4, $5, $6, $7, $8)",
)

_AFTER_COMMIT = failpoint("nonces.after_commit")
_USED = "the nonce was used before with this key; every request needs one of its own"


class Stale(Exception):
    """A token or a key is no longer what the request was judged by."""


@dataclass(slots=True)
class Claim:
    """What a request is judged by. `parsed` None: it is not signed; `spent`: what is committed has admitted it;
    `judged`: how often it was judged again."""

    caller: Caller
    token: KnownToken | None
    key: KnownKey | None
    parsed: ParsedSignature | None
    spent: bool = False
    judged: int = 0


class Asked:
    """What `admit_requests` is asked of those claims that are not spent, and what its answer says of them."""

    def __init__(self, claims: Sequence[Claim | None]) -> None:
        self._claims = [(n, claim) for n, claim in enumerate(claims) if claim is not None and not claim.spent]
        signed = [(n, claim.key, claim.parsed) for n, claim in self._claims if claim.parsed is not None]
        # In order, so that of two transactions with the same nonces one waits for the other, and not each for each.
        self._signed = sorted(signed, key=lambda one: one[2].nonce)
        # Many requests of one client arrive together; its credentials are asked about once.
        self._pairs = {(claim.token, claim.key): claim.caller.tenant_id for _, claim in self._claims}

    @property
    def arguments(self) -> Sequence[Sequence[Any]]:
        """Empty where nothing is asked."""
        if not self._pairs:
            return ()
        return (
            [key and key.key_id for _, key, _ in self._signed],
            [parsed.nonce for _, _, parsed in self._signed],
            [parsed.usable_until for _, _, parsed in self._signed],
            list(self._pairs.values()),
            [token and token.hash for token, _ in self._pairs],
            [token and token.version for token, _ in self._pairs],
            [key and key.key_id for _, key in self._pairs],
            [key and key.version for _, key in self._pairs],
        )

    def refusals(self, used: Sequence[int] | None, changed: Sequence[int] | None) -> dict[int, Exception]:
        """What those hear that are not admitted, by their position among all claims, from 0."""
        stale = {list(self._pairs)[n - 1] for n in changed or ()}
        found: dict[int, Exception] = {n: Stale() for n, claim in self._claims if (claim.token, claim.key) in stale}
        replayed = [self._signed[n - 1][0] for n in used or ()]
        return found | {n: SignatureRefused("the nonce was used before", _USED) for n in replayed}

    def spend(self) -> None:
        """What was answered is committed."""
        for _, claim in self._claims:
            claim.spent = True


class NonceGate:
    """Says of each nonce whether it is new, in any process, and of credentials whether they are as they were read."""

    def __init__(self, database: Database, size: int) -> None:
        self._database = database
        self._writes: Batcher[str, Claim, None] = Batcher(self._claim, 1, size)
        self._reads: Batcher[str, Claim, None] = Batcher(self._claim, 1, size)

    def admit(self, claim: Claim, *, durably: bool) -> Awaitable[None]:
        """Raises, when awaited: SignatureRefused where the nonce was used before, Stale, DatabaseDown."""
        return self._writes.submit("writes", claim) if durably else self._reads.submit("reads", claim)

    async def drained(self) -> None:
        await self._writes.drained()
        await self._reads.drained()

    async def _claim(self, durability: str, waiting: Sequence[Waiting[Claim, None]]) -> None:
        """Admit all that wait in one statement; where a machine is gone or a flush lasts, those of each tenant in one.

        Why that may be asked again: the database said so itself, and has done nothing.
        """
        try:
            await self._admit(durability, waiting)
        except (DatabaseDown, HELD) as error:
            by_tenant: dict[UUID, list[Waiting[Claim, None]]] = {}
            for one in waiting:
                by_tenant.setdefault(one.item.caller.tenant_id, []).append(one)
            if len(by_tenant) == 1 or not (isinstance(error, HELD) or is_partly_down(error)):
                raise
            for mine in by_tenant.values():
                try:
                    await self._admit(durability, mine)
                except (DatabaseDown, HELD) as down:
                    for one in mine:
                        one.fail(down)

    async def _admit(self, durability: str, waiting: Sequence[Waiting[Claim, None]]) -> None:
        asked = Asked([one.item for one in waiting])
        query = _DURABLY if durability == "writes" else _LOOSELY
        [answer] = await self._database.ask(query, *asked.arguments)
        _AFTER_COMMIT()
        refusals = asked.refusals(answer.used, answer.changed)
        asked.spend()
        for position, one in enumerate(waiting):
            if position in refusals:
                one.fail(refusals[position])
            else:
                one.succeed(None)
