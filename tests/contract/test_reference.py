"""A slice of `make lite-conformance`: lite asked what its reference describes, and held to it."""

from __future__ import annotations

from uuid import UUID

import httpx
import pytest

from openvest.catalog import CONTRACTS
from openvest.main import Assembled
from tests.conformance import ABSENT, OPERATIONS, REFERENCE, campaign, live
from tests.kit.http import make_api, make_test_app

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(not REFERENCE.exists(), reason=ABSENT)]


async def test_answers_are_what_the_reference_describes(assembled: Assembled, frozen_tenant_id: UUID) -> None:
    app = make_test_app(assembled.database, CONTRACTS, services=assembled)
    api = await make_api(app, assembled.database, frozen_tenant_id, contract="lite")
    async with api.http:
        ids = await live(api, lambda: assembled.runner.drain(frozen_tenant_id))
        found = await campaign(api, ids, each=4)
    assert found.world.failures == []
    assert (found.operations, min(found.cases.values()) > 1) == (OPERATIONS, True), found.figure
    assert {200, 201, 204, 400, 404} <= set(found.world.seen)


async def test_an_answer_that_the_reference_does_not_describe_is_seen(
    assembled: Assembled, frozen_tenant_id: UUID
) -> None:
    """The same campaign, whose client hears the status of an account in the word of v1."""
    app = make_test_app(assembled.database, CONTRACTS, services=assembled)
    api = await make_api(app, assembled.database, frozen_tenant_id, contract="lite")
    async with api.http:
        ids = await live(api, lambda: assembled.runner.drain(frozen_tenant_id))

        async def misheard(answer: httpx.Response) -> None:
            await answer.aread()
            heard = answer.content.replace(b'"status":"OPEN"', b'"status":"ACTIVE"')
            answer._content = heard  # pyright: ignore[reportPrivateUsage] - there is no other way in

        api.http.event_hooks["response"].append(misheard)
        found = await campaign(api, ids, each=1)
    assert any(failure.startswith("GET /accounts/{account_id} for what is there") for failure in found.world.failures)
