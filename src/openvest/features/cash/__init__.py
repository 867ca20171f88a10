"""Cash: what an account group has of each currency, and the list of what moved it.

Nouns: a *cash balance* is the published view of one balance of the ledger, five figures per account group and
currency; a *cash transaction* is one booked movement of a group's money with its taxes, fees and what caused it.

Life: a balance is never written here. The ledger moves it, and at the end of every unit of work each touched balance is
published once, as it then stands. A transaction is written once by the feature that moved the money and never changes;
a correction is a transaction of its own.

Source: POSTINGS.md section 1 (figures); reference (payments, transactions).
"""
