"""Orders: a customer's instruction to buy or sell, from acceptance to settlement.

Nouns: an *order* of a customer on an account; its *executions*; the street order that serves it (feature `street`).

Life: NEW → PROCESSING → FILLED, or CANCELLED with a reason. Executions FILLED → SETTLED, either → CANCELLED.
Acceptance does intake only: the row, its event, the answer. A check sweep then decides in order of acceptance and takes
the lock; what the venue reports is booked by a second sweep, expiry and settlement are a third and a fourth.

Money: ORDER_LOCK and ORDER_UNLOCK (available ↔ locked), ORDER_EXECUTION (lock → street or the house's fractions),
STREET_EXECUTION and SETTLEMENT. The catalogue is POSTINGS sections 2.2, 2.3 and 3.

Whole-share venues: an order with a fraction is a block of one; the house trades whole shares and serves the customer
from its inventory, which is never below zero.

Source: DOMAIN.md section 6, ORDER_MATHS.md, reference/v1/orders.md and newer/orders_executions.md.
"""
