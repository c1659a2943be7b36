"""Which agent a call is for: by its path, by its tenant, or the default one."""

from typing import Any

import pytest

from gateway.settings import RESERVED_PATHS, AgentSettings, Settings
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes.callers import HttpCaller
from tests.northbound.asking import Place, placed

pytestmark = pytest.mark.anyio

REACHED = {
    ("/", ""): "words",
    ("/", "words"): "words",
    ("/", "scribe"): "scribe",
    ("/words/", ""): "words",
    ("/words", ""): "words",
    ("/scribe/", ""): "scribe",
    ("/scribe", ""): "scribe",
    ("/scribe/", "scribe"): "scribe",
    ("/scri%62e/", ""): "scribe",
}

REFUSED = {
    ("/nobody/", ""): (404, "There is no agent 'nobody'"),
    ("/nobody", ""): (404, "There is no agent 'nobody'"),
    ("/", "nobody"): (200, "There is no agent 'nobody'"),
    ("/nobody/", "nobody"): (404, "There is no agent 'nobody'"),
    ("/SCRIBE/", ""): (404, "There is no agent 'SCRIBE'"),
    ("/scribe/", "words"): (200, "The tenant 'words' is not the agent of this address"),
    ("/words/", "scribe"): (200, "The tenant 'scribe' is not the agent of this address"),
    ("/scribe/", "nobody"): (200, "The tenant 'nobody' is not the agent of this address"),
}


@pytest.mark.parametrize(("path", "tenant"), REACHED)
async def test_a_call_over_http_reaches(place: Place, path: str, tenant: str) -> None:
    status, answer = await place.post(path, {"id": "t", "tenant": tenant} if tenant else {"id": "t"})
    name = REACHED[path, tenant]
    assert (status, answer["result"]["id"]) == (200, f"of-{name}")
    assert place.asked() == [name]


@pytest.mark.parametrize(("path", "tenant"), REFUSED)
async def test_a_call_over_http_is_refused(place: Place, path: str, tenant: str) -> None:
    status, answer = await place.post(path, {"id": "t", "tenant": tenant} if tenant else {"id": "t"})
    assert (status, answer["error"]["message"]) == REFUSED[path, tenant]
    assert answer["error"]["code"] == -32602
    assert answer["id"] == 1
    assert place.asked() == []


@pytest.mark.parametrize(("tenant", "name"), [("", "words"), ("words", "words"), ("scribe", "scribe")])
async def test_a_call_over_grpc_reaches(place: Place, tenant: str, name: str) -> None:
    outcome = await place.call(tenant)
    assert [a2a.Task.from_binary(message).id for message in outcome.messages] == [f"of-{name}"]
    assert place.asked() == [name]


async def test_a_call_over_grpc_for_nobody_is_refused(place: Place) -> None:
    outcome = await place.call("nobody")
    assert (outcome.code and outcome.code.name, outcome.reason) == ("INVALID_ARGUMENT", "INVALID_PARAMS")
    assert outcome.details == "There is no agent 'nobody'"
    assert place.asked() == []


async def test_a_tenant_that_is_long_is_not_repeated_whole(place: Place) -> None:
    outcome = await place.call("x" * 100_000)
    assert len(outcome.details) < 200


async def test_a_gateway_without_agents_refuses() -> None:
    async with placed(agents=[]) as place:
        status, answer = await place.post()
        outcome = await place.call()
    assert (status, answer["error"]["message"]) == (200, "The gateway has no agent")
    assert outcome.details == "The gateway has no agent"


@pytest.mark.parametrize("tenant", [None, "", "acme"])
async def test_an_agent_is_told_the_tenant_that_is_its_own(tenant: str | None) -> None:
    async with placed(words={"tenant": tenant}, scribe={"tenant": tenant}) as place:
        await place.call("words")
        await place.post("/scribe/", {"id": "t", "tenant": "scribe"})
        (over_grpc,) = place.words.calls_of("GetTask")
        (over_http,) = place.scribe.calls("GetTask")
    assert a2a.GetTaskRequest.from_binary(over_grpc.request).tenant == (tenant or "")
    params: Any = over_http.member("params")
    assert params.get("tenant", "") == (tenant or "")


@pytest.mark.parametrize(
    "path",
    [
        "/words/extra",
        "/words/extra/",
        "//",
        "//words",
        "//words/",
        "//message:send",
        "/words//",
        "/words//message:send",
        "/words/words",
        "/words/words/",
        "/words/words//",
        "/words/scribe/",
        "/words/scribe/message:send",
        "/words/words/words/message:send",
        "/.well-known/",
        "/words/.well-known/",
    ],
)
async def test_nothing_else_is_served(place: Place, path: str) -> None:
    async with HttpCaller(f"http://{place.gateway.http}{path}") as caller:
        await caller.post("GetTask", {"id": "t"})
        assert (await caller.read_all()).status == 404
    assert place.asked() == []


@pytest.mark.parametrize("name", sorted(RESERVED_PATHS))
def test_no_agent_is_named_like_a_path_of_the_gateways_own(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        AgentSettings.model_validate({"name": name, "url": "grpc://127.0.0.1:1"})


@pytest.mark.parametrize("name", ["a", "A-b_c.d~e", "0", "x" * 63])
def test_names_that_agents_may_have(name: str) -> None:
    assert AgentSettings.model_validate({"name": name, "url": "grpc://127.0.0.1:1"}).name == name


@pytest.mark.parametrize("name", ["", "-a", ".a", "~", "a b", "a/b", "ä", "x" * 64, "a?b", "a%62", "a\n", "a:b"])
def test_names_that_agents_may_not_have(name: str) -> None:
    with pytest.raises(ValueError, match="name"):
        AgentSettings.model_validate({"name": name, "url": "grpc://127.0.0.1:1"})


def test_two_agents_cannot_share_a_name() -> None:
    one = {"name": "a", "url": "grpc://127.0.0.1:1"}
    with pytest.raises(ValueError, match="two agents are named 'a'"):
        Settings.model_validate({"agents": [one, one]})


async def test_an_odd_name_is_reached() -> None:
    name = "A-b_c.d~e"
    async with placed(words={"name": name}) as place:
        status, answer = await place.post(f"/{name}/")
        outcome = await place.call(name)
    assert (status, answer["result"]["id"]) == (200, "of-words")
    assert outcome.ok
