-- A position is found by the id that events and contracts name it by; what its lots cost is money, so it has a currency.

alter table balances add column public_id uuid;
-- The rows of all tenants are meant, which the owner sees only where the wall does not hold it too. What is hashed, and
-- the two digits that make a UUID of it, are those of `balance_id` in ledger/chart.py.
alter table balances no force row level security;
update balances b
   set public_id = overlay(
         overlay(h.digits placing '5' from 13 for 1)
         placing translate(substr(h.digits, 17, 1), '0123456789abcdef', '89ab89ab89ab89ab') from 17 for 1)::uuid
  from (select tenant_id, id,
               encode(substr(sha256(convert_to(
                 '7:balance' || chr(31) || '36:' || owner_id || chr(31) || length(asset) || ':' || asset, 'UTF8')),
                 1, 16), 'hex') as digits
          from balances) h
 where b.tenant_id = h.tenant_id and b.id = h.id;
alter table balances force row level security;
alter table balances alter column public_id set not null;
create unique index balances_public on balances (tenant_id, public_id);

create or replace view pub_balances with (security_invoker = true) as
select tenant_id, owner_kind, owner_id, asset,
       available + locked + withdrawing + covering + blocked + due as balance,
       locked as locked_for_trading,
       unsettled_in + covering as pending_settlement,
       available + due - unsettled_in as available_for_withdrawal,
       available + due as available_for_trading,
       available + locked + withdrawing + covering + blocked + due - unsettled_in + unsettled_out as settled_quantity,
       version, created_at, updated_at, public_id
  from balances where version > 0;

-- One instrument may be bought in several currencies. The lot of an execution has the execution's id.
alter table lots add column currency text;
alter table lots no force row level security;
alter table executions no force row level security;
update lots l set currency = e.currency
  from executions e where e.tenant_id = l.tenant_id and e.id = l.id and l.cost is not null;
alter table executions force row level security;
alter table lots force row level security;
alter table lots add constraint lots_currency check ((currency is null) = (cost is null));
