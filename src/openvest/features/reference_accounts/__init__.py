"""Reference accounts: the bank accounts to which a holder's money is paid out.

Nouns: a *reference account* is a bank account that its holder has confirmed, with the name of its owner.

Life: it is there from when it is registered until it is deleted. A deleted one is found by nobody who pays out, and
keeps its row: what was paid to it still names it. Several may stand side by side, so that a new one can come before the
old one goes. That its owner is the holder, and that IBAN and BIC belong together, is the client firm's duty.

Money: none moves here; withdrawals ask for the account they pay to. Owner, IBAN and BIC stand in the database only
sealed, and the IBAN is shown masked.

Source: reference (payments).
"""
