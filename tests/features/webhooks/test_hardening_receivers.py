"""Receivers that answer with what is no text: what a client is shown of them is still JSON."""

from __future__ import annotations

import pytest

from openvest.core.snapshots import dumps
from tests.features.webhooks.test_webhook_sender import sender_to, webhook_request
from tests.kit.hostile import OK, endpoint, sends

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    "head",
    [b"x-pot: tea\r\n", b"x-pot: \xff\xfe\r\n", b"x-pot: \xed\xa0\x80\r\n", b"x-pot: \xc3\xa9\r\n"],
)
async def test_headers_of_a_receiver_can_always_be_shown(head: bytes) -> None:
    answer = OK + head + b"content-length: 2\r\n\r\n\xff\xff"
    async with endpoint(sends(answer)) as port, sender_to(port, 5) as sender:
        receipt = await sender.send(webhook_request(f"http://127.0.0.1:{port}/"), read_body=True)
    assert receipt.body == b"\xff\xff"
    shown = {name.lower(): value for name, value in receipt.headers.items()}
    assert "x-pot" in shown
    assert "x-pot" in dumps({"headers": dict(receipt.headers)}).lower()
