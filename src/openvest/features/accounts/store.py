"""The statements of groups and accounts. $1 is always the tenant."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Generic, LiteralString, TypeVar
from uuid import UUID

from openvest.core.records import record
from openvest.db.paging import Chain, listing
from openvest.db.query import Query, Statement
from openvest.db.rows import columns, insert, update
from openvest.declarations import ClosingBlocker
from openvest.features.accounts.model import Account, AccountFacts, AccountGroup
from openvest.ledger.chart import OwnerKind

_GROUP = columns(AccountGroup)
_ACCOUNT = columns(Account)

GROUPS = listing(
    "account_groups", AccountGroup, filters="user_id", sorts="created_at updated_at", few="user_id", chains=[Chain()]
)
ACCOUNTS = listing(
    "accounts", Account, filters="user_id", sorts="created_at updated_at", few="user_id", chains=[Chain()]
)

GROUP_BY_ID = Query(AccountGroup, f"select {_GROUP} from account_groups where tenant_id = $1 and id = $2")
GROUPS_FOR_SHARE = Query(
    AccountGroup,
    f"select {_GROUP} from account_groups where tenant_id = $1 and id = any($2::uuid[]) order by id for share",
)
GROUP_FOR_UPDATE = Query(
    AccountGroup, f"select {_GROUP} from account_groups where tenant_id = $1 and id = $2 for no key update"
)


@record
class NumberedGroup:
    """Which group has a securities account number."""

    id: UUID
    securities_account_number: str


GROUPS_BY_NUMBER = Query(
    NumberedGroup,
    f"select {columns(NumberedGroup)} from account_groups"
    " where tenant_id = $1 and securities_account_number = any($2::text[])",
)
PENDING_GROUPS_FOR_UPDATE = Query(
    AccountGroup,
    f"select {_GROUP} from account_groups where tenant_id = $1 and user_id = any($2::uuid[])"
    " and status = 'PENDING_APPROVAL' order by created_at, id for no key update",
)
OPEN_PERSONAL = Query(
    bool,
    "select exists (select from account_groups where tenant_id = $1 and user_id = $2 and type = 'PERSONAL'"
    " and status not in ('CLOSING', 'CLOSED'))",
)
USERS_WITH_OPEN_GROUPS = Query(
    UUID,
    "select distinct user_id from account_groups"
    " where tenant_id = $1 and user_id = any($2::uuid[]) and status <> 'CLOSED'",
)
INSERT_GROUP = insert("account_groups", AccountGroup, unless="securities_account_number")
SAVE_GROUP = update("account_groups", AccountGroup, "version updated_at status")
ANNOUNCE_CLOSURE = Statement(
    "update account_groups set closure_reason = coalesce($3, closure_reason), closure_announced_at = $4"
    " where tenant_id = $1 and id = $2"
)

ACCOUNT_BY_ID = Query(Account, f"select {_ACCOUNT} from accounts where tenant_id = $1 and id = $2")
ACCOUNTS_BY_ID = Query(Account, f"select {_ACCOUNT} from accounts where tenant_id = $1 and id = any($2::uuid[])")
FIRST_TRADING_ACCOUNTS = Query(
    Account,
    f"select {_ACCOUNT} from accounts where tenant_id = $1 and type = 'TRADING' and status = 'ACTIVE'"
    " order by created_at, id limit $2",
)
ACCOUNT_FOR_UPDATE = Query(
    Account, f"select {_ACCOUNT} from accounts where tenant_id = $1 and id = $2 for no key update"
)
PENDING_ACCOUNTS_FOR_UPDATE = Query(
    Account,
    f"select {_ACCOUNT} from accounts a where tenant_id = $1 and user_id = any($2::uuid[])"
    " and status = 'PENDING_APPROVAL' and exists (select from account_groups g where g.tenant_id = $1"
    " and g.id = a.account_group_id and g.status = 'ACTIVE') order by created_at, id for no key update",
)
NEXT_ACCOUNT_NUMBER = Query(
    int, "select coalesce(max(account_number), 0) + 1 from accounts where tenant_id = $1 and account_group_id = $2"
)
INSERT_ACCOUNT = insert("accounts", Account)
SAVE_ACCOUNT = update("accounts", Account, "version updated_at type name status")
EVER_HELD = Query(
    bool,
    "select exists (select from pub_balances where tenant_id = $1 and owner_id = $2 and owner_kind = 'account')",
)

FACTS = Query(
    AccountFacts,
    f"select {columns(AccountFacts)} from pub_accounts where tenant_id = $1 and account_id = any($2::uuid[])",
)

FACTS_FOR_SHARE = Query(
    AccountFacts,
    """
    select a.id as account_id, a.type as account_type, a.status as account_status, g.id as group_id,
           g.status as group_status, g.securities_account_number, u.user_id, u.user_status, u.instrument_fit
      from account_groups g
      join accounts a on a.tenant_id = g.tenant_id and a.account_group_id = g.id
      join pub_users u on u.tenant_id = a.tenant_id and u.user_id = a.user_id
     where a.tenant_id = $1 and a.id = any($2::uuid[]) order by g.id, a.id for share of g, a
    """,
)

# Empty is every bucket at zero: a lock means an open sale, an unsettled figure an open settlement. What decides is of
# other tables, so it is read again once the row is held: until then it may have changed. What holds something is left
# out by the statement itself: however many rows wait for their end, a look reads no more of them than it can close.


def _nothing_left(owner_kind: OwnerKind, alias: LiteralString) -> LiteralString:
    return f"""
       not exists (
         select from pub_balances b
          where b.tenant_id = $1 and b.owner_id = {alias}.id and b.owner_kind = '{owner_kind}'
            and (b.balance <> 0 or b.locked_for_trading <> 0 or b.pending_settlement <> 0
                 or b.available_for_trading <> 0 or b.settled_quantity <> 0))
    """


R = TypeVar("R")


@record
class Closing(Generic[R]):
    """The statements of accounts, or groups, that are closing and have nothing.

    `due` asks whether one of them can be closed, `claim` takes such, `still` says of those taken which still can be.
    """

    due: Query[datetime]
    claim: Query[R]
    still: Query[UUID]


def closing_accounts(holds: Sequence[ClosingBlocker]) -> Closing[Account]:
    """Of accounts, which leave out what is held."""
    free = _nothing_left("account", "a") + _not_held(holds, "account")
    return _closing(Account, "accounts", "a", "accounts.close", free)


def closing_groups(holds: Sequence[ClosingBlocker]) -> Closing[AccountGroup]:
    """Of groups, which leave out what is held and what has an open account."""
    free = f"""
       {_nothing_left("group", "g")}
       and not exists (select from accounts a where a.tenant_id = $1 and a.account_group_id = g.id
                                                and a.status <> 'CLOSED')
       {_not_held(holds, "group")}
    """
    return _closing(AccountGroup, "account_groups", "g", "accounts.close_groups", free)


def _not_held(holds: Sequence[ClosingBlocker], owner_kind: OwnerKind) -> LiteralString:
    return "".join(f" and not exists (select from {hold.open})" for hold in holds if hold.of == owner_kind)


def _closing(
    row: type[R], table: LiteralString, alias: LiteralString, sweep: LiteralString, free: LiteralString
) -> Closing[R]:
    closing = f"""
      from {table} {alias}
     where {alias}.tenant_id = $1 and {alias}.status = 'CLOSING'
       and not exists (
         select from dead_letters s where s.tenant_id = $1 and s.sweep = '{sweep}' and s.row_id = {alias}.id)
       and {free}
    """
    return Closing(
        Query(datetime, f"select $2::timestamptz where exists (select {closing})"),
        Query(
            row,
            f"select {columns(row)} {closing} order by {alias}.updated_at, {alias}.id limit $2"
            f" for no key update of {alias} skip locked",
        ),
        Query(
            UUID,
            f"select {alias}.id from {table} {alias} where {alias}.tenant_id = $1 and {alias}.id = any($2::uuid[])"
            f" and {free}",
        ),
    )
