"""The street: what the house sends to venues, and what venues say.

A *street order* is one order at one venue on behalf of one order of a customer. It is asked about at `look_at`: the
venue port answers with dated *reports*, kept once each in the inbox. When a report falls due, the feature above books
it. A cancellation is a question too: the venue ends the order and what it had announced for later is void.

Life: WORKING → FILLED | CANCELLED. No money moves here.

Source: DOMAIN.md sections 6 and 7. Why a feature of its own: docs/adr/0002.
"""
