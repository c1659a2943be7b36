"""Token deltas through the whole gateway: between every caller and every agent, whichever of them speaks them."""

from collections.abc import AsyncIterator, Callable
from itertools import product

import pytest

from gateway.app import Gateway
from gateway.operations import SEND_STREAMING_MESSAGE, SUBSCRIBE_TO_TASK, Operation
from tests.fakes.events import Json
from tests.matrix.conftest import Rig, as_heard, configured
from tests.matrix.edges import EDGES, every_agent, every_caller
from tests.matrix.meaning import Heard, Play, Spelled
from tests.matrix.words import HI, THE_TASK

pytestmark = pytest.mark.anyio

URI = "https://a2a-extensions.adk.kagenti.dev/ui/streaming/v1"
NAMES = ("a2a-extensions", "x-a2a-extensions")
TASK = Spelled(
    new={"task": {"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_WORKING"}}},
    dialect={"kind": "task", "id": "task-1", "contextId": "context-1", "status": {"state": "working"}},
    proto={"task": {"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_WORKING"}}},
)


def updated(state: str, text: str = "", metadata: tuple[Json, Json] | None = None) -> Spelled:
    """A status of the task, with a message `m`; metadata as 1.0 and as 0.3 have them."""
    ids: Json = {"taskId": "task-1", "contextId": "context-1"}
    said: Json = {"messageId": "m", **ids}
    old_state = state.removeprefix("TASK_STATE_").lower()
    ends = old_state not in ("working", "submitted")
    new: Json = {}
    dialect: Json = {}
    proto: Json = {}
    if text:
        new = {"message": {**said, "role": "ROLE_AGENT", "parts": [{"text": text}]}}
        dialect = {"message": {**said, "kind": "message", "role": "agent", "parts": [{"kind": "text", "text": text}]}}
        proto = {"message": {**said, "role": "ROLE_AGENT", "content": [{"text": text}]}}
    of_1_0: Json = {"metadata": metadata[0]} if metadata else {}
    of_0_3: Json = {"metadata": metadata[1]} if metadata else {}
    return Spelled(
        new={"statusUpdate": {**ids, "status": {"state": state, **new}, **of_1_0}},
        dialect={
            "kind": "status-update",
            **ids,
            "status": {"state": old_state, **dialect},
            "final": ends,
            **of_0_3,
        },
        proto={
            "statusUpdate": {**ids, "status": {"state": state, **proto}, **({"final": True} if ends else {}), **of_0_3}
        },
    )


def patch(seq: int, operation: Callable[[Json], Json], artifact_id: str = "") -> Spelled:
    """A patch event; the operation is made of a text part."""

    def metadata(part: Json) -> Json:
        message_id = f"artifact:{artifact_id}" if artifact_id else "m"
        about = {"artifact_id": artifact_id} if artifact_id else {}
        return {URI: {"message_id": message_id, "message_update": [operation(part)], "seq": seq, **about}}

    return updated(
        "TASK_STATE_WORKING", metadata=(metadata({"text": "Hel"}), metadata({"kind": "text", "text": "Hel"}))
    )


def begun(message_id: str) -> Callable[[Json], Json]:
    return lambda part: {"op": "replace", "path": "", "value": {"message_id": message_id, "parts": [part]}}


def goes_on(_: Json) -> Json:
    return {"op": "str_ins", "path": "/parts/0/text", "pos": 3, "value": "lo"}


def piece(text: str, *, append: bool = False, last: bool = False, artifact_id: str = "a") -> Spelled:
    ids: Json = {"taskId": "task-1", "contextId": "context-1"}
    flags: Json = {**({"append": True} if append else {}), **({"lastChunk": True} if last else {})}
    artifact: Json = {"artifactId": artifact_id, "parts": [{"text": text}]}
    old: Json = {"artifactId": artifact_id, "parts": [{"kind": "text", "text": text}]}
    return Spelled(
        new={"artifactUpdate": {**ids, "artifact": artifact, **flags}},
        dialect={"kind": "artifact-update", **ids, "artifact": old, **flags},
        proto={"artifactUpdate": {**ids, "artifact": artifact, **flags}},
    )


DONE = updated("TASK_STATE_COMPLETED")
SAID = updated("TASK_STATE_COMPLETED", "Hello")
PATCHES = (TASK, patch(0, begun("m")), patch(1, goes_on), SAID)
PIECES = (TASK, piece("Hel"), piece("lo", append=True), DONE)
GROWN = (TASK, patch(0, begun("artifact:a"), "a"), patch(1, goes_on, "a"), piece("Hello"), DONE)


def asked_of(operation: Operation) -> Spelled:
    return THE_TASK if operation is SUBSCRIBE_TO_TASK else HI


@pytest.fixture(scope="module")
async def chunked(rig: Rig) -> AsyncIterator[Rig]:
    async with Gateway(configured(rig.agents, {"without_deltas": "chunks"})) as gateway:
        yield Rig(rig.agents, gateway)


@pytest.fixture(scope="module")
async def off(rig: Rig) -> AsyncIterator[Rig]:
    async with Gateway(configured(rig.agents, {"deltas": "off"})) as gateway:
        yield Rig(rig.agents, gateway)


def heard_as(north: str, results: tuple[Spelled, ...], *extensions: str) -> Heard:
    return Heard(as_heard(north, SEND_STREAMING_MESSAGE, results), extensions=extensions)


@every_caller
@every_agent
async def test_text_that_is_appended_reaches_who_speaks_them_as_patches(rig: Rig, north: str, south: str) -> None:
    for name in NAMES:
        heard = await rig.hear(
            north, south, SEND_STREAMING_MESSAGE, HI, Play(PIECES), headers=((name, f"{URI},urn:other"),)
        )
        assert heard == heard_as(north, GROWN, URI)
    heard = await rig.hear(north, south, SEND_STREAMING_MESSAGE, HI, Play(PIECES))
    assert heard == heard_as(north, PIECES)


@every_caller
@every_agent
async def test_patches_reach_who_speaks_them_in_the_dialect_of_its_version(rig: Rig, north: str, south: str) -> None:
    """Whether or not the agent says that it speaks them; and on each request anew, the one that subscribes too."""
    for operation in (SEND_STREAMING_MESSAGE, SUBSCRIBE_TO_TASK):
        for activated in ((URI,), ()):
            play = Play(PATCHES, extensions=activated)
            heard = await rig.hear(north, south, operation, asked_of(operation), play, headers=((NAMES[0], URI),))
            assert heard == heard_as(north, PATCHES, URI)
            (asked,) = rig.agents[south].asked()
            assert asked.headers[EDGES[south].language.extensions] == URI
        heard = await rig.hear(north, south, operation, asked_of(operation), Play((TASK, SAID)))
        assert heard == heard_as(north, (TASK, SAID))
        (asked,) = rig.agents[south].asked()
        assert not asked.headers.keys() & {*NAMES}


@every_caller
@every_agent
async def test_patches_are_withheld_from_who_does_not(rig: Rig, north: str, south: str) -> None:
    """Also those of an agent that sends them to everybody."""
    heard = await rig.hear(north, south, SEND_STREAMING_MESSAGE, HI, Play(PATCHES, extensions=(URI,)))
    assert heard == heard_as(north, (TASK, SAID))


@every_caller
@every_agent
async def test_by_setting_they_are_an_artifact_that_grows(chunked: Rig, north: str, south: str) -> None:
    heard = await chunked.hear(north, south, SEND_STREAMING_MESSAGE, HI, Play(PATCHES, extensions=(URI,)))
    chunks = (piece("Hel", artifact_id="m"), piece("lo", append=True, artifact_id="m"))
    assert heard == heard_as(north, (TASK, *chunks, piece("Hello", last=True, artifact_id="m"), DONE))
    (asked,) = chunked.agents[south].asked()
    assert asked.headers[EDGES[south].language.extensions] == URI


OF_ONE_VERSION = [
    (north, south)
    for north, south in product(EDGES, EDGES)
    if EDGES[north].language.version == EDGES[south].language.version
]
"""Between versions the parts in patches would have the dialect of the agent's."""


@pytest.mark.parametrize(("north", "south"), OF_ONE_VERSION)
async def test_off_is_off(off: Rig, north: str, south: str) -> None:
    """Events pass, and so does the header with its answer: the extension is between the two of them alone."""
    for sent, activated in ((PIECES, ()), (PATCHES, (URI,))):
        play = Play(sent, extensions=activated)
        heard = await off.hear(north, south, SEND_STREAMING_MESSAGE, HI, play, headers=((NAMES[0], URI),))
        assert heard == heard_as(north, sent, *activated)
