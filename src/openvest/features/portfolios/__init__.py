"""Portfolios: what the money of an account is to be spread over, and in which proportions.

Nouns: an *allocation* is a list of instruments, each with its weight in percent, which any number of accounts may
follow. A *configuration* (in lite: a *portfolio*) is what makes one account follow one allocation.

Life: an allocation stays for good, and is replaced as a whole; each version's targets are kept. An account that follows
it is moved at its next rebalancing, never by the replacement itself. A configuration is ACTIVE until it is deleted or
its account is closed; then it is CLOSED, and the account may get a new one. Only ACTIVE accounts of type PORTFOLIO get
one, and while they have it their type stays.

Money: none moves here; weights are only read when something is ordered.

Source: reference (portfolios); CONTRACTS.md (status, weights, events of the category PORTFOLIO).
"""
