"""Portfolio orders: money that is put into a portfolio as a whole, or taken out of it.

Nouns: a *portfolio order* names an account that follows an allocation, and an amount. Its *orders* are ordinary market
orders for single instruments, which it is divided into; they carry its id as their client reference.

Life: NEW until it was divided and each of its orders runs; PROCESSING; FILLED when all of them are; SETTLED when all
that they traded is. It is CANCELLED where there is nothing to order, and where one of its orders was cancelled, once
the others are final: those that were filled stay so.

Money: a purchase is divided by the weights of the allocation as it then is, to the cent, by largest remainder. A sale
is divided by what the account's positions are worth, at most nine tenths of it, which is what amounts can lock. What
comes to nothing, such as less than one whole share, is not ordered, and stays cash. Orders carry no fee. Until there
are taxes, an amount after tax equals the amount before.

Preview: what is asked for with `dry_run` is accepted and divided by the same functions and leaves nothing behind; while
prices stand still, the order itself comes to the same.

Source: reference (portfolios); ORDER_MATHS.md section 2; DOMAIN.md section 6; CONTRACTS.md rows 23 and 25.
"""
