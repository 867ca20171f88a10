"""Valuations: what the securities of an account are worth, now and at the end of each day.

Nouns: a *valuation* has a row for each position with its value and weight, and their total; cash is in none. A *price*
is that of the instrument's preferred venue in the currency of the valuation: the last trade's, else the middle of the
quote. What never had one is shown without a value, and left out of the total.

Life: on every day on which XETR trades, at 23:00 UTC, each account with positions is valued once; who sold everything
is valued with nothing once more. The current valuation is made when it is asked for and not kept.

No money moves here.

Source: RETURNS.md section 1; reference (valuations).
"""
