"""What another process would do, done from within a unit of this one."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")


async def elsewhere(work: Coroutine[Any, Any, T]) -> T:
    """Run it with a connection of its own, as somebody who knows nothing of what is held here."""
    return await asyncio.create_task(work, context=Context())
