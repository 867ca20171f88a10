"""Virtual cash: money that a client firm keeps for its customers, and that trades with us all the same.

Nouns: an *increase* adds to what a group can trade with; a *decrease* takes from it again.

Life of an increase: ISSUED at birth; CONFIRMED by the sweep `virtual_cash.increase`, or CANCELLED by it where the group
is not active any more. Life of a decrease: ISSUED at birth, its money set apart if all of it is withdrawable; CONFIRMED
by the sweep `virtual_cash.decrease`, or QUEUED where money is missing, and CONFIRMED as soon as all of it is there;
CANCELLED by the client firm before that. What is of a group that is LOCKED waits. A group is not closed before either
has come to its end.

Money: VIRTUAL_CASH_INCREASE credits the group against `client_funding`; VIRTUAL_CASH_DECREASE_LOCK sets money apart in
`withdrawing`, VIRTUAL_CASH_DECREASE gives it back to the client firm, VIRTUAL_CASH_DECREASE_UNLOCK to the group. No
money moves at a bank: treasury reports clear the claim.

Source: POSTINGS.md section 2.7; reference (payments).
"""
