-- What moved an account is one list of money and of units, in the order in which it was written (docs/adr/0023).

-- For features above. Money that came to a group belongs to no one account of it.
create view pub_cash_transactions with (security_invoker = true) as
select tenant_id, id, account_group_id, account_id, type, amount, currency, created_at from cash_transactions;
select grant_app('pub_cash_transactions', 'select');

create index cash_transactions_written on cash_transactions (tenant_id, account_group_id, created_at, id)
 include (account_id);
-- The units of a trade are told by its money; few others move.
create index securities_transactions_alone on securities_transactions (tenant_id, account_id, created_at, id)
 where type not in ('ORDER_EXECUTION', 'ORDER_EXECUTION_CANCELLATION');
