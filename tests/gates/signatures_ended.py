"""Credentials that ended (R33): refused at once by every process; and no token outlives its secret."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from openvest.catalog import CONTRACTS
from openvest.server.app import App, make_app
from openvest.server.settings import ServerSettings
from tests.features.tenants.credentials import ENDS
from tests.gates.gate import Run, Verdict
from tests.gates.ground import Ground, ground
from tests.kit.http import WIRE, Api, http_of, make_api
from tests.kit.world import SECRETS, make_tenant

_OK, _UNAUTHORISED = 200, 401


@dataclass(slots=True)
class _Trial:
    """Applications that remember each for itself, and what they answered."""

    under: Ground
    apps: Sequence[App]
    tenant_id: UUID
    refused: int = 0
    bought: int = 0
    findings: list[str] = field(default_factory=list[str])

    async def everywhere(self) -> list[Api]:
        """One new client, in each of the processes."""
        api = await make_api(self.apps[0], self.under.world.database, self.tenant_id)
        await api.fetch_token()
        return [replace(api, http=http_of(app)) for app in self.apps]

    async def end(self, api: Api, what: str) -> None:
        await self.under.world.database.write(self.tenant_id, lambda unit: ENDS[what](unit, api), n=0)

    async def refuses_at_once(self, what: str) -> None:
        """What ends is what every process has just used."""
        clients = await self.everywhere()
        for api in clients:
            assert (await api.get("/users")).status_code == _OK
        await self.end(clients[0], what)
        for api in clients:
            for name, answer in (("a read", await api.get("/users")), ("a token", await api.ask_token("users:read"))):
                self.refused += answer.status_code == _UNAUTHORISED
                if answer.status_code != _UNAUTHORISED:
                    self.findings.append(f"{name} after {what}: {answer.status_code}")

    async def rotates_under_buyers(self, buyers: int) -> None:
        """Each buys one token after the other until its secret is refused; the secret is exchanged meanwhile."""
        clients = await self.everywhere()
        tokens: list[str] = []

        async def buy(api: Api) -> None:
            while (answer := await api.ask_token("users:read")).status_code == _OK:
                tokens.append(answer.json()["access_token"])

        buying = [asyncio.create_task(buy(clients[n % len(clients)])) for n in range(buyers)]
        while len(tokens) < buyers:
            await asyncio.sleep(0.001)
        await self.end(clients[0], "its secret was exchanged")
        await asyncio.gather(*buying)
        self.bought += len(tokens)
        outlived = [await replace(clients[0], token=token).get("/users") for token in tokens]
        for answer in outlived:
            if answer.status_code != _UNAUTHORISED:
                self.findings.append(f"a token outlived the secret it was bought with: {answer.status_code}")


async def ended(run: Run) -> Verdict:
    """Ends of credentials that every process has just used; and rotations while many buy tokens."""
    async with ground() as under:
        tenant_id = await make_tenant(under.world.database, "Ender")
        trial = _Trial(under, [_process(under) for _ in range(run["processes"])], tenant_id)
        for what in ENDS:
            for _ in range(run["ends"]):
                await trial.refuses_at_once(what)
        for _ in range(run["rotations"]):
            await trial.rotates_under_buyers(run["buyers"])
    return Verdict(
        f"{len(ENDS)} kinds of ends: {trial.refused} requests refused at once in {run['processes']} processes;"
        f" {run['rotations']} rotations: of {trial.bought} tokens bought meanwhile none outlived its secret",
        trial.findings,
    )


def _process(under: Ground) -> App:
    return make_app(
        database=under.world.database,
        contracts=CONTRACTS,
        wire=WIRE,
        secrets=SECRETS,
        settings=ServerSettings(request_log=False),
        services=under.world,
    )
