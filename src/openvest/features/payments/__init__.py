"""Payments: money that comes in, and what is promised of it.

Nouns: a *top-up* is money a client firm vouches for: credited at once, wired later.

Life of a top-up: CONFIRMED at birth; SETTLED when its wire is matched; CANCELLED by the client firm while CONFIRMED and
still withdrawable.

Money: TOPUP credits the group against `client_funding`; TOPUP_SETTLED moves that claim to `bank`; TOPUP_CANCELLATION
takes it back. A wire with another amount, another currency or no known reference is not taken, and stands in
`suspense`.

Source: POSTINGS.md sections 2.1 and 2.5; reference (payments, sandbox).
"""
