"""What an installation before 0035 holds can be asked for as what it books today."""

from __future__ import annotations

from decimal import Decimal

import asyncpg
import pytest

from openvest.db.migrate import apply_migrations, migrations_folder, read_folder
from openvest.ledger.chart import balance_id
from tests.kit.cluster import APP, OWNER, Cluster

pytestmark = pytest.mark.anyio

# Two balances; a lot that was bought in pounds, and one that came in at a cost nobody knows.
OLDER = """
set session_replication_role = replica;
insert into balances (tenant_id, owner_kind, owner_id, asset, created_at, updated_at)
select gen_random_uuid(), k.kind, gen_random_uuid(), k.asset, now(), now()
  from (values ('group', 'EUR'), ('account', gen_random_uuid()::text)) k(kind, asset);
insert into lots (tenant_id, id, account_id, instrument_id, acquired_at, quantity, remaining, cost, remaining_cost,
                  origin, origin_id)
select gen_random_uuid(), l.id, gen_random_uuid(), gen_random_uuid(), now(), 1, 1, l.cost, l.cost, l.origin, l.id
  from (values (gen_random_uuid(), 12, 'execution'), (gen_random_uuid(), null, 'transfer')) l(id, cost, origin);
insert into executions (tenant_id, id, version, created_at, updated_at, order_id, user_id, account_id, account_group_id,
                        instrument_id, side, status, quantity, cash_amount, price, currency, venue_id, through,
                        transaction_time, traded_on, settlement_date, settles_at, ordinal)
select l.tenant_id, l.id, 1, now(), now(), l.id, l.id, l.account_id, l.id, l.instrument_id, 'BUY', 'FILLED', 1, 12, 12,
       'GBP', l.id, 'street', now(), now(), now(), now(), 1
  from lots l where l.origin = 'execution';
set session_replication_role = origin;
"""


async def test_what_an_older_installation_holds_has_its_id_and_its_currency(cluster: Cluster) -> None:
    name = await cluster.create(template=None)
    owner = await asyncpg.connect(cluster.dsn(name, OWNER))
    superuser = await asyncpg.connect(cluster.dsn(name, "postgres"))
    try:
        migrations = read_folder(migrations_folder())
        new = next(n for n, one in enumerate(migrations) if one.name.endswith("name_positions_and_what_they_cost"))
        await apply_migrations(owner, APP, migrations=migrations[:new])
        await superuser.execute(OLDER)
        await apply_migrations(owner, APP, migrations=migrations)
        rows = await superuser.fetch("select owner_id, asset, public_id from balances")
        assert len(rows) == 2
        assert all(row["public_id"] == balance_id(row["owner_id"], row["asset"]) for row in rows)
        lots = await superuser.fetch("select cost, currency from lots order by cost")
        assert [tuple(lot) for lot in lots] == [(Decimal(12), "GBP"), (None, None)]
    finally:
        await owner.close()
        await superuser.close()
        await cluster.drop(name)
