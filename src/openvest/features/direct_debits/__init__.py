"""Direct debits: money that a client firm collects from a user's bank account, under the user's mandate.

Nouns: a *direct debit* is one collection of the SEPA scheme CORE for one account group.

Life: NEW until the bank is handed it at its cut-off, then PROCESSING; CONFIRMED on the day of settlement, when the
money is there; CANCELLED with a reason where the bank refuses it before that, or where its mandate is revoked before it
leaves. What is CONFIRMED may be CHARGED_BACK: returned within days, refunded within eight weeks, or as unauthorised
within thirteen months. v1 has no such status and shows CONFIRMED; there the cash transactions tell of it. While one is
NEW or PROCESSING its group is not closed.

Money: nothing moves before CONFIRMED (SEPA_DIRECT_DEBIT). A charge-back (SEPA_DIRECT_DEBIT_CHARGE_BACK) takes the money
back, also where it is spent: what is missing is due, buys of the group end, and the next credit repays it. What the
bank takes beyond the amount is its fee, and the customer's (DD_REFUND_REJECT_FEE).

Source: POSTINGS.md section 2.6; reference (payments); SEPA Core Direct Debit Rulebook 4.3 (returns and refunds).
"""
