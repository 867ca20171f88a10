-- Three foreign keys of what is written most, whose targets cannot go away and are one row for many writers at once.
--
-- Every check takes a key-share lock on its target, so writers that name the same instrument, client or set of events
-- at once share that row's lock, at a price per row. The application cannot delete any of the three; an event is
-- written in the statement that makes its set. A proof of the books looks for what names nothing. (docs/adr/0011)
alter table events drop constraint events_tenant_id_set_id_fkey;
alter table idempotency drop constraint idempotency_tenant_id_client_id_fkey;
alter table orders drop constraint orders_instrument_id_fkey;
