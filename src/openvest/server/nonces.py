"""The gate of every request: one runner per durability admits all that wait, in one statement.

It claims their nonces, and says whether the tokens and keys that they were judged by are still what stands, so that
what a process remembers of them costs no round trip and is never older than the request. Nonces of writes are claimed
durably; those of reads without waiting for the disk, since a read replayed after a crash of the database harms nobody.
"""

from __future__ import annotations

from collections.abc import Awaitable, Sequence
from dataclasses import dataclass
from uuid import UUID

from openvest.core.failpoints import failpoint
from openvest.core.records import record
from openvest.db.faults import DatabaseDown, is_partly_down
from openvest.db.query import Query
from openvest.db.unit import Database
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


@record
class Claim:
    """What a request was judged by. Units: `usable_until` is Unix seconds, of the nonce; both None if not signed."""

    token: KnownToken | None
    key: KnownKey | None
    nonce: str | None
    usable_until: int | None

    @property
    def tenant_id(self) -> UUID | None:
        """Whose credentials these are. None where there are none."""
        if self.token is not None:
            return self.token.caller.tenant_id
        return None if self.key is None else self.key.tenant_id


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

    def claim(self, claim: Claim, *, durably: bool) -> Awaitable[Claimed]:
        """Raises, when awaited: DatabaseDown."""
        return self._writes.submit("writes", claim) if durably else self._reads.submit("reads", claim)

    async def drained(self) -> None:
        await self._writes.drained()
        await self._reads.drained()

    async def _claim(self, durability: str, waiting: Sequence[Waiting[Claim, Claimed]]) -> None:
        """Admit all that wait in one statement, or, where a machine is gone, those of each tenant in one.

        Why that may be asked again: the database said so itself, and has done nothing.
        """
        try:
            await self._admit(durability, waiting)
        except DatabaseDown as error:
            by_tenant: dict[UUID | None, list[Waiting[Claim, Claimed]]] = {}
            for one in waiting:
                by_tenant.setdefault(one.item.tenant_id, []).append(one)
            if len(by_tenant) == 1 or not is_partly_down(error):
                raise
            for mine in by_tenant.values():
                try:
                    await self._admit(durability, mine)
                except DatabaseDown as down:
                    for one in mine:
                        one.fail(down)

    async def _admit(self, durability: str, waiting: Sequence[Waiting[Claim, Claimed]]) -> None:
        claims = [one.item for one in waiting]
        signed = [claim for claim in claims if claim.nonce is not None]
        # Many requests of one client arrive together; its credentials are asked about once.
        pairs = list(dict.fromkeys([(claim.token, claim.key) for claim in claims]))
        whose = {(claim.token, claim.key): claim.tenant_id for claim in claims}
        [refused] = await self._database.ask(
            _DURABLY if durability == "writes" else _LOOSELY,
            [claim.key and claim.key.key_id for claim in signed],
            [claim.nonce for claim in signed],
            [claim.usable_until for claim in signed],
            [whose[pair] for pair in pairs],
            [token and token.hash for token, _ in pairs],
            [token and token.version for token, _ in pairs],
            [key and key.key_id for _, key in pairs],
            [key and key.version for _, key in pairs],
        )
        _AFTER_COMMIT()
        if refused.used is None and refused.changed is None:
            for one in waiting:
                one.succeed(_GOOD)
            return
        used = {id(signed[n - 1]) for n in refused.used or ()}
        changed = {pairs[n - 1] for n in refused.changed or ()}
        for one in waiting:
            claim = one.item
            one.succeed(Claimed(id(claim) not in used, (claim.token, claim.key) not in changed))
