"""Account groups and accounts: where a user's cash and securities are kept.

Nouns: an *account group* owns cash (one balance per currency) and has the securities account number; an *account* of a
group holds securities and counts from 1 within its group.

Life, of both: PENDING_APPROVAL → ACTIVE when the owner is ACTIVE, in the same unit; ACTIVE ⇄ LOCKED by compliance;
CLOSING on request (sells only), CLOSED when empty. A sweep closes what is empty: units for an account; for a group its
cash, and every account of it closed. Units worth less than a cent leave by themselves (`executions`); what is held of
an INACTIVE instrument, or of one that never had a price, keeps an account CLOSING, and so does what features above have
under way for it. When the last group of a leaving user is closed, the user has left. Who has a group that is CLOSING
may open another. An account in which nothing ever was, and for which nothing was ordered, may get
another type.

No money moves here; the sweeps read the ledger's published balances.

Source: reference (accounts).
"""
