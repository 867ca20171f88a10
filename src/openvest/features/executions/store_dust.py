"""SQL of dust: small positions of accounts that are CLOSING."""

from __future__ import annotations

from datetime import datetime

from openvest.db.query import Query
from openvest.features.executions.rules_dust import Resting

# A bid has at most four decimals, so a hundred units are worth a cent at least.

_RESTING = """
      from pub_accounts a
      join pub_balances b on b.tenant_id = a.tenant_id and b.owner_kind = 'account' and b.owner_id = a.account_id
     where a.tenant_id = $1 and a.account_status = 'CLOSING' and b.balance > 0 and b.balance < 100
       and b.available_for_trading = b.balance and b.pending_settlement = 0 and b.settled_quantity = b.balance
       and not exists (
         select from dead_letters s
          where s.tenant_id = $1 and s.sweep = 'executions.clean_dust' and s.row_id = a.account_id)
"""

MAY_BE_DUST = Query(datetime, f"select $2::timestamptz where exists (select {_RESTING})")
RESTING = Query(
    Resting,
    f"""
    select a.account_id as id, a.user_id, a.group_id, b.asset::uuid as instrument_id, b.balance as quantity,
           greatest(a.account_updated_at, b.updated_at, date_trunc('day', $2::timestamptz, 'UTC')) as looked_at
    {_RESTING}
     order by a.account_updated_at, a.account_id, b.asset
    """,
)
