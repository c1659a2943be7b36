"""Runs both agents: `python -m benchmarks.agents`. Prints where they are; does as the lines on stdin say."""

import asyncio
import json
import sys

from benchmarks.agents.grpc import GrpcAgent
from benchmarks.agents.sse import SseAgent
from benchmarks.agents.stage import Stage
from benchmarks.command import Json, commands

HOST = "127.0.0.1"
BACKLOG = 4096


async def main() -> None:
    stage = Stage()
    loop = asyncio.get_running_loop()
    grpc = await loop.create_server(lambda: GrpcAgent(stage), HOST, 0, backlog=BACKLOG)
    sse = await loop.create_server(lambda: SseAgent(stage), HOST, 0, backlog=BACKLOG)
    ports = {"grpc": grpc.sockets[0].getsockname()[1], "sse": sse.sockets[0].getsockname()[1]}

    async def go(command: Json) -> Json:
        return {"streams": stage.go(float(command["events_per_s"]))}

    print(json.dumps({"host": HOST, **ports}), flush=True)
    await commands({"go": go})


if __name__ == "__main__":
    # The plain loop: it writes at once, where uvloop would join the writes of one turn into one.
    sys.exit(asyncio.run(main()))
