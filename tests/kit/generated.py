"""Requests that are generated from a description, sent as a client of its contract, each answer held to checks."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote, urlencode
from uuid import uuid4

import anyio.from_thread
import anyio.to_thread
import httpx
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis.errors import Unsatisfiable
from schemathesis import Case, GenerationMode
from schemathesis.core import NOT_SET

from tests.kit.http import Api

FORM = "application/x-www-form-urlencoded"


@dataclass
class World:
    """A description, a client of its contract, ids of things that exist, and what was answered."""

    schema: Any
    api: Api
    ids: Mapping[str, str]
    seen: Counter[int] = field(default_factory=Counter[int])
    failures: list[str] = field(default_factory=list[str])

    def placed(self, values: Any, keep: bool) -> Any:
        """The same values with ids of things that exist where ids are asked for."""
        if keep or not isinstance(values, dict):
            return values
        return {name: self.ids.get(name, value) for name, value in values.items()}

    async def send(self, case: Case, keep: bool) -> httpx.Response:
        """Send the case as a client of the contract would, with a fresh idempotency key."""
        case.path_parameters = self.placed(case.path_parameters, keep)
        case.body = self.placed(case.body, keep)
        path = case.operation.path
        for name, value in (case.path_parameters or {}).items():
            path = path.replace(f"{{{name}}}", quote(str(value), safe=""))
        query = urlencode(_plain(case.query or {}), doseq=True)
        content = None if case.body is NOT_SET else _encoded(case)
        headers = {"idempotency-key": str(uuid4())}
        if content and case.media_type:
            headers["content-type"] = case.media_type
        answer = await self.api.send(
            case.method.upper(), f"{path}?{query}" if query else path, content or None, headers=headers
        )
        await answer.aread()
        self.seen[answer.status_code] += 1
        return answer

    async def hold(
        self, operation: Any, mode: GenerationMode, count: int, checks: Sequence[Any], exact: Sequence[Any] = ()
    ) -> None:
        """Send so many cases of one operation. `exact` are checks of those that are sent as they were generated: an id
        that exists may be what makes one fit that was generated not to."""
        sent = 0

        @seed(20261121)
        @settings(
            max_examples=count,
            database=None,
            deadline=None,
            phases=[Phase.explicit, Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        )
        @given(case=operation.as_strategy(generation_mode=mode))
        def one(case: Case) -> None:
            nonlocal sent
            sent += 1
            as_generated = sent % 3 == 0
            answer = anyio.from_thread.run(self.send, case, as_generated)
            case.validate_response(answer, checks=[*checks, *exact] if as_generated else list(checks))

        try:
            await anyio.to_thread.run_sync(one)  # the generator is not asynchronous
        except Unsatisfiable:
            return  # Nothing can be wrong with an operation that takes nothing.
        except (Exception, BaseExceptionGroup) as failure:
            self.failures.append(f"{operation.label} ({mode.value}): {failure}")


def _plain(query: dict[str, Any]) -> dict[str, Any]:
    """Values of a query as a client would write them."""
    return {name: json.dumps(v) if isinstance(v, dict | bool) or v is None else v for name, v in query.items()}


def _encoded(case: Case) -> bytes:
    if isinstance(case.body, bytes):
        return case.body
    if case.media_type == FORM:
        return urlencode(case.body if isinstance(case.body, dict) else {}, doseq=True).encode()
    return json.dumps(case.body).encode()
