"""What an HTTP+JSON caller is refused before an agent is asked, and what the two versions cannot say to each other."""

import json
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from generated.a2a.v0_3 import a2a_pb as a2a_0_3
from tests.fakes import events
from tests.fakes.callers import GrpcCaller
from tests.fakes.http_steps import json_reply
from tests.northbound.asking import Place, placed

pytestmark = pytest.mark.anyio

# HTTP methods

ALLOWED = {
    "/message:send": {"POST"},
    "/tasks": {"GET"},
    "/tasks/t": {"GET"},
    "/tasks/t:cancel": {"GET", "POST"},  # GET asks for the task `t:cancel`
    "/tasks/t:subscribe": {"GET", "POST"},
    "/tasks/t/pushNotificationConfigs": {"GET", "POST"},
    "/tasks/t/pushNotificationConfigs/c": {"DELETE", "GET"},
    "/extendedAgentCard": {"GET"},
    "/v1/message:stream": {"POST"},
    "/v1/tasks/t": {"GET"},
    "/v1/card": {"GET"},
}


@pytest.mark.parametrize("root", ["", "/scribe", "/scribe/scribe"])
@pytest.mark.parametrize("path", ALLOWED)
async def test_a_wrong_method_is_told_the_right_ones(place: Place, path: str, root: str) -> None:
    """As HTTP demands of every 405 (RFC 9110, section 15.5.6)."""
    for method in {"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "HEAD"} - ALLOWED[path]:
        answer = await place.get(f"{root}{path}", method=method)
        assert (answer.status_code, method) == (405, method)
        assert set(answer.headers["allow"].split(", ")) == ALLOWED[path]


async def test_other_refusals_name_no_method(place: Place) -> None:
    answer = await place.get("/tasks/t", (("a2a-version", "2.0"),))
    assert answer.status_code == 400
    assert "allow" not in answer.headers


# Bodies

BODIES: dict[str, tuple[str, int, str]] = {
    "no JSON": ("{", 400, "PARSE_ERROR"),
    "no number of JSON": ('{"metadata":{"a":NaN}}', 400, "PARSE_ERROR"),
    "a member given twice": ('{"metadata":{},"metadata":{}}', 400, "INVALID_PARAMS"),
    "a member given twice, inside": ('{"metadata":{"a":1,"a":2}}', 400, "INVALID_PARAMS"),
    "a number beyond a double": ('{"metadata":{"a":1e999}}', 400, "INVALID_PARAMS"),
    "half of a surrogate pair": ('{"metadata":{"a":"\\ud83d"}}', 400, "INVALID_PARAMS"),
    "too deep": ('{"metadata":{"a":' + "[" * 100 + "]" * 100 + "}}", 400, "INVALID_PARAMS"),
    "too many members": (json.dumps({"metadata": {str(n): n for n in range(2000)}}), 413, "RESOURCE_EXHAUSTED"),
}
"""What a body is, its HTTP status, and the reason."""


@pytest.mark.parametrize("root", ["/scribe/", "/scribe/v1/"])
@pytest.mark.parametrize("body", BODIES)
async def test_a_body_that_is_refused(place: Place, body: str, root: str) -> None:
    text, status, reason = BODIES[body]
    headers = {"content-type": "application/json"}
    async with httpx.AsyncClient(timeout=20, trust_env=False) as caller:
        answer = await caller.post(place.url(f"{root}tasks/t:cancel"), content=text, headers=headers)
    error = answer.json()["error"]
    assert (answer.status_code, error["details"][0]["reason"]) == (status, reason)
    assert place.scribe.calls("CancelTask") == []


# Ids with a slash, which the resource names of 0.3 cannot hold


@pytest.fixture(scope="module")
async def old() -> AsyncIterator[Place]:
    """`words` is an agent of 0.3 over gRPC."""
    async with placed(words={"version": "0.3", "card": events.agent_card("http://nowhere.invalid/")}) as it:
        yield it


async def test_an_id_that_the_agents_version_cannot_say_is_the_callers_fault(old: Place) -> None:
    status, answered = await old.post("/words/", {"id": "a/b"})
    error = answered["error"]
    assert (status, error["code"]) == (200, -32602)
    violations: list[Any] = [one["fieldViolations"] for one in error["data"] if "fieldViolations" in one]
    assert [one["field"] for (one,) in violations] == ["id"]
    assert old.words.calls == []


async def test_an_id_that_the_callers_version_cannot_say_is_the_agents_fault() -> None:
    path = "/a2a.v1.A2AService/GetTaskPushNotificationConfig"
    name = "tasks/t/pushNotificationConfigs/c"
    request = a2a_0_3.GetTaskPushNotificationConfigRequest(name=name).to_binary()
    async with placed() as place, GrpcCaller(place.gateway.grpc) as caller:
        place.scribe.scripts = {"*": [json_reply({"taskId": "a/b", "id": "c", "url": "https://example.com/hook"})]}
        outcome = await caller.call(path, request, metadata=(("a2a-agent", "scribe"),))
    assert (outcome.code and outcome.code.name, outcome.reason) == ("INTERNAL", "INVALID_AGENT_RESPONSE")
    assert "has a slash" in outcome.details
    assert outcome.messages == []
