-- Rows that are worked off leave dead entries at the head of the indexes that say what is due, where each look begins.
-- How many there may be before they are cleared away is a number, and does not grow with the table. (Tables of few rows
-- keep PostgreSQL's own rule, which clears them sooner.)
do $$
declare queue text;
begin
  foreach queue in array array[
    'balances', 'bank_lines', 'data_changes', 'event_sets', 'executions', 'idempotency', 'locks', 'lots', 'orders',
    'street_orders', 'topups', 'user_checks', 'venue_reports', 'webhook_packages'
  ] loop
    execute format(
      'alter table %I set (autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 2000)', queue);
  end loop;
end $$;
