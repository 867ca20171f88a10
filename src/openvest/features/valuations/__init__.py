"""Valuations: what the securities of an account are worth, now and at the end of each day, and what they did.

Nouns: a *valuation* has a row for each position with its value and weight, and their total; cash is in none. A *price*
is that of the instrument's preferred venue in the currency of the valuation: the last trade's, else the middle of the
quote. What never had one is shown without a value, and left out of the total. A *return* is what the securities did on
a day whatever was put in or taken out (time-weighted), and in the chain of all days since the first.

Life: on every day on which XETR trades, at 23:00 UTC, each account with positions is valued once; who sold everything
is valued with nothing once more. What is booked late restates each day since. The current valuation is made when it is
asked for, and not kept.

No money moves here.

Source: RETURNS.md; reference (valuations).
"""
