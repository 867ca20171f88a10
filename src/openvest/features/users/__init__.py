"""Users: the people who invest, and what is known of them.

Nouns: a *user*; a *data change*, the only way to edit one.

Life: a user is born INACTIVE, is ACTIVE when onboarding finds everything complete, can be deactivated again, and
leaves through OFFBOARDING to OFFBOARDED when features above find nothing of theirs open. A data change is applied or
refused as the identity port says.

No money moves here. Sealed at rest: the social security number.

Source: reference (users); CONTRACTS.md.
"""
