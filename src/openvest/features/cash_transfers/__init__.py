"""Cash balance transfers: money that goes from one account group of a holder to another.

Nouns: a *transfer* takes cash of one currency out of its source group and brings it into its target group.

Life: ISSUED at birth, its money set apart; CONFIRMED a minute later, by the sweep `cash_transfers.book`; CANCELLED by
the client firm while ISSUED, or by the sweep where one of the groups does not take part any more. Both groups belong to
one user and are of one type, and the source may be CLOSING: so what is left there goes where its holder has it next. A
group is not closed while a transfer of it is ISSUED.

Money: CASH_BALANCE_TRANSFER_LOCK sets it apart in `withdrawing`, if it is withdrawable; CASH_BALANCE_TRANSFER moves it
to the other group, CASH_BALANCE_TRANSFER_UNLOCK gives it back. No bank has a part in it.

Source: POSTINGS.md section 2.7; reference (payments).
"""
