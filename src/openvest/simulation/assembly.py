"""The simulated outside world, put together; refused in production."""

from __future__ import annotations

from typing import Literal

from openvest.db.unit import Database
from openvest.ports import Ports
from openvest.simulation.bank import SimulatedBank
from openvest.simulation.identity import SimulatedIdentity
from openvest.simulation.market import Market
from openvest.simulation.venue import SimulatedVenue


class SimulationRefused(Exception):
    """In production nothing is simulated."""


def simulated_ports(database: Database, mode: Literal["sandbox", "production"]) -> Ports:
    """Venue, identity, market and bank of a sandbox, seeded as the installation is. Raises: SimulationRefused."""
    if mode == "production":
        raise SimulationRefused("In production mode the outside world is not simulated; connect adapters instead.")
    market = Market(database.seed)
    return Ports(SimulatedVenue(database, market), SimulatedIdentity(database), market, SimulatedBank(database))
