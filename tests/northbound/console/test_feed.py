"""`/console/wire`: what crossed both sides, to whoever watches, and to nobody's cost."""

import asyncio
import base64
import itertools
import json
from pathlib import Path

import httpx
import pytest

from gateway.agent import Crossing
from gateway.app import Gateway
from gateway.northbound.console.frames import told
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events
from tests.fakes.grpc_caller import GrpcCaller
from tests.northbound.console.places import WORDS, serving, settings, words
from tests.northbound.console.stage import STAGE
from tests.northbound.console.watching import ask, watching

pytestmark = pytest.mark.anyio


async def test_every_event_is_shown_as_it_crossed_each_side(tmp_path: Path) -> None:
    async with words() as agent, serving(tmp_path, {"name": "words", "url": agent.url}) as gateway:
        async with watching(gateway) as feed:
            call, sent = await ask(gateway, "words")
            frames = await feed.frames(2 + 2 * len(WORDS))
    assert {frame["call"] for frame in frames} == {call}
    asked = [(frame["side"], frame["binding"]) for frame in frames if frame["direction"] == "request"]
    assert asked == [("northbound", "JSONRPC"), ("southbound", "GRPC")]
    answers = [frame for frame in frames if frame["direction"] == "response"]
    left = [frame for frame in answers if frame["side"] == "northbound"]
    assert [frame["text"].encode() for frame in left] == sent
    assert [frame["bytes"] for frame in left] == [len(one) for one in sent]
    arrived = [frame for frame in answers if frame["side"] == "southbound"]
    assert [json.loads(frame["text"]) for frame in arrived] == WORDS
    assert [base64.b64decode(frame["raw"]) for frame in arrived] == [events.event_bytes(event) for event in WORDS]
    assert all(a["at"] <= b["at"] for a, b in itertools.pairwise(frames))


async def test_a_caller_over_grpc_is_shown_as_messages_too(tmp_path: Path) -> None:
    async with words() as agent, serving(tmp_path, {"name": "words", "url": agent.url}) as gateway:
        async with watching(gateway) as feed, GrpcCaller(gateway.grpc) as caller:
            request = events.to_wire(a2a.SendMessageRequest, events.send_params(tenant="words"))
            outcome = await caller.call("SendStreamingMessage", request)
            frames = await feed.frames(2 + 2 * len(WORDS))
    named = dict(outcome.initial)["a2a-gateway-call"]
    assert {frame["call"] for frame in frames} == {named}
    left = [frame for frame in frames if (frame["side"], frame["direction"]) == ("northbound", "response")]
    assert [json.loads(frame["text"]) for frame in left] == WORDS


async def test_a_worker_is_shown_what_it_heard_and_what_it_yields(tmp_path: Path) -> None:
    STAGE.clear()
    STAGE.tell("Hel", "lo")
    STAGE.end()
    async with serving(tmp_path) as gateway, watching(gateway) as feed:
        call, _ = await ask(gateway, "stage", "say hello")
        frames = [await feed.frames(1) for _ in range(4)]
    shown = [frame for (frame,) in frames if frame["side"] == "southbound"]
    assert all((frame["call"], frame["binding"]) == (call, "WORKER") for frame in shown)
    assert json.loads(shown[0]["text"])["parts"] == [{"text": "say hello"}]
    assert [json.loads(frame["text"]) for frame in shown[1:]] == ["Hel", "lo"][: len(shown) - 1]


async def test_no_header_is_shown(tmp_path: Path) -> None:
    async with words() as agent, serving(tmp_path, {"name": "words", "url": agent.url}) as gateway:
        async with watching(gateway) as feed:
            await ask(gateway, "words", authorization="Bearer s3cret", cookie="session=s3cret")
            frames = await feed.frames(2 + 2 * len(WORDS))
        assert ("authorization", "Bearer s3cret") in agent.calls[-1].metadata
    assert "s3cret" not in json.dumps(frames)


async def test_an_error_is_shown_as_it_left(tmp_path: Path) -> None:
    async with serving(tmp_path) as gateway, watching(gateway) as feed:
        call, sent = await ask(gateway, "stage", "refuse me")
        request, answer = await feed.frames(2)
    assert request["call"] == answer["call"] == call
    assert answer["text"].encode() == sent[0].removesuffix(b"\n\n")
    assert json.loads(answer["text"])["error"]["data"][0]["reason"] == "INVALID_PARAMS"


async def test_a_feed_is_no_call_and_ends_when_the_gateway_stops(tmp_path: Path) -> None:
    gateway = Gateway(settings(tmp_path))
    await gateway.__aenter__()
    async with watching(gateway) as feed:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            ready = (await client.get(f"http://{gateway.http}/readyz?verbose")).json()
        assert ready["calls"] == 0
        stopping = asyncio.create_task(gateway.__aexit__(None, None, None))
        with pytest.raises(StopAsyncIteration):
            await feed.next()
        await stopping


async def test_a_quiet_feed_is_kept_alive(tmp_path: Path) -> None:
    async with serving(tmp_path, limits={"keep_alive_s": 0.05}) as gateway:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            async with client.stream("GET", f"http://{gateway.http}/console/wire") as response:
                seen = b""
                async for piece in response.aiter_raw():
                    seen += piece
                    if seen.count(b": keep-alive\n") >= 2:
                        break


async def test_consoles_are_bounded_and_a_place_becomes_free_again(tmp_path: Path) -> None:
    async with serving(tmp_path, limits={"consoles": 1}) as gateway:
        async with httpx.AsyncClient(timeout=20, trust_env=False) as client:
            async with watching(gateway):
                refused = await client.get(f"http://{gateway.http}/console/wire")
                assert (refused.status_code, refused.headers["retry-after"]) == (503, "5")
            async with asyncio.timeout(20):
                while (await _status(client, gateway.http)) == 503:
                    await asyncio.sleep(0.01)


async def _status(client: httpx.AsyncClient, address: str) -> int:
    async with client.stream("GET", f"http://{address}/console/wire") as response:
        return response.status_code


def test_a_long_frame_is_cut_and_its_size_is_told() -> None:
    frame = told(Crossing("c", "northbound", "JSONRPC", "response", b"{" + "é".encode() * 50), 1.23456, 10)
    assert frame["text"] == "{éééé"
    assert (frame["bytes"], frame["at"]) == (101, 1.235)


def test_a_protobuf_message_that_cannot_be_read_is_shown_as_bytes() -> None:
    broken = Crossing("c", "southbound", "GRPC", "response", b"\xff\xff\xff", a2a.StreamResponse.from_binary)
    frame = told(broken, 0, 100)
    assert "text" not in frame
    assert base64.b64decode(str(frame["raw"])) == b"\xff\xff\xff"
