"""Positions: what an account has of each instrument, and the list of what moved it.

Nouns: a *position* is the published view of one unit balance of the ledger, with the average buy-in price of its lots;
a *securities transaction* is one booked movement of an account's units with what caused it. An *account transaction*
is a row of an account's history: its money, the money of its group that is no one account's, units that moved alone.

Life: as with cash. The ledger moves positions, and each touched one is published once at the end of a unit of work; a
transaction is written once by the feature that moved the units and never changes. A position that is sold out stays
readable by its instrument and its id and leaves the list when nothing of it is pending.

No money or units move here.

Source: POSTINGS.md section 1 (figures); ORDER_MATHS.md section 6 (average price); reference (transactions).
"""
