"""Tenants: organisations, their API clients with keys and tokens, and the keys we sign webhooks with.

Nouns: a *tenant* owns everything else; a *client* speaks one contract in its name with a secret, scopes and public
keys; a *token* is a short-lived proof of the secret; a *signing key* is ours and signs what we send to that tenant.

Life: a client is made, may be disabled, and does not come back; its secret can be exchanged, which ends the tokens that
the old secret bought. Secrets and tokens stand in the database as keyed hashes, our private keys sealed.

No money moves here and no events are written, so nothing of this ticks a frozen clock.

Source: CONTRACTS.md rule 2; reference (authentication, protocol); DOMAIN.md section 2 (ids and wire time).
"""
