"""Orders: a customer's instruction to buy or sell, from acceptance until nothing works for it any more.

Nouns: an *order* of a customer on an account. What works for it at a venue is a street order (feature `street`), what
is traded for it an execution (feature `executions`). A *cancellation* is the client's wish that it ends: one order has
one that is not answered at most, and it is kept in the order (`cancel_asked_at`).

Life: NEW → PROCESSING → FILLED, or CANCELLED with a reason. Acceptance does intake only: the row, its event, the
answer. The *check* sweep then decides in order of acceptance per account group and takes the lock; the *booking* sweep
carries orders through what venues report; *expiry* ends what is over; *news* of an instrument end what does not fit it
any more (`rules_fit`). What an order waits for without an instant, an activation, wakes it by a reaction.

Money: ORDER_LOCK and ORDER_UNLOCK (available ↔ locked) are journals of this feature; what a fill moves is booked by
`executions`. Amounts, locks and limits are worked out here, in `rules_amounts`. The catalogue is POSTINGS.md section 3.

Whole-share venues: an order with a fraction is a block of one. The house trades whole shares and serves the customer
from its inventory, which is never below zero; a follow-up buys shares that a better price has made missing.

Source: DOMAIN.md section 6, ORDER_MATHS.md, reference (orders).
"""
