"""The life of an execution, and the days on which trades settle."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, date, datetime, time

from openvest.core.lifecycle import Lifecycle
from openvest.core.records import record
from openvest.core.trading_calendar import settlement_date, venue_date
from openvest.features.executions.model import NewBlockTrade, NewExecution

EXECUTION = Lifecycle(
    noun="execution",
    table="executions.status",
    born=("FILLED",),
    ends=frozenset({"CANCELLED"}),
    moves={
        ("FILLED", "settle"): "SETTLED",
        ("FILLED", "cancel"): "CANCELLED",
        ("SETTLED", "cancel"): "CANCELLED",
    },
)

SETTLES = time(6, 0, tzinfo=UTC)
"""When on its settlement day a trade settles: after the depositories' night cycle, before any session."""


@record
class Dates:
    """Trade day, settlement day and the instant of the settlement."""

    traded_on: date
    settlement_date: date
    settles_at: datetime


def dates_of(trade: NewExecution | NewBlockTrade, now: datetime, not_before: Iterable[date] = ()) -> Dates:
    """When a trade settles. `not_before`: the settlement days of the purchases a sale uses; it is no earlier."""
    if trade.pace == "instant":
        return Dates(now.date(), now.date(), now)
    traded_on = venue_date(trade.mic, trade.transaction_time)
    own = settlement_date(trade.mic, trade.side, trade.currency, traded_on)
    on = max([own, *not_before])
    return Dates(traded_on, on, datetime.combine(on, SETTLES))
