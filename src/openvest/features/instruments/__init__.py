"""Instruments: what can be traded, at which venue, and at what price.

Nouns: an *instrument* is known by its ISIN and has the same id on every machine; a *venue* by its MIC; a *listing* is
an instrument at a venue, with a currency and a tick. *Bars* and *quotes* are prices somebody imported. All of it is
shared by every tenant.

Life: an instrument is ACTIVE or INACTIVE. The master comes with the program and is added when the schema is migrated;
`import_instruments` adds and changes, `import_prices` brings prices. Both run as the owner of the schema and take a
file whole or not at all.

Prices: `quotes`, `points` and `candles` ask the prices port inside the unit of work and hand it the imported rows, so
reading a price never leaves the process. No money moves here.

Events: instruments have no tenant and an event belongs to one, so the import notes what it changed, and a sweep tells
each tenant from its own cursor (INSTRUMENT.…). A new tenant is told of later changes only; prices are no news. What is
decided about orders goes by what was told (`service_news`).

Source: DOMAIN.md sections 4 and 7; reference (instruments).
"""
