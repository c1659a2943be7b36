"""The contract of a server, by stock clients: what comes, what goes, who waits for whom, and how an rpc ends."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import grpc
import grpc.aio
import pytest

from gateway.errors import GrpcStatus
from gateway.northbound.transport.choice import SERVERS
from gateway.northbound.transport.server import Rpc, only_request
from gateway.settings import ConfigurationError, Limits
from tests.fakes.callers import GrpcCaller
from tests.northbound.transport.serving import (
    KIB,
    MIB,
    PATH,
    PATIENCE_S,
    doing,
    echoing,
    lingering,
    serving,
    streaming,
    until,
)

pytestmark = pytest.mark.anyio

SLOW = [("grpc.http2.bdp_probe", 0), ("grpc.http2.lookahead_bytes", 65_536)]
"""Else a caller's own library reads ahead of it, by megabytes."""


def numbered(number: int) -> bytes:
    return b"%d:" % number + bytes(number % 700)


# What comes and what goes


async def test_messages_come_in_order_and_whole(kind: str) -> None:
    for burst in (1, 300):
        async with serving(kind, streaming(numbered, 2000, burst)) as it, GrpcCaller(it.address) as caller:
            outcome = await caller.call(PATH)
            assert (outcome.ok, outcome.messages) == (True, list(map(numbered, range(2000))))
            assert it.rpcs[0].sent == 2000


async def test_metadata_goes_both_ways(kind: str) -> None:
    async def act(rpc: Rpc) -> None:
        await rpc.begin([("x-early", "1"), ("x-bin", b"\x00\xff")])
        await rpc.send([b"fine"])
        rpc.finish(GrpcStatus.OK, trailers=[("x-late", "z"), ("y-bin", b"\x01")])

    async with serving(kind, doing(act)) as it, GrpcCaller(it.address) as caller:
        outcome = await caller.call(PATH, metadata=(("x-in", "a"), ("x-in", "b"), ("in-bin", b"\x00\xfe")))
    given = [pair for pair in it.rpcs[0].metadata if pair[0] != "user-agent"]
    assert given == [("x-in", "a"), ("x-in", "b"), ("in-bin", b"\x00\xfe")]
    assert {("x-early", "1"), ("x-bin", b"\x00\xff")} <= set(outcome.initial)
    assert {("x-late", "z"), ("y-bin", b"\x01")} <= set(outcome.trailing)


async def test_the_head_goes_before_any_message(kind: str) -> None:
    may_go_on = asyncio.Event()

    async def act(rpc: Rpc) -> None:
        await rpc.begin([("x-early", "1")])
        await may_go_on.wait()

    async with serving(kind, doing(act)) as it, grpc.aio.insecure_channel(it.address) as channel:
        call = channel.unary_stream(PATH)(b"")
        head = await asyncio.wait_for(call.initial_metadata(), PATIENCE_S)
        assert ("x-early", "1") in [tuple(pair) for pair in head]
        may_go_on.set()
        assert await asyncio.wait_for(call.code(), PATIENCE_S) is grpc.StatusCode.OK


@pytest.mark.parametrize("size", [0, 1, 16_379, 16_380, 65_531, 65_536, 3 * MIB])
async def test_a_message_of_any_size_goes_and_comes(kind: str, size: int) -> None:
    message = bytes(range(256)) * (size // 256) + bytes(size % 256)
    async with serving(kind, echoing(2)) as it, GrpcCaller(it.address) as caller:
        outcome = await caller.call(PATH, message)
        assert (outcome.ok, outcome.messages) == (True, [message, message])


@pytest.mark.parametrize("encoding", [grpc.Compression.Gzip, grpc.Compression.Deflate])
async def test_a_compressed_request_is_read(kind: str, encoding: grpc.Compression) -> None:
    async with serving(kind, echoing()) as it:
        async with grpc.aio.insecure_channel(it.address, compression=encoding) as channel:
            assert await channel.unary_unary(PATH)(b"a" * 5000, timeout=PATIENCE_S) == b"a" * 5000


async def test_many_rpcs_share_a_connection_and_nothing_else(kind: str) -> None:
    async with serving(kind, echoing(50)) as it, GrpcCaller(it.address) as caller:
        outcomes = await asyncio.gather(*(caller.call(PATH, b"%d" % number) for number in range(100)))
        assert [one.messages for one in outcomes] == [[b"%d" % number] * 50 for number in range(100)]


async def test_both_sides_may_stream(kind: str) -> None:
    async def talk(rpc: Rpc) -> None:
        while (message := await rpc.read()) is not None:
            await rpc.send([message.upper()])
        await rpc.send([b"bye"])
        rpc.finish(GrpcStatus.OK)

    async with serving(kind, talk) as it, grpc.aio.insecure_channel(it.address) as channel:
        call = channel.stream_stream(PATH)()
        said = list[object]()
        async with asyncio.timeout(PATIENCE_S):
            for message in (b"a", b"b", b"c"):
                await call.write(message)
                said.append(await call.read())
            await call.done_writing()
            said.append(await call.read())
            assert await call.code() is grpc.StatusCode.OK
        assert said == [b"A", b"B", b"C", b"bye"]


# How it ends


@pytest.mark.parametrize("after", ["nothing", "a head", "a message"])
async def test_every_status_goes_with_its_text(kind: str, after: str) -> None:
    statuses = [status for status in GrpcStatus if status is not GrpcStatus.OK]

    async def act(rpc: Rpc) -> None:
        if after != "nothing":
            await rpc.begin(())
        if after == "a message":
            await rpc.send([b"one"])
        rpc.finish(statuses[len(it.rpcs) - 1], "né 100% %zz\r\n\x7f 😀", [("x-why", "1")])

    async with serving(kind, doing(act)) as it, GrpcCaller(it.address) as caller:
        for status in statuses:
            stream = caller.stream(PATH, timeout_s=PATIENCE_S)
            messages = [one async for one in stream.messages()]
            outcome = stream.outcome
            assert outcome.code is not None
            assert (outcome.code.name, outcome.details) == (status.name, "né 100% %zz\r\n\x7f 😀")
            assert ("x-why", "1") in outcome.trailing
            assert len(messages) <= (after == "a message"), "grpcio's reader drops what it has not taken yet"


async def test_the_first_end_counts(kind: str) -> None:
    async def act(rpc: Rpc) -> None:
        rpc.finish(GrpcStatus.NOT_FOUND, "first")

    async with serving(kind, doing(act)) as it, GrpcCaller(it.address) as caller:
        outcome = await caller.call(PATH)
        assert (outcome.code, outcome.details) == (grpc.StatusCode.NOT_FOUND, "first")


@pytest.mark.parametrize("how", ["raises", "returns"])
async def test_a_handler_that_does_not_finish_never_looks_well(kind: str, how: str) -> None:
    async def act(rpc: Rpc) -> None:
        await rpc.send([b"one"])
        if how == "raises":
            raise RuntimeError("something inside")

    async def forgetful(rpc: Rpc) -> None:
        await only_request(rpc)
        await act(rpc)

    async with serving(kind, forgetful) as it, GrpcCaller(it.address) as caller:
        outcome = await caller.call(PATH)
        assert outcome.code is grpc.StatusCode.INTERNAL
        assert "inside" not in outcome.details


async def test_a_path_that_nobody_serves_is_unimplemented(kind: str) -> None:
    async with serving(kind, echoing()) as it, GrpcCaller(it.address) as caller:
        assert (await caller.call("/test.Service/Other")).code is grpc.StatusCode.UNIMPLEMENTED
        assert (await caller.call(PATH)).ok


async def test_a_message_over_the_limit_is_refused_and_the_next_is_not(kind: str) -> None:
    async with serving(kind, echoing(), message_bytes=100 * KIB) as it, GrpcCaller(it.address) as caller:
        for size, code in (
            (100 * KIB, grpc.StatusCode.OK),
            (100 * KIB + 1, grpc.StatusCode.RESOURCE_EXHAUSTED),
            (5 * MIB, grpc.StatusCode.RESOURCE_EXHAUSTED),
            (10, grpc.StatusCode.OK),
        ):
            assert (await caller.call(PATH, bytes(size))).code is code, size


# Time, and giving up


async def test_a_deadline_is_told_and_kept(kind: str) -> None:
    async with serving(kind, lingering) as it, GrpcCaller(it.address) as caller:
        began = asyncio.get_running_loop().time()
        outcome = await caller.call(PATH, timeout_s=0.2)
        assert outcome.code is grpc.StatusCode.DEADLINE_EXCEEDED
        deadline = it.rpcs[0].deadline
        assert deadline is not None
        assert 0 < deadline - began < 0.5
        await until(lambda: it.cancelled == 1)
        assert asyncio.get_running_loop().time() >= deadline


async def test_no_deadline_is_none(kind: str) -> None:
    async with serving(kind, echoing()) as it, GrpcCaller(it.address) as caller:
        assert (await caller.call(PATH, timeout_s=None)).ok
        assert it.rpcs[0].deadline is None


@pytest.mark.parametrize("moment", ["before the head", "after it", "under a flood", "in a full window"])
async def test_a_caller_that_cancels_frees_the_handler(kind: str, moment: str) -> None:
    async def silent(rpc: Rpc) -> None:
        await only_request(rpc)
        await asyncio.Event().wait()

    handler = {
        "before the head": silent,
        "after it": lingering,
        "under a flood": streaming(lambda _: bytes(1000)),
        "in a full window": streaming(lambda _: bytes(100_000), burst=10),
    }[moment]
    async with serving(kind, handler) as it, GrpcCaller(it.address, options=SLOW) as caller:
        stream = caller.stream(PATH)
        if moment in ("under a flood", "in a full window"):
            async for _ in stream.messages():
                break
        await it.rpc()
        stream.cancel()
        await until(lambda: it.cancelled == 1 and it.under_way == 0)
        assert (await caller.call("/test.Service/Other")).code is grpc.StatusCode.UNIMPLEMENTED


async def test_a_caller_that_is_gone_frees_its_handlers(kind: str) -> None:
    async with serving(kind, lingering) as it:
        async with GrpcCaller(it.address) as caller:
            streams = [caller.stream(PATH) for _ in range(20)]
            await until(lambda: it.under_way == 20)
        del streams
        await until(lambda: it.under_way == 0)
        assert it.cancelled == 20


async def test_what_a_cancelled_handler_still_does_is_without_effect(kind: str) -> None:
    tried = asyncio.Event()

    async def stubborn(rpc: Rpc) -> None:
        await only_request(rpc)
        try:
            await asyncio.Event().wait()
        finally:
            rpc.finish(GrpcStatus.OK)
            tried.set()

    async with serving(kind, stubborn) as it, GrpcCaller(it.address) as caller:
        stream = caller.stream(PATH)
        await it.rpc()
        stream.cancel()
        await asyncio.wait_for(tried.wait(), PATIENCE_S)


# Who waits for whom


@pytest.mark.parametrize("burst", [1, 50])
async def test_a_slow_caller_holds_up_the_handler(kind: str, burst: int) -> None:
    size = 10_000
    handler = streaming(lambda number: b"%08d" % number + bytes(size - 8), 800, burst)
    async with serving(kind, handler) as it, GrpcCaller(it.address, options=SLOW) as caller:
        stream = caller.stream(PATH)
        messages = stream.messages()
        assert int((await anext(messages))[:8]) == 0
        rpc = await it.rpc()
        sent = await _paused(rpc)
        assert sent * size < 2 * MIB, "what sockets and windows hold"
        got = [int((await anext(messages))[:8]) for _ in range(100)]
        assert await _paused(rpc) - 101 <= 2 * MIB // size, "the lead does not grow"
        got += [int(one[:8]) async for one in messages]
        assert (got, stream.outcome.ok) == (list(range(1, 800)), True)


async def test_who_stops_sending_knows_how_far_it_came(kind: str) -> None:
    size = 10_000
    told = asyncio.Event()

    async def give_up(rpc: Rpc) -> None:
        await only_request(rpc)
        await rpc.begin(())
        try:
            async with asyncio.timeout(0.3):
                await rpc.send([b"%08d" % number + bytes(size - 8) for number in range(1000)])
        except TimeoutError:
            rpc.finish(GrpcStatus.ABORTED, "too slow", [("came-to", str(rpc.sent))])
            told.set()

    async with serving(kind, give_up) as it, GrpcCaller(it.address, options=SLOW) as caller:
        stream = caller.stream(PATH)
        messages = stream.messages()
        got = [int((await anext(messages))[:8])]
        await asyncio.wait_for(told.wait(), PATIENCE_S)
        async with asyncio.timeout(PATIENCE_S):
            got += [int(one[:8]) async for one in messages]
        assert stream.outcome.code is grpc.StatusCode.ABORTED
        came_to = int(str(dict(stream.outcome.trailing)["came-to"]))
        assert 0 < came_to < 1000
        assert got == list(range(len(got)))
        # A write that is cancelled is one that grpc still makes.
        assert len(got) <= came_to + (kind == "library"), "what was not said to be sent was not"


async def _paused(rpc: Rpc) -> int:
    """How many messages went before the handler was held up."""
    sent = -1
    async with asyncio.timeout(PATIENCE_S):
        while sent != rpc.sent:
            sent = rpc.sent
            await asyncio.sleep(0.2)
    return sent


# The end of the server


async def test_a_server_that_stops_lets_what_is_under_way_finish(kind: str) -> None:
    may_finish = asyncio.Event()

    async def act(rpc: Rpc) -> None:
        await rpc.begin(())
        await may_finish.wait()
        await rpc.send([bytes(20_000)] * 20)

    async with serving(kind, doing(act)) as it, GrpcCaller(it.address) as caller, GrpcCaller(it.address) as other:
        calls = [asyncio.create_task(caller.call(PATH)) for _ in range(30)]
        await until(lambda: it.under_way == 30)
        stopping = asyncio.create_task(it.server.stop(PATIENCE_S))
        await asyncio.sleep(0.05)
        assert (await other.call(PATH, timeout_s=2)).code is grpc.StatusCode.UNAVAILABLE
        may_finish.set()
        for outcome in await asyncio.gather(*calls):
            assert (outcome.ok, outcome.messages) == (True, [bytes(20_000)] * 20)
        await asyncio.wait_for(stopping, PATIENCE_S / 2)


async def test_nothing_is_lost_of_what_slow_callers_still_take(kind: str) -> None:
    """Their tails stand in the server's buffers when the last rpc of each connection is over."""
    size, count = 5000, 200

    async def take_slowly() -> list[int]:
        async with GrpcCaller(it.address, options=SLOW) as caller:
            stream = caller.stream(PATH)
            got = list[int]()
            async for message in stream.messages():
                got.append(int(message[:8]))
                if len(got) % 10 == 0:
                    await asyncio.sleep(0.002)
            assert stream.outcome.ok, stream.outcome.details
            return got

    async with serving(kind, streaming(lambda number: b"%08d" % number + bytes(size - 8), count, 40)) as it:
        taking = [asyncio.create_task(take_slowly()) for _ in range(10)]
        await until(lambda: len(it.rpcs) == 10)
        await it.server.stop(PATIENCE_S)
        assert await asyncio.gather(*taking) == [list(range(count))] * 10


async def test_a_server_that_loses_patience_tells_who_is_left(kind: str) -> None:
    async with serving(kind, lingering) as it, GrpcCaller(it.address) as caller:
        call = asyncio.create_task(caller.call(PATH))
        await it.rpc()
        patient = asyncio.create_task(it.server.stop(10 * PATIENCE_S))
        await asyncio.sleep(0.05)
        await asyncio.wait_for(it.server.stop(0), PATIENCE_S)
        await asyncio.wait_for(patient, PATIENCE_S)
        outcome = await call
        assert outcome.code in (grpc.StatusCode.UNAVAILABLE, grpc.StatusCode.CANCELLED)
        assert it.under_way == 0


async def test_a_caller_that_takes_nothing_does_not_hold_up_the_end(kind: str) -> None:
    async with serving(kind, streaming(lambda _: bytes(10_000))) as it:
        async with GrpcCaller(it.address, options=SLOW) as caller:
            stream = caller.stream(PATH)
            async for _ in stream.messages():
                break
            await _paused(await it.rpc())
            async with asyncio.timeout(PATIENCE_S / 2):
                await it.server.stop(0.1)
            stream.cancel()


# Addresses


async def test_an_address_of_ipv6(kind: str) -> None:
    async with _at(kind, "[::1]:0", shared=False) as port, GrpcCaller(f"[::1]:{port}") as caller:
        assert (await caller.call(PATH)).ok


async def test_an_address_may_be_shared_or_not(kind: str) -> None:
    async with _at(kind, "127.0.0.1:0", shared=True) as port:
        async with _at(kind, f"127.0.0.1:{port}", shared=True):
            pass
        with pytest.raises(ConfigurationError, match=rf"^grpc: 127.0.0.1:{port} cannot be listened on"):
            SERVERS[kind](Limits.model_validate({})).bind(f"127.0.0.1:{port}", shared=False)


@asynccontextmanager
async def _at(kind: str, address: str, *, shared: bool) -> AsyncIterator[int]:
    server = SERVERS[kind](Limits.model_validate({}))
    port = server.bind(address, shared=shared)
    await server.start({PATH: echoing()})
    try:
        yield port
    finally:
        await server.stop(0)
