"""The a2a-sdk client: `python -m tests.interop.sdk_client CARD_BASE_URL --binding BINDING [--tenant X]`.

Takes the card from CARD_BASE_URL, talks to the card's interface for that binding, runs the checks of `sdk_checks` one
after the other, and prints one JSON document, `{check: normalised result or {"error": class, "message": text, …}}`.
With `--count N [--streams S]` it streams the numbers 1 to N on S streams at once instead, and prints what arrived.
"""

import argparse
import asyncio
import json
import sys
import time
from typing import Any

import httpx
from a2a.client import A2ACardResolver
from a2a.types import AgentCard, StreamResponse, TaskState

from tests.interop.peers import BINDINGS
from tests.interop.sdk_checks import CHECKS
from tests.interop.sdk_session import HTTP_TIMEOUT_S, Clients, Session, remember_error

CHECK_LIMIT_S = 10.0
COUNT_LIMIT_S = 300.0


class Arguments(argparse.Namespace):
    card_base_url: str
    binding: str
    tenant: str
    only: list[str]
    claim_capabilities: bool
    count: int | None
    word: str
    streams: int


def parse_arguments() -> Arguments:
    parser = argparse.ArgumentParser(prog="tests.interop.sdk_client", description=__doc__)
    parser.add_argument("card_base_url", metavar="CARD_BASE_URL")
    parser.add_argument("--binding", choices=BINDINGS, required=True)
    parser.add_argument("--tenant", default="", help="sent in every request, in place of the one in the card")
    parser.add_argument("--only", nargs="+", choices=list(CHECKS), default=list(CHECKS), metavar="CHECK")
    parser.add_argument(
        "--claim-capabilities",
        action="store_true",
        help="act as if the card offered everything, so that the agent has to refuse and not the SDK",
    )
    parser.add_argument("--count", type=int, metavar="N", help="stream N numbers instead of running the checks")
    parser.add_argument("--word", default="count", choices=["count", "flood"], help="what --count asks the agent for")
    parser.add_argument("--streams", type=int, default=1, metavar="S", help="streams at once with --count")
    return parser.parse_args(namespace=Arguments())


async def fetch_card(http: httpx.AsyncClient, arguments: Arguments) -> AgentCard:
    card = await A2ACardResolver(http, arguments.card_base_url).get_agent_card()
    if arguments.tenant:
        for interface in card.supported_interfaces:
            interface.tenant = arguments.tenant
    if arguments.claim_capabilities:
        card.capabilities.streaming = card.capabilities.push_notifications = True
        card.capabilities.extended_agent_card = True
    return card


async def run_checks(clients: Clients, names: list[str]) -> dict[str, Any]:
    results: dict[str, Any] = {}
    for name in names:
        session = Session(clients)
        try:
            async with asyncio.timeout(CHECK_LIMIT_S):
                results[name] = await CHECKS[name](session)
        except Exception as error:
            results[name] = session.show_error(error)
    return results


async def count_one(clients: Clients, text: str) -> tuple[list[int], str]:
    """The numbers in the order in which they came, and how the stream ended."""
    numbers: list[int] = []
    last = StreamResponse()
    try:
        async for last in Session(clients).stream(text):
            if last.HasField("artifact_update"):
                numbers.append(int(last.artifact_update.artifact.parts[0].text))
    except Exception as error:
        return numbers, f"{type(error).__name__}: {error}"
    if last.HasField("status_update"):
        return numbers, TaskState.Name(last.status_update.status.state)
    return numbers, f"without a status: {last.WhichOneof('payload')}"


async def run_count(clients: Clients, arguments: Arguments) -> dict[str, Any]:
    expected = list(range(1, (arguments.count or 0) + 1))
    text = f"{arguments.word} {arguments.count}"
    started = time.perf_counter()
    async with asyncio.timeout(COUNT_LIMIT_S):
        streams = await asyncio.gather(*(count_one(clients, text) for _ in range(arguments.streams)))
    return {
        "streams": arguments.streams,
        "received": [len(numbers) for numbers, _ in streams],
        "in_order_exactly_once": [numbers == expected for numbers, _ in streams],
        "ended": [end for _, end in streams],
        "elapsed_s": round(time.perf_counter() - started, 3),
    }


async def run(arguments: Arguments) -> dict[str, Any]:
    limits = httpx.Limits(max_connections=None)
    hooks = {"response": [remember_error]}
    async with httpx.AsyncClient(timeout=HTTP_TIMEOUT_S, limits=limits, event_hooks=hooks) as http:
        clients = Clients(await fetch_card(http, arguments), arguments.binding, http)
        try:
            if arguments.count is not None:
                return await run_count(clients, arguments)
            return await run_checks(clients, arguments.only)
        finally:
            await clients.close()


def main() -> None:
    json.dump(asyncio.run(run(parse_arguments())), sys.stdout)
    print()


if __name__ == "__main__":
    main()
