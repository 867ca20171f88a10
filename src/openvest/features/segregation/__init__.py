"""Segregation: the customers' money is at the bank, and the house's own money makes up what would be missing.

Nouns: a *requirement* is what must be at the bank in one currency: what each account group has settled, at least zero
for each, so that no group's debt is paid with another's money; money in suspense that arrived; fees and taxes of
settled trades.

Life: once a business day, when T2 closes (18:00 in Berlin), what must be at the bank is held against what is there, if
anything was booked since the last time. A day on which T2 is closed has none.

Money: SEGREGATION moves the difference between `own_bank` and `bank`, and is not posted where there is none. Nothing is
told of it: it is the house's bookkeeping, and no customer's figure changes.

Source: POSTINGS.md section 9.
"""
