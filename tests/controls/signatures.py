"""Bugs planted against the gates of `tests.gates.signatures`."""

from __future__ import annotations

from tests.controls.planting import Edit, Planted

_SIGNATURES = "src/openvest/core/http_signatures.py"
_AUTHENTICATION = "src/openvest/server/authentication.py"
_SMALL = {"vectors": 1}

PLANTED: tuple[Planted, ...] = (
    Planted(
        "R30",
        "any-label",
        "the labels of the two headers need not agree",
        (Edit(_SIGNATURES, "    if signature_label != label:\n", "    if not signature_label:\n"),),
        _SMALL,
    ),
    Planted(
        "R30",
        "digests-not-compared",
        "the digest is covered but not compared with the body",
        (Edit(_SIGNATURES, "    if digest != body_digest(version, body):\n", "    if not digest:\n"),),
        _SMALL,
    ),
    Planted(
        "R30",
        "keys-of-anybody",
        "any registered key signs for any client",
        (
            Edit(
                _AUTHENTICATION,
                "        if key is None or client_id not in (None, key.client_id):\n",
                "        if key is None:\n",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R30",
        "removed-keys-sign",
        "a key that was removed still signs",
        (
            Edit(
                "migrations/0028_find_tenants_in_a_directory.sql",
                " and k.id = key and k.removed_at is null;\n",
                " and k.id = key;\n",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R30",
        "used-nonces-pass",
        "nobody is told that a nonce was used before",
        (
            Edit(
                "migrations/0030_plan_credentials_with_their_tenant.sql",
                "  if inserted < cardinality(new_nonces) then\n",
                "  if inserted > cardinality(new_nonces) then\n",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R30",
        "nonces-burnt-by-anybody",
        "a nonce is used up before the signature is verified",
        (
            Edit(
                _AUTHENTICATION,
                "        verify_signature(parsed, key.key)\n        return key\n",
                "        try:\n"
                "            verify_signature(parsed, key.key)\n"
                "        except SignatureRefused:\n"
                "            client = await self.directory.client(key.client_id)\n"
                "            await self.nonces.admit(Claim(client.caller, None, key, parsed), durably=True)\n"
                "            raise\n"
                "        return key\n",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R30",
        "signatures-for-ever",
        "a signature may live as long as it says",
        (
            Edit(
                _SIGNATURES,
                "    if expires - created > MAX_LIFETIME_SECONDS:\n",
                "    if expires - created > MAX_LIFETIME_SECONDS * created:\n",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R30",
        "lengths-of-nothing-demanded",
        "a covered length of no body has to arrive, although a proxy may drop it",
        (
            Edit(
                _SIGNATURES,
                '            if value is None and name == b"content-length" and not message.body:\n',
                '            if value is None and name == b"content-length" and not name:\n',
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R30",
        "production-says-why",
        "production says what is wrong with a signature, as a sandbox does",
        (
            Edit(
                "src/openvest/server/dispatch.py",
                '        if isinstance(error, Unauthorised) and self.settings.mode == "sandbox":\n',
                "        if isinstance(error, Unauthorised):\n",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R30",
        "reasons-repeat-the-token",
        "what a sandbox says of a signature that does not fit has the signature base, and with it the token",
        (
            Edit(
                _SIGNATURES,
                'here that has {len(parsed.base)} bytes with the SHA-256"\n',
                "here that is {parsed.base.decode('latin-1')!r} with the SHA-256\"\n",
            ),
        ),
        _SMALL,
    ),
    Planted(
        "R31",
        "coverage-off",
        "a signature may cover whatever it likes",
        (Edit(_SIGNATURES, "    if not required <= covered:\n", "    if not covered:\n"),),
    ),
    Planted(
        "R31",
        "queries-uncovered",
        "a query need not be covered",
        (Edit(_SIGNATURES, "    if has_query:\n", "    if has_query and not names:\n"),),
    ),
    Planted(
        "R31",
        "strict-clients-are-normal",
        "a strict client's idempotency key need not be covered",
        (
            Edit(
                _AUTHENTICATION,
                "        if caller.strict_idempotency and not parsed.idempotency_key_covered:\n",
                "        if caller.strict_idempotency and not parsed.nonce:\n",
            ),
        ),
    ),
    Planted(
        "R33",
        "remembered-credentials",
        "what a process remembers of a credential holds until it is forgotten",
        (
            Edit(
                "src/openvest/server/nonces.py",
                "        stale = {list(self._pairs)[n - 1] for n in changed or ()}\n",
                "        stale = {list(self._pairs)[n - 1] for n in ()}\n",
            ),
        ),
    ),
    Planted(
        "R33",
        "secret-not-locked",
        "a token is bought under a secret that is being exchanged",
        (
            Edit(
                "src/openvest/features/tenants/store.py",
                'id = $2 and disabled_at is null for share"',
                'id = $2 and disabled_at is null"',
            ),
        ),
    ),
)
