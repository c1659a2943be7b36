"""The SDK's client against the SDK's agent with the gateway between them: it sees what it sees without the gateway.

Both are programs of their own, and so is the gateway. `reference` says what "the same" means; a check that fails here
and passes in `test_sdk_alone` is the gateway's fault.
"""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import httpx
import pytest

from tests.interop.normalise import outline
from tests.interop.peers import BINDINGS, sdk_client
from tests.interop.processes import Program
from tests.interop.reference import comparable, expected
from tests.interop.test_sdk_alone import EXPECTED, REFUSED
from tests.offered import with_deltas

Results = dict[str, dict[str, Any]]


@dataclass(frozen=True, slots=True)
class Route:
    """A way through a gateway to an agent."""

    gateway: str
    """The fixture that is the gateway."""
    base: str
    """Where the agent is under the gateway's address."""
    upstream: str
    """The binding by which the gateway has to reach it."""
    card: str = "card"
    """The check whose direct result is the public card that the gateway can have."""


ROUTES: dict[str, Route] = {
    "http agent, card lists JSONRPC first": Route("gateway_by_flags", "/", "JSONRPC"),
    "http agent, card lists GRPC first": Route("gateway_by_file", "/grpc-first/", "GRPC"),
    "grpc agent, card from HTTP": Route("gateway_by_file", "/", "GRPC"),
    "grpc agent, card is its extended one": Route("gateway_by_flags", "/over-grpc/", "GRPC", card="extended_card"),
}

every_route = pytest.mark.parametrize("route", ROUTES)
every_client = pytest.mark.parametrize("client", BINDINGS)


@pytest.fixture(scope="session")
def through(request: pytest.FixtureRequest) -> Callable[[str, str], dict[str, Any]]:
    """What a client of a binding sees on a route: every check, run once."""

    @cache
    def run(route: str, client: str) -> dict[str, Any]:
        return sdk_client(address(request, route), client)

    return run


def address(request: pytest.FixtureRequest, route: str) -> str:
    program: Program = request.getfixturevalue(ROUTES[route].gateway)
    return program.ready["http"] + ROUTES[route].base


@every_route
@every_client
@pytest.mark.parametrize("check", EXPECTED)
def test_client_sees_what_it_sees_directly(
    check: str, client: str, route: str, direct: Results, through: Callable[[str, str], dict[str, Any]]
) -> None:
    source = ROUTES[route].card if check == "card" else check
    same = expected(source, client, direct, ROUTES[route].upstream)
    assert comparable(check, client, through(route, client)[check]) == (with_deltas(same) if check == "card" else same)


@every_route
def test_agent_is_reached_by_the_binding_that_the_route_says(route: str, request: pytest.FixtureRequest) -> None:
    message = {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "binding"}]}
    call = {"jsonrpc": "2.0", "id": 1, "method": "SendMessage", "params": {"message": message}}
    answer = httpx.post(address(request, route), json=call, headers={"A2A-Version": "1.0"}, trust_env=False)
    assert answer.json()["result"]["message"]["parts"] == [{"text": ROUTES[route].upstream}]


# Which agent


BY_PATH, BY_TENANT = ("/{}/", ()), ("/", ("--tenant", "{}"))


@pytest.fixture(scope="session")
def refused_directly(bare_agent: Program) -> Results:
    """What a client of each binding sees of `bare_agent`, which refuses a lot, without the gateway."""
    return {client: sdk_client(bare_agent.ready["jsonrpc"], client, *ASK_FOR_REFUSALS) for client in BINDINGS}


ASK_FOR_REFUSALS = ("--claim-capabilities", "--only", *REFUSED)


@every_client
@pytest.mark.parametrize(("path", "tenant"), [BY_PATH, BY_TENANT], ids=["by path", "by tenant"])
def test_second_agent_is_found(
    path: str, tenant: tuple[str, ...], client: str, refused_directly: Results, gateway_by_flags: Program
) -> None:
    base = gateway_by_flags.ready["http"] + path.format("bare")
    seen = sdk_client(base, client, *(word.format("bare") for word in tenant), *ASK_FOR_REFUSALS)
    assert outline(seen) == REFUSED
    for check in REFUSED:
        assert comparable(check, client, seen[check]) == expected(check, client, refused_directly)


@pytest.mark.parametrize(
    ("path", "tenant", "client"), [(*BY_PATH, "GRPC"), (*BY_TENANT, "JSONRPC")], ids=["by path", "by tenant"]
)
def test_default_agent_is_found_by_its_name_too(
    path: str, tenant: tuple[str, ...], client: str, gateway_by_flags: Program
) -> None:
    checks = ("card", "send", "stream", "push_configs")
    base = gateway_by_flags.ready["http"] + path.format("sdk")
    seen = sdk_client(base, client, *(word.format("sdk") for word in tenant), "--only", *checks)
    same = {check: EXPECTED[check] for check in checks}
    assert outline(seen) == same | {"card": with_deltas(same["card"])}


@every_client
def test_agent_that_does_not_exist_is_an_invalid_parameter(client: str, gateway_by_flags: Program) -> None:
    seen = sdk_client(gateway_by_flags.ready["http"], client, "--tenant", "nobody", "--only", "unknown_task")
    nobody = "InvalidParamsError INVALID_PARAMS: There is no agent 'nobody'"
    assert outline(seen["unknown_task"]) == {
        "get": nobody,
        "cancel": nobody,
        "subscribe": [nobody],
        "send": nobody,
        "stream": [nobody],
    }
