"""What a gateway does in the background, over and over."""

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import structlog

from gateway.tasks.store import StoreUnavailable

_log = structlog.get_logger("a2a_gateway.tasks")


async def again_and_again(job: Callable[[], Coroutine[Any, Any, None]], every_s: float) -> None:
    """Background work, which no failure of one pass ends."""
    while True:
        await asyncio.sleep(every_s)
        try:
            await job()
        except StoreUnavailable as error:
            _log.warning("the task store cannot be reached", error=str(error))
        except Exception:
            _log.exception("unexpected error")
