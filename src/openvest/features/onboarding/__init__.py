"""Onboarding: what must be proved and known of a user before they may invest.

Nouns: a *check*, evidence that someone outside or a rule of ours decides on; an *identifier*, the number under which
trades of this person are reported; *tax residencies*, one declared set per user, whose countries
have ids of their own.

Life: a check goes IN_PROGRESS → PASSED | FAILED and can be overturned; one that waits is the work of an outbound step
that asks the identity port. Whenever a check, an identifier or the residencies change, the user is decided about again:
ACTIVE once everything the licence asks for is there (`rules.REQUIREMENTS`), INACTIVE when a required check fails later.
Our own screening (COMPLIANCE) starts when KYC has passed. Some nationals' identifier is made, not asked for.

No money moves here. Sealed at rest: national and tax identifiers.

Source: reference (users).
"""
