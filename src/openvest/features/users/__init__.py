"""Users: the people who invest, what is known of them and what has been proved.

Nouns: a *user*; a *check*, evidence that someone outside or a rule of ours decides on; an *identifier*, the number
under which trades of this person are reported; *tax residencies*, one declared set per user; a *data change*, the only
way to edit a user.

Life: a user is born INACTIVE, is ACTIVE once everything the licence asks for is complete (`rules.REQUIREMENTS`), goes
back to INACTIVE when a required check fails later, and leaves through OFFBOARDING to OFFBOARDED when nothing of theirs
is open. Checks go IN_PROGRESS → PASSED | FAILED; a check that waits is the work of an outward step that asks the
identity port.

No money moves here. Sealed at rest: national and tax identifiers.

Source: reference/v1/users.md; newer/users_roles_businesses.md section 2; CONTRACTS.md.
"""
