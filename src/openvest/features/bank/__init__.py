"""The banks that hold our accounts: what they are told to do, and what they tell.

Nouns: an *instruction* is a credit transfer or a direct debit on behalf of one object of a feature above; a *bank line*
is one thing a bank told: that an instruction was handed over or is refused, or that an account of ours was credited or
debited. A line that answers an instruction belongs to its object, known by the end-to-end id.

Life of an instruction: READY until the cut-off of the bank's day, and until then it can be RECALLED; SENT; REJECTED
where it could not be sent. Life of a bank line: RECEIVED until its instant, then MATCHED to what it was booked on, or
UNMATCHED; an UNMATCHED one is ASSIGNED later, or RETURNED, which is PAID_BACK once the bank has done it, and UNMATCHED
again where the bank refused. A transfer that is nobody's, and the line that takes it back, are closed together.

Money: features above book their own lines. What nobody takes is PAYMENT_UNMATCHED: it stands in `suspense`, never on a
customer.

Source: POSTINGS.md section 2.5; DOMAIN.md section 7; reference (payments, sandbox).
"""
