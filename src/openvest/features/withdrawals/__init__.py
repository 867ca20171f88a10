"""Withdrawals: money that a customer has paid out to a bank account of her own.

Nouns: a *withdrawal* is a payout from an account group to a reference account of the group's user.

Life: NEW, its money set apart, until the bank's cut-off; PROCESSING once a bank has it; CONFIRMED when it is paid.
CANCELLED by the client while NEW, by the bank or by us before it is paid. A payout that the receiving bank sends back
stays CONFIRMED.

Money: WITHDRAWAL_LOCK sets apart what is withdrawable, which unsettled proceeds are not; WITHDRAWAL pays it from
`bank`; WITHDRAWAL_UNLOCK gives it back; WITHDRAWAL_CANCELLATION credits what came back.

Source: POSTINGS.md section 2.4; reference (payments).
"""
