"""Mandates: what lets a client firm collect money from a holder's bank account.

Nouns: a *mandate* is a holder's consent, of the SEPA scheme CORE and for as many collections as may come; the
*creditor* is who collects, as a tenant has told it, and as each mandate keeps it from the day it was given.

Life: it is there from when it is registered until it is revoked. A revoked one keeps its row: what was collected names
it. One under which nothing was collected for 36 months has lapsed and permits nothing any more. That the holder saw the
text and consented is the client firm's duty.

Money: none moves here; direct debits ask for the mandate they collect under. Payer, IBAN and BIC stand in the
database only sealed, and the IBAN is shown masked.

Source: reference (payments); SEPA Core Direct Debit Rulebook 4.1 (PT-04.02 to PT-04.04: 36 months).
"""
