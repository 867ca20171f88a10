"""One request, from its headers to its answer, in the order of refusals of CONTRACTS.md rule 5.

431/413 · 404 and 405 from the tables · 429 · 401 · 406 · 415 · 400 idempotency key · 403 · 400 body · 404 object ·
409/422. The body is read behind 405, since what leads nowhere needs none; a body that is longer than its headers say,
or that finds no room, is refused there. 429 is told behind 401 too, where a client that is proven has too many requests
under way. Every answer carries the request id; a fault of ours says nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from uuid import UUID

from openvest.core.clock import monotonic_ns
from openvest.core.contracts import RULES
from openvest.core.http_signatures import SignatureRefused
from openvest.core.ids import random_text
from openvest.core.problems import Forbidden, Internal, Problem, Unauthorised
from openvest.core.schema import ValidationContext
from openvest.db.faults import DatabaseDown, TooBusy, is_passing, is_unavailable
from openvest.declarations import Call, Caller, Endpoint
from openvest.server.authentication import Authenticator, form_client, named_client
from openvest.server.bodies import Bodies
from openvest.server.idempotency import keyed_request
from openvest.server.lanes import InFlight
from openvest.server.limits import RateLimits
from openvest.server.logs import Observer
from openvest.server.messages import (
    HttpResponse,
    Receive,
    Request,
    Scope,
    Send,
    check_size,
    open_request,
    problem_response,
    send_response,
    unavailable,
)
from openvest.server.negotiation import check_accept, check_content_type, check_version, idempotency_key
from openvest.server.nonces import Claim, Stale
from openvest.server.parsing import parse_body, parse_path, parse_query
from openvest.server.router import Hit, Router, first, is_flushed, pick
from openvest.server.running import Runner
from openvest.server.settings import ServerSettings
from openvest.work.runner import Stuck


@dataclass(frozen=True, slots=True)
class Dispatcher:
    """Everything a request passes. Holds no state of its own."""

    router: Router
    bodies: Bodies
    authenticator: Authenticator
    limits: RateLimits
    in_flight: InFlight
    runner: Runner
    observer: Observer
    settings: ServerSettings

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = monotonic_ns()
        request = open_request(scope, random_text())
        try:
            try:
                answer = await self._answer(request, receive)
            finally:
                self.bodies.release(request)
            self.observer.answered(request, answer, started)
            await send_response(send, answer, request.request_id)
        finally:
            if request.under_way_of is not None:
                self.in_flight.leave(request.under_way_of)

    async def _answer(self, request: Request, receive: Receive) -> HttpResponse:
        try:
            return await self._serve(request, receive)
        except Exception as error:
            return problem_response(self.refusal(request, error), request)

    def refusal(self, request: Request, error: Exception) -> Problem:
        """What the client hears of an exception; a fault of ours goes into the log."""
        if isinstance(error, SignatureRefused):
            request.refusal, error = error.reason, Unauthorised(error.told)
        if isinstance(error, Unauthorised) and self.settings.mode == "sandbox":
            reason = error.reason or request.doubt
            error.detail = f"{error.detail.removesuffix('.')}: {reason}." if reason else error.detail
        if isinstance(error, Problem):
            return error
        if isinstance(error, TooBusy | Stuck):
            return unavailable("The server is too busy; send the request again.")
        if isinstance(error, DatabaseDown):
            return unavailable("The database cannot be reached; send the request again.")
        if is_unavailable(error):
            self.observer.refused_by_database(request, error)
            return unavailable("The database is too busy or has no room; send the request again.")
        self.observer.fault(request, error)
        return Internal("The request failed by a fault of ours; its id finds it in our log.")

    async def _serve(self, request: Request, receive: Receive) -> HttpResponse:
        check_size(request, self.settings)
        hits = self.router.find(request.raw_path, request.method)
        endpoint = first(hits, request.method)
        request.operation = endpoint.operation_id
        await self.bodies.read(request, receive)
        named = named_client(request) or (form_client(request) if endpoint.form else None)
        await self._limit(named)
        await self.bodies.turn(len(request.body))
        credentials = self.authenticator.claim_of_form if endpoint.form else self.authenticator.claim
        claim = await credentials(request)
        if not is_flushed(hits, request.method):
            await self.authenticator.admit(request, claim, durably=endpoint.is_write)
        while True:
            try:
                answer = await self._run(request, hits, claim, named)
            except Stale:
                await self.authenticator.judge_again(request, claim)
            except Exception as error:
                # What passes leaves open what became of the request, and whether its nonce is used.
                if is_passing(error) or await self.authenticator.admit(request, claim):
                    raise
            else:
                if await self.authenticator.admit(request, claim):
                    return answer

    async def _run(self, request: Request, hits: Sequence[Hit], claim: Claim, named: UUID | None) -> HttpResponse:
        """All that is judged behind the credentials."""
        caller, rules = claim.caller, RULES[claim.caller.contract]
        if request.under_way_of is None:
            if named is None:
                await self._limit(caller.client_id)  # whom only a token names is known now
            if claim.token is not None or rules.signed:  # a form that is not signed proves nobody yet
                self.in_flight.enter(caller.client_id)
                request.under_way_of = caller.client_id
        endpoint, hit = pick(hits, caller.contract, request.method)
        request.operation = endpoint.operation_id
        check_accept(request, endpoint)
        check_content_type(request, endpoint)
        check_version(request)
        key = idempotency_key(request, endpoint, rules)
        _check_scope(endpoint, caller)
        query = parse_query(endpoint, request.query)
        allow_list = self.runner.settings.webhook_allow_list
        context = ValidationContext(caller.licence, allow_list)
        await self.bodies.turn(len(request.body))
        body, plain = parse_body(endpoint, request.body, context)
        path = parse_path(endpoint, hit.route.names, hit.values)
        call = Call(caller, path, query, body, key, request.request_id, webhook_allow_list=allow_list)
        keyed = None if key is None else keyed_request(request, caller, key, plain)
        return await self.runner.run(endpoint, call, keyed, claim)

    async def _limit(self, client_id: UUID | None) -> None:
        """The limit of the client as it is named, before anything is proven.

        Why: so says the order of refusals; a name that is no client's costs a look-up and has no bucket.
        """
        client = None if client_id is None else await self.authenticator.directory.client(client_id)
        if client_id is not None and client is not None and client.rate_limit is not None:
            await self.limits.take(client_id, client.rate_limit)


def _check_scope(endpoint: Endpoint, caller: Caller) -> None:
    if endpoint.scopes and caller.scopes.isdisjoint(endpoint.scopes):
        wanted = " or ".join(endpoint.scopes)
        raise Forbidden(f"The token has no scope that permits this; it needs {wanted}.")
