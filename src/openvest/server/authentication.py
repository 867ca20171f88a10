"""Who sent a request: bearer token, client id and message signature, all of one client.

Every failure looks alike but in a sandbox, which says the reason.

A contract may demand a signature; where it does not, one that is sent must hold all the same. A token request has no
token yet: its signature or, unsigned, its form names the client.

Source: CONTRACTS.md rules 2 and 7; reference (protocol).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import parse_qs
from uuid import UUID

from openvest.core.clock import WireClock, instant
from openvest.core.contracts import RULES
from openvest.core.http_signatures import (
    SINGLE_HEADERS,
    ParsedSignature,
    SignatureRefused,
    SignedMessage,
    parse_signature,
    verify_signature,
)
from openvest.core.ids import parse_id
from openvest.server.directory import Directory, KnownKey, KnownToken
from openvest.server.messages import Request
from openvest.server.nonces import Claim, NonceGate, Stale

_BEARER = re.compile(r"[Bb][Ee][Aa][Rr][Ee][Rr] ([a-zA-Z0-9\-._~+/]{1,1000}=*)")

_LONGEST_ID = 36
_NAMELESS = "the token request is neither signed nor a form that names a client_id"
_JUDGED_AGAIN = 3
_UNPROVEN = "the client or its secret is unknown, or the client is one that has to sign"
"""Said of all of these alike: nobody but a client is to learn which ids are those of clients."""


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Judges credentials."""

    directory: Directory
    nonces: NonceGate
    wire: WireClock

    async def claim(self, request: Request) -> Claim:
        """Credentials that hold as this process knows them; nothing is told by them before they are admitted.

        Raises: SignatureRefused, DatabaseDown.
        """
        bearer = _bearer(request)
        signed = b"signature" in request.fields or b"signature-input" in request.fields
        parsed = self._parse(request, names_caller=True) if signed else None
        token = await self._token(request, bearer, parsed)
        key = None if parsed is None else await self._signer(parsed, token.caller.client_id)
        return Claim(token.caller, token, key, parsed)

    async def admit(self, request: Request, claim: Claim, *, durably: bool = True) -> bool:
        """Use up the nonce, where no flush did. False where what was judged by the claim is to be judged again.

        Raises: SignatureRefused, DatabaseDown.
        """
        if not claim.spent:
            try:
                await self.nonces.admit(claim, durably=durably)
            except Stale:
                await self.judge_again(request, claim)
                return False
        return True

    async def judge_again(self, request: Request, claim: Claim) -> None:
        """Token or key are not what stands now. Raises: SignatureRefused, at last if they never do; DatabaseDown."""
        claim.judged += 1
        if claim.judged > _JUDGED_AGAIN:
            raise SignatureRefused("token and key do not stand together")
        self.directory.forget(claim.token, claim.key)
        if claim.token is not None:
            claim.token = await self._token(request, _bearer(request), claim.parsed)
            claim.caller = claim.token.caller
        if claim.parsed is not None:
            claim.key = await self._signer(claim.parsed, named_client(request))

    async def _token(self, request: Request, text: str, parsed: ParsedSignature | None) -> KnownToken:
        """The token of this text, where the request may bear it. Raises: SignatureRefused."""
        token = await self.directory.token(text)
        if token is None or token.expires_at <= self.wire.now():
            told = "the token is unknown" if token is None else f"the token expired at {instant(token.expires_at)}"
            raise SignatureRefused("the token is unknown or has expired", told)
        caller = token.caller
        request.client = str(caller.client_id)
        named = named_client(request)
        if parsed is None:
            if RULES[caller.contract].signed:
                raise SignatureRefused("the request is not signed")
            _check_single(request)
            if b"upvest-client-id" in request.fields and named != caller.client_id:
                raise SignatureRefused("the client id is not the token's")
            return token
        if named != caller.client_id:
            raise SignatureRefused("the client id is not the token's")
        if caller.strict_idempotency and not parsed.idempotency_key_covered:
            raise SignatureRefused("the idempotency key is not covered, which this client demands")
        return token

    async def claim_of_form(self, request: Request) -> Claim:
        """As `claim`, of a token request. One that is not signed proves nobody, and has nothing to be admitted."""
        named, key, parsed = named_client(request), None, None
        if b"upvest-client-id" in request.fields and named is None:
            raise SignatureRefused("the client id is malformed")
        if b"signature" in request.fields or b"signature-input" in request.fields:
            parsed = self._parse(request, names_caller=False)
            key = await self._signer(parsed, named)
            client = await self.directory.client(key.client_id)
            if client is None:
                raise SignatureRefused("the client is unknown")
        else:
            _check_single(request)
            request.doubt = _UNPROVEN
            asked = form_client(request)
            if asked is None:
                raise SignatureRefused(_NAMELESS)
            client = await self.directory.client(asked)
            if client is None or RULES[client.caller.contract].signed or named not in (None, asked):
                raise SignatureRefused(_UNPROVEN)
        request.client = str(client.caller.client_id)
        return Claim(client.caller, None, key, parsed, spent=parsed is None)

    def _parse(self, request: Request, *, names_caller: bool) -> ParsedSignature:
        message = SignedMessage(request.method, request.raw_path, request.query, request.headers, request.body)
        return parse_signature(message, self.wire.now_seconds(), names_caller=names_caller)

    async def _signer(self, parsed: ParsedSignature, client_id: UUID | None) -> KnownKey:
        """The key that made the signature; it is the client's, where one is named. Raises: SignatureRefused."""
        key_id = as_uuid(parsed.key_id)
        key = None if key_id is None else await self.directory.key(key_id)
        if key is None or client_id not in (None, key.client_id):
            raise SignatureRefused("the key is unknown or another client's", "keyid names no key of this client")
        verify_signature(parsed, key.key)
        return key


def _bearer(request: Request) -> str:
    bearer = _BEARER.fullmatch(request.text(b"authorization") or "")
    if bearer is None:
        raise SignatureRefused("there is no bearer token")
    return bearer[1]


def named_client(request: Request) -> UUID | None:
    """The client the header names, unproven."""
    text = request.text(b"upvest-client-id")
    return None if text is None else as_uuid(text)


def form_client(request: Request) -> UUID | None:
    """The client that the form of a token request names, unproven."""
    try:
        values = parse_qs(request.body.decode("ascii"), max_num_fields=20).get("client_id", [])
    except ValueError:
        return None
    return as_uuid(values[0]) if len(values) == 1 else None


def as_uuid(text: str) -> UUID | None:
    """The UUID this is, if it is one."""
    return _as_uuid(text) if len(text) <= _LONGEST_ID else None


@lru_cache(maxsize=4096)
def _as_uuid(text: str) -> UUID | None:
    """Why cached: clients and keys name themselves every time. Why of bounded length: so that the cache is, too."""
    try:
        return parse_id(text)
    except ValueError:
        return None


def _check_single(request: Request) -> None:
    if len(request.fields) != len(request.headers):
        names = [name for name, _ in request.headers]
        if any(names.count(name) > 1 for name in SINGLE_HEADERS):
            raise SignatureRefused("a header is repeated")
