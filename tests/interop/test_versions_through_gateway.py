"""Peers of A2A 0.3 and 1.0 with the gateway between them: every client on every binding to every agent on every binding.

All are programs of the a2a-sdk, of 0.3 and of 1.x. `reference_versions` says what each must see, and why where that is
not what it sees without the gateway. A gRPC client of 0.3 names no agent, so each way to an agent is a gateway.
"""

import contextlib
import json
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import pytest

from tests.interop.peers import BINDINGS, gateway, sdk03_client, sdk_client
from tests.interop.processes import Program
from tests.interop.reference import comparable
from tests.interop.reference import expected as expected_of_1_0
from tests.interop.reference_versions import (
    COMPAT,
    OF_AGENT,
    OF_ANY,
    OF_CLIENT,
    OF_CLIENT_BINDING,
    SDK,
    SDK03,
    SDK_AS_03,
    differences,
    expected,
    heard,
    said,
    spelled,
)
from tests.interop.test_sdk03_alone import SDK03 as CHECKS_OF_0_3
from tests.interop.test_sdk_alone import EXPECTED as CHECKS_OF_1_0
from tests.offered import with_deltas

# The first test may have to make the environment of 0.3; and it waits for many programs.
pytestmark = pytest.mark.timeout(300)

CLIENTS_AT_ONCE = 4

Results = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Way:
    """From a client through a gateway to an agent."""

    client: str
    agent: str
    reached_by: str
    binding: str
    """The client's."""

    def __str__(self) -> str:
        return f"{self.client} {self.binding} → {self.agent} {self.reached_by}"


FIXTURES = {SDK: "agent", SDK03: "agent03", COMPAT: "compat_agent"}
VERSIONS = {SDK: "1.0", SDK03: "0.3", COMPAT: "0.3"}
UPSTREAMS = [
    *((agent, reached_by, "hybrid") for agent in (SDK, SDK03, COMPAT) for reached_by in BINDINGS),
    (SDK03, "JSONRPC", "0.3"),
]
"""An agent, how it is reached, and the form of the card that callers get: each is one gateway."""

WAYS = [
    Way(client, agent, reached_by, binding)
    for client, agent in ((SDK03, SDK), (SDK03, SDK03), (SDK, SDK03))
    for reached_by in BINDINGS
    for binding in BINDINGS
]
WAYS += [Way(SDK, COMPAT, reached_by, reached_by) for reached_by in BINDINGS]
WAYS += [Way(SDK_AS_03, SDK03, "JSONRPC", binding) for binding in BINDINGS]
WAYS_OF_1_0 = [Way(SDK, SDK, "HTTP+JSON", binding) for binding in BINDINGS]
"""Those by the other bindings are in `test_through_gateway`."""

every_way = pytest.mark.parametrize("way", WAYS, ids=str)


def checks(client: str) -> dict[str, Any]:
    return CHECKS_OF_0_3 if client == SDK03 else CHECKS_OF_1_0


@pytest.fixture(scope="module")
def gateways(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[dict[tuple[str, str, str], Program]]:
    """By what is in UPSTREAMS; started and stopped side by side."""
    folder = tmp_path_factory.mktemp("gateways")
    stacks = [contextlib.ExitStack() for _ in UPSTREAMS]
    with ThreadPoolExecutor(CLIENTS_AT_ONCE) as pool:
        starting: dict[tuple[str, str, str], Future[Program]] = {}
        for number, (agent, reached_by, card) in enumerate(UPSTREAMS):
            url = request.getfixturevalue(FIXTURES[agent]).ready["jsonrpc"]
            settings = {"name": "it", "url": url, "binding": reached_by, "version": VERSIONS[agent]}
            if agent == SDK03:  # whose streams end with what interrupts a task, and say so
                settings["v0_3"] = {"final_on_interrupted": True}
            file = folder / f"{number}.yaml"
            file.write_text(json.dumps({"unversioned_card": card, "agents": [settings]}))  # JSON is YAML
            starting[agent, reached_by, card] = pool.submit(
                stacks[number].enter_context, gateway("--config", str(file))
            )
        wait(starting.values())
        try:
            yield {upstream: program.result() for upstream, program in starting.items()}
        finally:
            list(pool.map(contextlib.ExitStack.close, stacks))


@pytest.fixture(scope="module")
def address(gateways: dict[tuple[str, str, str], Program]) -> Callable[[Way], str]:
    def of(way: Way) -> str:
        card = "0.3" if way.client == SDK_AS_03 else "hybrid"
        return gateways[way.agent, way.reached_by, card].ready["http"]

    return of


@pytest.fixture(scope="module")
def through(sdk03: Path, address: Callable[[Way], str]) -> Iterator[Callable[[Way], dict[str, Any]]]:
    """What a client sees on a way: every check, run once, a few clients at a time."""

    def run(way: Way) -> dict[str, Any]:
        if way.client == SDK03:
            return sdk03_client(sdk03, address(way), way.binding)
        return sdk_client(address(way), way.binding)

    with ThreadPoolExecutor(CLIENTS_AT_ONCE) as pool:
        running = {way: pool.submit(run, way) for way in (*WAYS, *WAYS_OF_1_0)}
        yield lambda way: running[way].result()
        pool.shutdown(cancel_futures=True)


@pytest.fixture(scope="module")
def without_gateway(request: pytest.FixtureRequest) -> dict[tuple[str, str], Results]:
    """What a client sees of an agent with nothing between them, by the two of them.

    Asked for only now, so that it is found out while the clients of `through` run.
    """
    direct, direct03, direct_to03 = map(request.getfixturevalue, ("direct", "direct03", "direct_to03"))
    return {
        (SDK03, SDK): direct03["compat"],
        (SDK03, SDK03): direct03["sdk03"],
        (SDK, SDK03): direct_to03,
        (SDK_AS_03, SDK03): direct_to03,
        (SDK, COMPAT): direct,
    }


@pytest.mark.parametrize(("way", "check"), [(way, check) for way in WAYS for check in checks(way.client)], ids=str)
def test_client_sees_what_it_sees_without_the_gateway(
    way: Way,
    check: str,
    through: Callable[[Way], dict[str, Any]],
    without_gateway: dict[tuple[str, str], Results],
) -> None:
    directly = without_gateway[way.client, way.agent]
    holds = expected(check, way.client, way.agent, way.reached_by, way.binding, directly)
    assert heard(through(way)[check]) == holds


@every_way
def test_every_check_was_made(way: Way, through: Callable[[Way], dict[str, Any]]) -> None:
    assert set(through(way)) == set(checks(way.client))


@pytest.mark.parametrize("leg", dict.fromkeys((way.client, way.agent, way.reached_by) for way in WAYS), ids=" ".join)
def test_every_difference_is_one(
    leg: tuple[str, str, str],
    through: Callable[[Way], dict[str, Any]],
    without_gateway: dict[tuple[str, str], Results],
) -> None:
    """A line in the tables that no client needs has to go."""
    directly = without_gateway[leg[:2]]["JSONRPC"]
    listed: set[str] = set()
    needed: set[str] = set()
    for way in WAYS:
        if (way.client, way.agent, way.reached_by) == leg:
            listed |= set(differences(*leg, way.binding))
            needed |= {check for check in directly if not _same(way, check, directly, through(way))}
    assert listed == needed


def _same(way: Way, check: str, directly: dict[str, Any], seen: dict[str, Any]) -> bool:
    try:
        same = said(directly[check])
        return spelled(with_deltas(same) if check == "card" else same, way.client, way.binding) == heard(seen[check])
    except KeyError:  # an error that no gateway makes
        return False


def test_every_difference_has_its_reason_and_its_check() -> None:
    for table in (OF_ANY, *OF_AGENT.values(), *OF_CLIENT.values(), *OF_CLIENT_BINDING.values()):
        for check, difference in table.items():
            assert check in CHECKS_OF_1_0
            assert difference.reason.endswith(".")


SAID = {
    (agent, reached_by): f"{reached_by} 0.3" if VERSIONS[agent] == "0.3" else reached_by
    for agent, reached_by, _ in UPSTREAMS
}


@pytest.mark.parametrize("upstream", SAID, ids=" ".join)
def test_agent_is_reached_by_the_binding_and_version_of_the_settings(
    upstream: tuple[str, str], gateways: dict[tuple[str, str, str], Program]
) -> None:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "binding"}]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    url = gateways[*upstream, "hybrid"].ready["http"]
    answer = httpx.post(url, json=call, headers={"A2A-Version": "1.0"}, trust_env=False)
    assert answer.json()["result"]["message"]["parts"] == [{"text": SAID[upstream]}]


@pytest.mark.parametrize(("way", "check"), [(way, check) for way in WAYS_OF_1_0 for check in CHECKS_OF_1_0], ids=str)
def test_client_of_1_0_sees_the_same_of_an_agent_that_is_reached_by_http_json(
    way: Way, check: str, direct: Results, through: Callable[[Way], dict[str, Any]]
) -> None:
    seen = comparable(check, way.binding, through(way)[check])
    same = expected_of_1_0(check, way.binding, direct, way.reached_by)
    assert seen == (with_deltas(same) if check == "card" else same)


COUNTED = [
    Way(SDK03, SDK, "GRPC", "JSONRPC"),
    Way(SDK03, SDK03, "HTTP+JSON", "GRPC"),
    Way(SDK, SDK03, "JSONRPC", "HTTP+JSON"),
]


@pytest.mark.parametrize("way", COUNTED, ids=str)
def test_count_arrives_in_order_exactly_once_on_every_stream(
    way: Way, sdk03: Path, address: Callable[[Way], str]
) -> None:
    flags = ("--count", "400", "--streams", "2")
    if way.client == SDK03:
        figures = sdk03_client(sdk03, address(way), way.binding, *flags)
    else:
        figures = sdk_client(address(way), way.binding, *flags)
    assert figures.pop("elapsed_s") > 0
    assert figures == {
        "streams": 2,
        "received": [400, 400],
        "in_order_exactly_once": [True, True],
        "ended": ["TASK_STATE_COMPLETED"] * 2,
    }
