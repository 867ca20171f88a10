"""Webhooks: who wants to hear our news, and what each of them has been told.

Nouns: a *subscription* (webhook) names a URL and the categories it wants; a *package* is a run of consecutive wanted
events as the bytes of one request. A subscription is a cursor into the numbered events and has at most one package in
flight, so whatever fails blocks this subscription alone, and what waits behind it costs nothing.

Life: a subscription is born switched off. Switching it on starts it at the present number: nobody asked for what
happened before. Switching it off drops the package in flight and what waits; it is the one way to give up a queue that
is blocked for good, since the contract has no dead letters and no end of attempts. A package closes when `delay` has
passed since its oldest event came to wait, or when the next event would make it too large; an event larger than the
limit travels alone. It is then tried until an endpoint answers 200 to 299: after 1, 2, 3, 5, 8 … 600 seconds, each
time the same bytes under a fresh signature. In a sandbox a subscription that has failed for 30 days is removed.

No events are written here (subscriptions have no category) and no money moves.

Source: reference (webhooks); DOMAIN.md section 3; CONTRACTS.md for the sequence headers.
"""
