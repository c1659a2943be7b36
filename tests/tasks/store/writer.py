"""A process that appends to a store until it is killed, and says what was acknowledged.

python -m tests.tasks.store.writer URL
"""

import asyncio
import sys

from gateway.tasks.sql import open_store
from tests.tasks.store.making import folded, record, task, tokens


async def write(url: str) -> None:
    store = open_store(url)
    await store.open()
    start = task()
    await store.create(record(start))
    seq = 0
    while True:
        log = tokens(3, seq + 1)
        snapshot = folded(start, tokens(seq + 3)) if seq % 60 == 0 else None
        await store.append("t", 1, log, snapshot)
        seq += 3
        print(seq, flush=True)


if __name__ == "__main__":
    asyncio.run(write(sys.argv[1]))
