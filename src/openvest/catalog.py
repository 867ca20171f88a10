"""The one list of features: what each declares, put together in the order the features stand in.

The composition root reads it; nothing is found by scanning.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from openvest.db.unit import Hook
from openvest.declarations import (
    ClosingBlocker,
    Contract,
    DeadLetterKind,
    Endpoint,
    Event,
    Outbound,
    Reaction,
    Representation,
    Sweep,
)
from openvest.events.packages import event_objects
from openvest.features.accounts import model as accounts_model
from openvest.features.accounts import sweeps as accounts_sweeps
from openvest.features.accounts import v1 as accounts_v1
from openvest.features.cash import model as cash_model
from openvest.features.cash import service as cash
from openvest.features.cash import v1 as cash_v1
from openvest.features.executions import model as executions_model
from openvest.features.executions import service as executions
from openvest.features.executions import sweeps as executions_sweeps
from openvest.features.executions import v1 as executions_v1
from openvest.features.instruments import model as instruments_model
from openvest.features.instruments import sweeps as instruments_sweeps
from openvest.features.instruments import v1 as instruments_v1
from openvest.features.onboarding import model as onboarding_model
from openvest.features.onboarding import sweeps as onboarding_sweeps
from openvest.features.onboarding import v1 as onboarding_v1
from openvest.features.orders import model as orders_model
from openvest.features.orders import service as orders
from openvest.features.orders import sweeps as orders_sweeps
from openvest.features.orders import v1 as orders_v1
from openvest.features.payments import model as payments_model
from openvest.features.payments import sweeps as payments_sweeps
from openvest.features.payments import v1 as payments_v1
from openvest.features.positions import model as positions_model
from openvest.features.positions import service as positions
from openvest.features.positions import v1 as positions_v1
from openvest.features.street import sweeps as street_sweeps
from openvest.features.tenants import v1 as tenants_v1
from openvest.features.users import model as users_model
from openvest.features.users import sweeps as users_sweeps
from openvest.features.users import v1 as users_v1
from openvest.features.webhooks import sweeps as webhooks_sweeps
from openvest.features.webhooks import v1 as webhooks_v1
from openvest.ledger.audit import AUDIT, AuditQuery
from openvest.ledger.posting import write_house
from openvest.simulation import v1 as simulation_v1
from openvest.work.dead_letters import forgetting_of, invariant_of, listing_of

CONTRACTS: Mapping[Contract, Sequence[Endpoint]] = {
    "v1": (
        *tenants_v1.ENDPOINTS,
        *instruments_v1.ENDPOINTS,
        *users_v1.ENDPOINTS,
        *onboarding_v1.ENDPOINTS,
        *accounts_v1.ENDPOINTS,
        *cash_v1.ENDPOINTS,
        *positions_v1.ENDPOINTS,
        *payments_v1.ENDPOINTS,
        *executions_v1.ENDPOINTS,
        *orders_v1.ENDPOINTS,
        *webhooks_v1.ENDPOINTS,
        *simulation_v1.ENDPOINTS,
    ),
    "lite": (),
}
"""Operations by contract; one without any is not served."""

EVENTS: Sequence[Event] = (
    *instruments_model.EVENTS,
    *users_model.EVENTS,
    *onboarding_model.EVENTS,
    *accounts_model.EVENTS,
    *cash_model.EVENTS,
    *positions_model.EVENTS,
    *payments_model.EVENTS,
    *executions_model.EVENTS,
    *orders_model.EVENTS,
)
"""Every event type."""

REPRESENTATIONS: Mapping[Contract, Mapping[str, Representation]] = {
    "v1": {
        **instruments_v1.REPRESENTATIONS,
        **users_v1.REPRESENTATIONS,
        **onboarding_v1.REPRESENTATIONS,
        **accounts_v1.REPRESENTATIONS,
        **cash_v1.REPRESENTATIONS,
        **positions_v1.REPRESENTATIONS,
        **payments_v1.REPRESENTATIONS,
        **executions_v1.REPRESENTATIONS,
        **orders_v1.REPRESENTATIONS,
    },
    "lite": {},
}
"""How each contract shows the objects of events, by their noun. A contract's subscriptions hear of no other noun."""

CLOSING_BLOCKERS: Sequence[ClosingBlocker] = (orders.OPEN_PURCHASES,)
"""What keeps an account that is CLOSING from being closed, beside what its balances show."""

WORKS: Sequence[Sweep | Outbound] = (
    *onboarding_sweeps.SWEEPS,
    *users_sweeps.SWEEPS,
    accounts_sweeps.close_accounts(CLOSING_BLOCKERS),
    *accounts_sweeps.SWEEPS,
    *payments_sweeps.SWEEPS,
    *street_sweeps.SWEEPS,
    *orders_sweeps.SWEEPS,
    *executions_sweeps.SWEEPS,
    *instruments_sweeps.SWEEPS,
)
"""Sweeps and outbound steps. The order is the order in which work due at one instant is done: price, expiry,
settlement (ORDER_MATHS.md section 5). News of instruments come last: an import is no request, so a frozen tenant's log
must be the same whether it came before the work of the last request was drained or after."""

DEAD_LETTER_KINDS: Sequence[DeadLetterKind] = (
    *onboarding_sweeps.DEAD_LETTER_KINDS,
    *users_sweeps.DEAD_LETTER_KINDS,
    *accounts_sweeps.DEAD_LETTER_KINDS,
    *payments_sweeps.DEAD_LETTER_KINDS,
    *orders_sweeps.DEAD_LETTER_KINDS,
    *executions_sweeps.DEAD_LETTER_KINDS,
    *instruments_sweeps.DEAD_LETTER_KINDS,
    *webhooks_sweeps.DEAD_LETTER_KINDS,
)
"""What a row is that was set aside, and how its work is ended: one for each work."""

REACTIONS: Sequence[Reaction] = (
    *onboarding_sweeps.REACTIONS,
    *users_sweeps.REACTIONS,
    *accounts_sweeps.REACTIONS,
    *orders_sweeps.REACTIONS,
)
"""Work in the unit of an event of a feature below."""

PUBLISHERS: Sequence[Hook] = (
    cash.publish_cash,
    positions.publish_positions,
)
"""Hooks at the end of a unit that may still emit events: touched balances and positions."""

INVARIANTS: Sequence[AuditQuery] = (*AUDIT, *executions.INVARIANTS, *orders.INVARIANTS, invariant_of(DEAD_LETTER_KINDS))
"""What `openvest ledger prove` holds the books to: the ledger's own laws, those of features, that no work is hidden."""

DEAD_LETTERS = listing_of(DEAD_LETTER_KINDS)
"""The query behind `openvest work list`."""

FORGET_DEAD_LETTERS = forgetting_of(DEAD_LETTER_KINDS)
"""What removes rows whose object went another way."""

CLOSERS: Sequence[Hook] = (write_house,)
"""Hooks after the events: the house's hot rows, last."""

EVENT_OBJECTS = event_objects(EVENTS, REPRESENTATIONS)
"""How each contract shows the object of an event, by the event's type."""
