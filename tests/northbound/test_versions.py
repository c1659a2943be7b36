"""What a call names beside its message: the version that it speaks and the extensions that it wants."""

from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass

import pytest

from generated.a2a.v0_3 import a2a_pb as a2a_0_3
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events
from tests.fakes.callers import GrpcCaller, HttpCaller
from tests.fakes.http_steps import JSON_HEAD, reply
from tests.fakes.scripted_grpc import answer, initial_metadata
from tests.northbound.asking import Headers, Place, placed

pytestmark = pytest.mark.anyio

SERVED, REFUSED, BAD = "OK", "VERSION_NOT_SUPPORTED", "INVALID_REQUEST"
UNSUPPORTED = "A2A version {} is not supported; supported: 1.0, 0.3"
CONTRADICTED = "This is an operation of A2A {}, and A2A-Version says {}"

VERSIONS: dict[str, tuple[str, str]] = {
    "1.0": (SERVED, SERVED),
    "1.0.1": (SERVED, SERVED),
    "1.0.0": (SERVED, SERVED),
    "01.00": (SERVED, SERVED),
    " 1.0 ": (SERVED, SERVED),
    "": (SERVED, REFUSED),
    "0.3": (REFUSED, REFUSED),
    "0.3.0": (REFUSED, REFUSED),
    "1.1": (REFUSED, REFUSED),
    "2.0": (REFUSED, REFUSED),
    "10.0": (REFUSED, REFUSED),
    "1": (BAD, BAD),
    "latest": (BAD, BAD),
    "1.0-beta": (BAD, BAD),
    "v1.0": (BAD, BAD),
    "1.0,1.0": (BAD, BAD),
}
"""What a call names, and what comes of it where the policy is lenient and where it is strict."""


@dataclass(frozen=True, slots=True)
class Told:
    reason: str = SERVED
    message: str = ""


async def over_http(place: Place, version: str | None, query: str = "") -> Told:
    headers: Headers = () if version is None else (("A2A-Version", version),)
    status, answered = await place.post(f"/words/{query}", headers=headers)
    assert status == 200
    if "error" in answered:
        return Told(answered["error"]["data"][0]["reason"], answered["error"]["message"])
    return Told()


async def over_grpc(place: Place, version: str | None) -> Told:
    outcome = await place.call("words", () if version is None else (("a2a-version", version),))
    return Told() if outcome.ok else Told(outcome.reason or "", outcome.details)


Ask = Callable[[Place, str | None], Awaitable[Told]]
over_either = pytest.mark.parametrize("ask", [over_http, over_grpc], ids=["JSONRPC", "GRPC"])


@pytest.fixture(scope="module")
async def strict() -> AsyncIterator[Place]:
    async with placed(version_policy="strict") as it:
        yield it


@pytest.mark.parametrize("version", VERSIONS)
@over_either
async def test_lenient(place: Place, version: str, ask: Ask) -> None:
    assert (await ask(place, version)).reason == VERSIONS[version][0]


@pytest.mark.parametrize("version", VERSIONS)
@over_either
async def test_strict(strict: Place, version: str, ask: Ask) -> None:
    assert (await ask(strict, version)).reason == VERSIONS[version][1]


@over_either
async def test_a_call_that_names_nothing_is_of_0_3_where_the_policy_is_strict(
    place: Place, strict: Place, ask: Ask
) -> None:
    assert await ask(place, None) == Told()
    assert await ask(strict, None) == Told(REFUSED, CONTRADICTED.format("1.0", "0.3"))


@over_either
@pytest.mark.parametrize("version", ["0.2", "1.1", "2.0"])
async def test_a_refusal_lists_what_is_supported(place: Place, version: str, ask: Ask) -> None:
    assert await ask(place, version) == Told(REFUSED, UNSUPPORTED.format(version))


@over_either
@pytest.mark.parametrize("version", ["0.3", "0.3.0"])
async def test_a_version_that_contradicts_the_call_is_refused_as_such(place: Place, version: str, ask: Ask) -> None:
    place.asked()
    assert await ask(place, version) == Told(REFUSED, CONTRADICTED.format("1.0", "0.3"))
    assert place.asked() == []


# Operations of 0.3

OLD_VERSIONS: dict[str, str] = {
    "0.3": SERVED,
    "0.3.0": SERVED,
    "": SERVED,
    "1.0": REFUSED,
    "1.0.1": REFUSED,
    "2.0": REFUSED,
    "3": BAD,
}
"""What a call of 0.3 names, and what comes of it, whatever the policy."""


async def old_over_jsonrpc(place: Place, version: str | None) -> Told:
    headers: Headers = () if version is None else (("A2A-Version", version),)
    _, answered = await place.post("/words/", headers=headers, method="tasks/get")
    if "error" in answered:
        return Told(answered["error"]["data"][0]["reason"], answered["error"]["message"])
    return Told()


async def old_over_rest(place: Place, version: str | None) -> Told:
    answered = await place.get("/words/v1/tasks/t", () if version is None else (("A2A-Version", version),))
    if answered.status_code != 200:
        error = answered.json()["error"]
        return Told(error["details"][0]["reason"], error["message"])
    return Told()


async def old_over_grpc(place: Place, version: str | None) -> Told:
    metadata: Headers = (("a2a-agent", "words"),)
    if version is not None:
        metadata = (*metadata, ("a2a-version", version))
    request = a2a_0_3.GetTaskRequest(name="tasks/t").to_binary()
    async with GrpcCaller(place.gateway.grpc) as caller:
        outcome = await caller.call("/a2a.v1.A2AService/GetTask", request, metadata=metadata)
    return Told() if outcome.ok else Told(outcome.reason or "", outcome.details)


over_each_of_0_3 = pytest.mark.parametrize(
    "ask", [old_over_jsonrpc, old_over_rest, old_over_grpc], ids=["JSONRPC", "HTTP+JSON", "GRPC"]
)


@over_each_of_0_3
@pytest.mark.parametrize("version", OLD_VERSIONS)
async def test_an_operation_of_0_3(place: Place, strict: Place, version: str, ask: Ask) -> None:
    """Without a version a call is of 0.3 by the specification, so the policy has nothing to say."""
    assert [(await ask(of, version)).reason for of in (place, strict)] == [OLD_VERSIONS[version]] * 2


@over_each_of_0_3
async def test_an_operation_of_0_3_that_names_nothing(place: Place, strict: Place, ask: Ask) -> None:
    assert [await ask(of, None) for of in (place, strict)] == [Told(), Told()]


@pytest.mark.parametrize(
    ("ask", "by_name"),
    [(old_over_jsonrpc, ""), (old_over_rest, ""), (old_over_grpc, "VersionNotSupportedError: ")],
    ids=["JSONRPC", "HTTP+JSON", "GRPC"],
)
async def test_an_operation_of_0_3_that_says_1_0_is_a_contradiction(
    place: Place, strict: Place, ask: Ask, by_name: str
) -> None:
    """On gRPC callers of 0.3 tell errors by the name of a class that the text begins with."""
    place.asked()
    said = Told(REFUSED, by_name + CONTRADICTED.format("0.3", "1.0"))
    assert [await ask(of, "1.0") for of in (place, strict)] == [said, said]
    assert place.asked() == []


QUERIES = {
    "?A2A-Version=1.0": SERVED,
    "?A2A-Version=1.0.1": SERVED,
    "?A2A-Version=0.3": REFUSED,
    "?A2A-Version=nonsense": BAD,
    "?A2A-Version=": REFUSED,
    "?other=1&A2A-Version=1.0": SERVED,
    "?A2A%2DVersion=1%2E0": SERVED,
}


@pytest.mark.parametrize("query", QUERIES)
async def test_the_version_in_the_query(strict: Place, query: str) -> None:
    assert (await over_http(strict, None, query)).reason == QUERIES[query]


@pytest.mark.parametrize(
    ("version", "query", "reason"),
    [("1.0", "0.3", SERVED), ("0.3", "1.0", REFUSED), ("", "1.0", SERVED), ("", "0.3", REFUSED)],
)
async def test_the_header_goes_before_the_query(place: Place, version: str, query: str, reason: str) -> None:
    assert (await over_http(place, version, f"?A2A-Version={query}")).reason == reason


@pytest.mark.parametrize(("method", "version"), [("GetTask", "1.0"), ("tasks/get", "0.3")])
async def test_answers_say_what_they_speak(place: Place, method: str, version: str) -> None:
    async with HttpCaller(place.url("/words/")) as caller:
        await caller.post(method, {"id": "t"}, headers=())
        received = await caller.read_head()
    assert received.header("a2a-version") == version


# Extensions

ONE, TWO, THREE = "https://example.com/one", "https://example.com/two", "urn:three"

ASKED: dict[str, tuple[Headers, str | None]] = {
    "none": ((), None),
    "an empty list": ((("A2A-Extensions", ""),), None),
    "one": ((("A2A-Extensions", ONE),), ONE),
    "a list": ((("A2A-Extensions", f"{ONE}, {TWO},{THREE}"),), f"{ONE},{TWO},{THREE}"),
    "repeated": ((("A2A-Extensions", ONE), ("A2A-Extensions", TWO)), f"{ONE},{TWO}"),
    "by the older name": ((("X-A2A-Extensions", f"{ONE}, {TWO}"),), f"{ONE},{TWO}"),
    "by both names": ((("A2A-Extensions", ONE), ("X-A2A-Extensions", f"{TWO}, {ONE}")), f"{ONE},{TWO}"),
    "twice the same": ((("A2A-Extensions", f"{ONE}, {ONE}"),), ONE),
}


@pytest.mark.parametrize("named", ASKED)
async def test_an_agent_is_asked_for_the_extensions_over_http(place: Place, named: str) -> None:
    headers, seen = ASKED[named]
    await place.post("/scribe/", headers=headers)
    (request,) = place.scribe.calls("GetTask")
    place.asked()
    assert request.header("a2a-extensions") == seen
    assert request.header("x-a2a-extensions") == seen


@pytest.mark.parametrize("named", ASKED)
async def test_an_agent_is_asked_for_the_extensions_over_grpc(place: Place, named: str) -> None:
    headers, seen = ASKED[named]
    await place.call("words", tuple((name.lower(), value) for name, value in headers))
    (call,) = place.words.calls_of("GetTask")
    place.asked()
    assert call.header("a2a-extensions") == ([seen] if seen else [])
    assert call.header("x-a2a-extensions") == ([seen] if seen else [])


@pytest.mark.parametrize("name", ["a2a-extensions", "x-a2a-extensions"])
async def test_a_caller_is_told_what_was_activated_whatever_name_the_agent_gives_it(name: str) -> None:
    async with placed() as place:
        task = events.bare_task("t")
        place.words.scripts = {"GetTask": [initial_metadata((name, f"{ONE}, {TWO}")), answer(task, a2a.Task)]}
        body = b'{"jsonrpc":"2.0","id":null,"result":{"id":"t","status":{"state":"TASK_STATE_WORKING"}}}'
        place.scribe.scripts = {"GetTask": [reply(200, (*JSON_HEAD, (name, ONE), (name, TWO)), body)]}
        outcomes = [await place.call("scribe"), await place.call("words")]
    assert [outcome.ok for outcome in outcomes] == [True, True]
    assert [dict(outcome.initial)["a2a-extensions"] for outcome in outcomes] == [f"{ONE},{TWO}"] * 2
