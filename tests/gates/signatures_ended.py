"""Credentials that ended (R33): refused at once by every process; and no token outlives its secret."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from openvest.catalog import CONTRACTS
from openvest.core.contracts import RULES, Contract
from openvest.server.app import App, make_app
from openvest.server.settings import ServerSettings
from tests.features.tenants.credentials import ENDS
from tests.gates.gate import Run, Verdict
from tests.gates.ground import Ground, ground
from tests.kit.contracts import TABLES
from tests.kit.http import WIRE, Api, http_of, make_api
from tests.kit.operations import asked_of
from tests.kit.world import SECRETS, make_tenant

_OK, _UNAUTHORISED, _NOT_FOUND = 200, 401, 404
_KEY = "its key was removed"


@dataclass(slots=True)
class _Trial:
    """Applications that remember each for itself, and what they answered clients of one contract.

    `signing`: requests are signed even where the contract does not want it.
    """

    under: Ground
    apps: Sequence[App]
    tenant_id: UUID
    contract: Contract
    signing: bool
    refused: int = 0
    bought: int = 0
    findings: list[str] = field(default_factory=list[str])

    async def everywhere(self) -> list[Api]:
        """One new client, in each of the processes."""
        api = await make_api(self.apps[0], self.under.world.database, self.tenant_id, contract=self.contract)
        await api.fetch_token()
        return [replace(api, http=http_of(app)) for app in self.apps]

    async def end(self, api: Api, what: str) -> None:
        await self.under.world.database.write(self.tenant_id, lambda unit: ENDS[what](unit, api), n=0)

    async def read(self, api: Api) -> int:
        """How a read is answered that any client of the contract may send, whatever it finds."""
        table = TABLES[self.contract]
        asked = asked_of(next(one for one in table if one.method == "GET" and one.query is not None), {})
        ready = await (api.signed if self.signing else api.prepared)(asked.method, asked.target, None)
        return (await api.http.request(asked.method, asked.target, headers=ready)).status_code

    async def refuses_at_once(self, what: str) -> None:
        """What ends is what every process has just used."""
        clients = await self.everywhere()
        for api in clients:
            assert await self.read(api) in (_OK, _NOT_FOUND)
        await self.end(clients[0], what)
        for api in clients:
            told = {"a read": await self.read(api)}
            if what != _KEY or api.signs:  # without a signature a token is bought with the secret alone
                told["a token"] = (await api.ask_token("users:read")).status_code
            for name, status in told.items():
                self.refused += status == _UNAUTHORISED
                if status != _UNAUTHORISED:
                    self.findings.append(f"{self}: {name} after {what}: {status}")

    def __str__(self) -> str:
        return f"{self.contract}{', signed' if self.signing else ''}"

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
        for token in tokens:
            status = await self.read(replace(clients[0], token=token))
            if status != _UNAUTHORISED:
                self.findings.append(f"{self}: a token outlived the secret it was bought with: {status}")


async def ended(run: Run) -> Verdict:
    """Ends of credentials that every process has just used; and rotations while many buy tokens."""
    async with ground() as under:
        tenant_id = await make_tenant(under.world.database, "Ender")
        apps = [_process(under) for _ in range(run["processes"])]
        trials = [_Trial(under, apps, tenant_id, *way) for way in _ways()]
        for trial in trials:
            for what in ENDS if trial.signing else [what for what in ENDS if what != _KEY]:
                for _ in range(run["ends"]):
                    await trial.refuses_at_once(what)
        for trial in trials:
            for _ in range(run["rotations"]):
                await trial.rotates_under_buyers(run["buyers"])
    refused, bought = sum(trial.refused for trial in trials), sum(trial.bought for trial in trials)
    return Verdict(
        f"{len(ENDS)} kinds of ends, {len(trials)} kinds of clients: {refused} requests refused at once in"
        f" {run['processes']} processes; {run['rotations'] * len(trials)} rotations: of {bought} tokens bought"
        " meanwhile none outlived its secret",
        [finding for trial in trials for finding in trial.findings],
    )


def _ways() -> Iterator[tuple[Contract, bool]]:
    """Contracts, and whether their clients sign: by their own choice where they need not."""
    for contract in TABLES:
        if not RULES[contract].signed:
            yield contract, False
        yield contract, True


def _process(under: Ground) -> App:
    return make_app(
        database=under.world.database,
        contracts=CONTRACTS,
        wire=WIRE,
        secrets=SECRETS,
        settings=ServerSettings(request_log=False),
        services=under.world,
    )
