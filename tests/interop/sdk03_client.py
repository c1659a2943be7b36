"""The client of a2a-sdk 0.3: `python -m tests.interop.sdk03_client CARD_BASE_URL --binding BINDING`.

Runs with the interpreter of its own environment (see `tools.peers`). Does what `sdk_client` does, and prints the same,
with the checks of `sdk03_checks`. 0.3 has no tenants.
"""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

import httpx
from a2a.client import A2ACardResolver
from a2a.types import AgentCard, TaskArtifactUpdateEvent, TaskStatusUpdateEvent

from tests.interop.peers import BINDINGS
from tests.interop.sdk03_checks import CHECKS
from tests.interop.sdk03_session import HTTP_TIMEOUT_S, Clients, Session, remember_error

CHECK_LIMIT_S = 30.0
COUNT_LIMIT_S = 300.0


class Arguments(argparse.Namespace):
    card_base_url: str
    binding: str
    only: list[str]
    claim_capabilities: bool
    say: str | None
    stream: str | None
    count: int | None
    streams: int


def parse_arguments() -> Arguments:
    parser = argparse.ArgumentParser(prog="tests.interop.sdk03_client", description=__doc__)
    parser.add_argument("card_base_url", metavar="CARD_BASE_URL")
    parser.add_argument("--binding", choices=BINDINGS, required=True)
    parser.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS), metavar="CHECK")
    parser.add_argument(
        "--claim-capabilities",
        action="store_true",
        help="act as if the card offered everything, so that the agent has to refuse and not the SDK",
    )
    parser.add_argument("--say", metavar="TEXT", help="send this and print the answer instead of running the checks")
    parser.add_argument("--stream", metavar="TEXT", help="send this and print the events that answer it")
    parser.add_argument("--count", type=int, metavar="N", help="stream N numbers instead of running the checks")
    parser.add_argument("--streams", type=int, default=1, metavar="S", help="streams at once with --count")
    return parser.parse_args(namespace=Arguments())


async def fetch_card(http: httpx.AsyncClient, arguments: Arguments) -> AgentCard:
    card = await A2ACardResolver(http, arguments.card_base_url).get_agent_card()
    if arguments.claim_capabilities:
        card.capabilities.streaming = card.capabilities.push_notifications = True
        card.supports_authenticated_extended_card = True
    return card


async def run_checks(clients: Clients, names: list[str]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for name in names:
        session = Session(clients)
        try:
            results[name] = await asyncio.wait_for(CHECKS[name](session), CHECK_LIMIT_S)
        except Exception as error:
            results[name] = session.show_error(error)
    return results


async def count_one(clients: Clients, text: str) -> tuple[list[int], str]:
    """The numbers in the order in which they came, and how the stream ended."""
    numbers: list[int] = []
    last: Any = None
    try:
        async for last in Session(clients).stream(text):
            if isinstance(last, TaskArtifactUpdateEvent):
                numbers.append(int(last.artifact.parts[0].root.text))
    except Exception as error:
        return numbers, f"{type(error).__name__}: {error}"
    if isinstance(last, TaskStatusUpdateEvent):
        return numbers, f"TASK_STATE_{last.status.state.value.upper()}"
    return numbers, f"without a status: {type(last).__name__}"


async def run_count(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    expected = list(range(1, (arguments.count or 0) + 1))
    started = time.perf_counter()
    streams = await asyncio.wait_for(
        asyncio.gather(*(count_one(clients, f"count {arguments.count}") for _ in range(arguments.streams))),
        COUNT_LIMIT_S,
    )
    return {
        "streams": arguments.streams,
        "received": [len(numbers) for numbers, _ in streams],
        "in_order_exactly_once": [numbers == expected for numbers, _ in streams],
        "ended": [end for _, end in streams],
        "elapsed_s": round(time.perf_counter() - started, 3),
    }


async def run(arguments: Arguments) -> Any:
    limits = httpx.Limits(max_connections=None)
    hooks = {"response": [remember_error]}
    async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S, limits=limits, event_hooks=hooks) as http:
        clients = Clients(await fetch_card(http, arguments), arguments.binding, http)
        try:
            if arguments.count is not None:
                return await run_count(clients, arguments)
            if arguments.say is not None:
                session = Session(clients)
                return await session.outcome(session.send(arguments.say))
            if arguments.stream is not None:
                session = Session(clients)
                return await session.show_stream(session.stream(arguments.stream))
            return await run_checks(clients, arguments.only)
        finally:
            await clients.close()


def main() -> None:
    json.dump(asyncio.run(run(parse_arguments())), sys.stdout)
    print()


if __name__ == "__main__":
    main()
