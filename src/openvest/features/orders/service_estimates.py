"""What market orders by cash amount would come to now, for who divides an amount among several."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from uuid import UUID

from openvest.core.money import times
from openvest.core.records import record
from openvest.db.unit import Unit
from openvest.features.executions.model import Side
from openvest.features.instruments import service as instruments
from openvest.features.instruments.model import Instrument
from openvest.features.orders.model import Estimate
from openvest.features.orders.rules_amounts import estimate, most_by_amount
from openvest.features.orders.rules_fit import decimals_for
from openvest.features.tenants import service as tenants
from openvest.ledger.chart import Balance
from openvest.ports.prices import Quote


@record
class Market:
    """What trades an instrument in one currency, and at which quote."""

    instrument: Instrument
    quote: Quote

    def estimate(self, side: Side, amount: Decimal, held: Balance | None) -> Estimate | None:
        """What an order by this amount comes to; None: to nothing. `held`: the account's position."""
        return estimate(side, amount, self.quote.price(side), decimals_for(side, self.instrument, held))

    def value(self, units: Decimal) -> Decimal:
        """What so many units bring, unrounded."""
        return times(units, self.quote.bid)

    def most_by_amount(self, units: Decimal) -> Decimal:
        """The largest amount by which so many units can be sold: the check locks more than it expects to need."""
        return most_by_amount(units, self.quote.bid)


async def markets(unit: Unit, instrument_ids: Iterable[UUID], currency: str) -> Mapping[UUID, Market]:
    """The markets of these instruments in a currency; one that is not traded, or has no price, is left out."""
    ids = sorted(set(instrument_ids))
    known, listed = await instruments.by_id(unit, ids), await instruments.listings(unit, ids)
    homes = {one: instruments.home_venue(listed.get(one, ()), currency) for one in ids}
    asked = {one: home for one, home in homes.items() if home and known[one].trading_status == "ACTIVE"}
    quotes = await instruments.quotes(unit, asked.values(), (await tenants.get_tenant(unit)).pace)
    found = {one: quotes[home.key] for one, home in asked.items()}
    return {one: Market(known[one], quote) for one, quote in found.items() if quote is not None}
