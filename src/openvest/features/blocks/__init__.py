"""Blocks: many customers' orders on one instrument and side that reach the street as one order of whole shares.

Nouns: a *member* is an order in a block; its *cap* is what its lock bears, its *share* what it gets. The *quote* is the
price at the cut-off by which the street quantity is fixed. The house's *inventory* stands between shares and members.

Life: COLLECTING (orders join at their cut-off) → WORKING (one street order trades; a better price can ask for another)
→ ALLOTTING (the terms are fixed; members are served set by set) → DONE. A block nobody stays in is DONE at once.

How a share is found: once the street has ended, one look at all members fixes the *terms*, such as the sum of what they
want at the one price and the last of those who get the largest remainders. From then on the share of each follows from
its own row and the terms, so members are served in sets, by any process, and again after a crash, with one result.

Money: none moves here. What the house trades is booked by `executions`: what it bought before its customers are served
from it, what it sold after they have delivered, so that the inventory is never below zero; `reserve` keeps apart what
is still theirs.

Source: DOMAIN.md section 6, ORDER_MATHS.md sections 3 and 5, POSTINGS.md section 3.4.
"""
