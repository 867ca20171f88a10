"""What the outside world is asked for: venue, bank, identity, custodian, prices.

Whatever the outside or the way to it fails at, an adapter raises as an OSError (`ConnectionError`, `TimeoutError`): the
same question is put again. Any other exception says that this one question cannot be put, and sets its row aside.
"""

from __future__ import annotations

from dataclasses import dataclass

from openvest.ports.bank import Bank
from openvest.ports.identity import Identity
from openvest.ports.prices import Prices
from openvest.ports.venue import Venue


@dataclass(frozen=True, slots=True)
class Ports:
    """The adapters of one process, put together by the composition root and handed to outbound steps.

    `prices` is asked inside units of work too, through `Database.prices`.
    """

    venue: Venue
    identity: Identity
    prices: Prices
    bank: Bank
