"""Fundings: money that customers transfer to us, and the accounts of ours they transfer it to.

Nouns: a *virtual bank account* is an IBAN of ours that belongs to one account group; a *credit funding* is a transfer
that arrived and is a group's; a *returned payment* is money in suspense that goes back to who sent it.

Life of a credit funding: CONFIRMED when a line of the bank is matched to an active group, by the virtual account it
was sent to, else by `CF` and a securities account number in its text; CANCELLED when the sender's bank recalls it. What
matches no group, and no top-up, stands in suspense, until an operator assigns it to a group or returns it.

Money: CREDIT_FUNDING credits the group, out of `bank` or `suspense`; CREDIT_FUNDING_CHARGE_BACK takes it back, and what
is spent of it is owed. PAYMENT_RETURNED takes money out of suspense once the bank has paid it.

Source: POSTINGS.md section 2.5; reference (payments, sandbox).
"""
