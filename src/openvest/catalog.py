"""The one list of features, bottom to top, and what comes of going over it. Nothing is found by scanning."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from openvest.core.contracts import RULES
from openvest.core.lifecycle import Lifecycle
from openvest.core.sealing import SealedColumn
from openvest.db.catalogue import INSTALLATION_TABLES, WIRE_TABLES
from openvest.db.distribute import Layout
from openvest.db.marks import wrong_marks
from openvest.db.paging import Listing
from openvest.db.unit import Hook
from openvest.declarations import (
    AuditQuery,
    ClosingBlocker,
    Contract,
    DeadLetterKind,
    Endpoint,
    Event,
    Face,
    Feature,
    LineTaker,
    Outbound,
    Reaction,
    Sweep,
)
from openvest.events.telling import Tellings, tellings
from openvest.features.accounts.feature import FEATURE as ACCOUNTS
from openvest.features.bank.feature import FEATURE as BANK
from openvest.features.blocks.feature import FEATURE as BLOCKS
from openvest.features.cash.feature import FEATURE as CASH
from openvest.features.cash_transfers.feature import FEATURE as CASH_TRANSFERS
from openvest.features.direct_debits.feature import FEATURE as DIRECT_DEBITS
from openvest.features.executions.feature import FEATURE as EXECUTIONS
from openvest.features.fundings.feature import FEATURE as FUNDINGS
from openvest.features.instruments.feature import FEATURE as INSTRUMENTS
from openvest.features.mandates.feature import FEATURE as MANDATES
from openvest.features.onboarding.feature import FEATURE as ONBOARDING
from openvest.features.orders.feature import FEATURE as ORDERS
from openvest.features.payments.feature import FEATURE as PAYMENTS
from openvest.features.portfolio_orders.feature import FEATURE as PORTFOLIO_ORDERS
from openvest.features.portfolios.feature import FEATURE as PORTFOLIOS
from openvest.features.positions.feature import FEATURE as POSITIONS
from openvest.features.reference_accounts.feature import FEATURE as REFERENCE_ACCOUNTS
from openvest.features.segregation.feature import FEATURE as SEGREGATION
from openvest.features.street.feature import FEATURE as STREET
from openvest.features.tenants.feature import FEATURE as TENANTS
from openvest.features.users.feature import FEATURE as USERS
from openvest.features.valuations.feature import FEATURE as VALUATIONS
from openvest.features.virtual_cash.feature import FEATURE as VIRTUAL_CASH
from openvest.features.webhooks.feature import FEATURE as WEBHOOKS
from openvest.features.withdrawals.feature import FEATURE as WITHDRAWALS
from openvest.ledger.audit import AUDIT
from openvest.ledger.posting import write_house
from openvest.simulation.feature import FEATURE as SIMULATION
from openvest.work.dead_letters import forgetting_of, invariant_of, listing_of

FEATURES: Sequence[Feature] = (
    TENANTS,
    INSTRUMENTS,
    USERS,
    ONBOARDING,
    ACCOUNTS,
    REFERENCE_ACCOUNTS,
    MANDATES,
    CASH,
    POSITIONS,
    BANK,
    PAYMENTS,
    WITHDRAWALS,
    FUNDINGS,
    CASH_TRANSFERS,
    DIRECT_DEBITS,
    VIRTUAL_CASH,
    STREET,
    EXECUTIONS,
    SEGREGATION,
    BLOCKS,
    ORDERS,
    PORTFOLIOS,
    PORTFOLIO_ORDERS,
    VALUATIONS,
    WEBHOOKS,
    SIMULATION,
)

_FACES: Mapping[Contract, Sequence[Face]] = {
    contract: [feature.faces[contract] for feature in FEATURES] for contract in RULES
}

CONTRACTS: Mapping[Contract, Sequence[Endpoint]] = {
    contract: tuple(one for face in faces for one in face.endpoints) for contract, faces in _FACES.items()
}
"""Operations by contract; one without any is not served."""

EVENTS: Sequence[Event] = tuple(one for feature in FEATURES for one in feature.events)
"""Every event type."""

TOLD: Mapping[Contract, Tellings] = {contract: tellings(EVENTS, faces) for contract, faces in _FACES.items()}
"""How each contract tells of an event, by the event's type. A contract's subscriptions hear of no other."""

LIFECYCLES: Sequence[Lifecycle] = tuple(one for feature in FEATURES for one in feature.lifecycles)
"""Every lifecycle table."""

SHARED_TABLES: frozenset[str] = frozenset(one for feature in FEATURES for one in feature.shared_tables)
"""Tables that are equal for all tenants."""

LAYOUTS: Mapping[str, Layout] = {
    **dict.fromkeys(SHARED_TABLES, "reference"),
    **dict.fromkeys(WIRE_TABLES | INSTALLATION_TABLES, "local"),
}
"""Where tables stand in a distributed database; those that are not named are distributed by their tenant."""

SEALED: Sequence[SealedColumn] = tuple(one for feature in FEATURES for one in feature.sealed)
"""Columns of features' tables that hold values only sealed."""

CLOSING_BLOCKERS: Sequence[ClosingBlocker] = tuple(one for feature in FEATURES for one in feature.blockers)
"""What keeps an account or a group that is CLOSING from being closed, beside what its balances show."""


LINE_TAKERS: Sequence[LineTaker] = tuple(one for feature in FEATURES for one in feature.takers)
"""Who books what a bank tells."""


def _works(feature: Feature) -> Sequence[Sweep | Outbound]:
    closing = feature.closing(CLOSING_BLOCKERS) if feature.closing else ()
    booking = (feature.booking(LINE_TAKERS),) if feature.booking else ()
    return (*closing, *feature.sweeps, *booking)


WORKS: Sequence[Sweep | Outbound] = tuple(
    sorted((one for feature in FEATURES for one in _works(feature)), key=lambda one: one.phase)
)
"""Sweeps and outbound steps, in the order in which work due at one instant is done."""

DEAD_LETTER_KINDS: Sequence[DeadLetterKind] = tuple(one for feature in FEATURES for one in feature.dead_letters)
"""What a row is that was set aside, and how its work is ended: one for each work."""

REACTIONS: Sequence[Reaction] = tuple(one for feature in FEATURES for one in feature.reactions)
"""Work in the unit of an event of a feature below."""

PUBLISHERS: Sequence[Hook] = tuple(one for feature in FEATURES for one in feature.publishers)
"""Hooks at the end of a unit that may still emit events: touched balances and positions."""

LISTS: Sequence[Listing[Any]] = tuple(one for feature in FEATURES for one in feature.lists)
"""Lists that are counted by marks."""

INVARIANTS: Sequence[AuditQuery] = (
    *AUDIT,
    *(one for feature in FEATURES for one in feature.invariants),
    AuditQuery("marks_count_rows", "A mark in a list says how many rows there are up to it.", wrong_marks(LISTS)),
    invariant_of(DEAD_LETTER_KINDS),
)
"""What `openvest ledger prove` holds the books to: the ledger's own laws, those of features, that lists are counted
right, that no work is hidden."""

DEAD_LETTERS = listing_of(DEAD_LETTER_KINDS)
"""The query behind `openvest work list`."""

FORGET_DEAD_LETTERS = forgetting_of(DEAD_LETTER_KINDS)
"""What removes rows whose object went another way."""

CLOSERS: Sequence[Hook] = (write_house,)
"""Hooks after the events: the house's hot rows, last."""
