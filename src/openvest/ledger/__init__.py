"""The books: double entry in cash and securities, for customers and for the house of a tenant.

Nouns: a *balance* is what one owner has of one asset, a figure per bucket; a *journal* is a set of entries that sum to
zero for each asset; a *lot* is what one purchase left in an account, with its date and cost.

How value moves: a feature makes a `Journal` with a posting rule (`posting_rules`, `trades`), `post` applies a set of
them to the balances it has locked (`apply` decides, `posting` writes), and at the end of the unit `write_house` books
what the house had of it. Published figures are sums of a balance's buckets (`chart`). `audit` holds the books to their
laws.

Source: DOMAIN.md section 1; POSTINGS.md; ORDER_MATHS.md section 6.
"""
