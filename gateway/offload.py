"""Where a message is converted: small ones at once, large ones in a thread, so that other calls go on meanwhile."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

T = TypeVar("T")


async def converted(size_bytes: int, inline_bytes: int, convert: Callable[[], T]) -> T:
    """What `convert` gives or raises; in a thread where the message is larger than `inline_bytes`.

    Cancelling does not wait for the thread.
    """
    if size_bytes <= inline_bytes:
        return convert()
    return await asyncio.to_thread(convert)
