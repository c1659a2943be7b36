"""HTTP/2 as agents may cut it, and as none should: padding, sizes, windows, floods."""

import asyncio

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from gateway.southbound.transport.channel import Channel
from tests.fakes import steps
from tests.fakes.h2_steps import (
    GRPC_HEAD,
    GRPC_OK,
    H2Exchange,
    HeaderList,
    Script,
    Step,
    data,
    frame,
    frames,
    headers,
    message,
    padded,
    raw,
    trailers,
)
from tests.fakes.scripted_h2 import ScriptedH2Agent
from tests.faults.gateway import MIB, growth
from tests.southbound.contract.told import PATH, PATIENCE_S, Told, asked, channel_to, rest

pytestmark = pytest.mark.anyio

FINE: Script = [headers(), message(b"fine"), trailers()]
SENT = [b"", b"a", b"bc" * 300, b"d" * 20_000, b"e"]
CONTENT = b"".join(map(frame, SENT))
FRAME_BYTES = 16_384


def data_frame(stream_id: int, content: bytes, *flags: str) -> bytes:
    return DataFrame(stream_id, data=content, flags=flags).serialize()


# What an agent may do

CUTS: dict[str, list[Step]] = {
    "one frame for each message": [message(one) for one in SENT],
    "frames as large as they may be": [data(CONTENT)],
    "frames of one byte": [data(CONTENT[at : at + 1]) for at in range(800)] + [data(CONTENT[800:])],
    "frames cut within the prefix": [data(CONTENT[:3]), data(CONTENT[3:7]), data(CONTENT[7:12]), data(CONTENT[12:])],
    "empty frames between": [step for one in SENT for step in (data(b""), message(one))],
    "padding": [step for one in SENT[:3] for step in (padded(frame(one), 255), padded(b"", 3))]
    + [message(one) for one in SENT[3:]],
    "frames that nobody knows": [raw(b"\0\0\x04\xf1\0\0\0\0\0mist"), *(message(one) for one in SENT)],
}


@pytest.mark.parametrize("cut", CUTS)
async def test_messages_are_whole_however_frames_are_cut(transport: str, cut: str) -> None:
    if (transport, cut) == ("library", "padding"):
        pytest.skip("grpcio takes no padding")
    async with ScriptedH2Agent({"*": [headers(), *CUTS[cut], trailers()]}) as agent:
        async with channel_to(agent.url, transport) as channel:
            told = await asked(channel)
    assert told.status == "OK"
    assert told.messages == SENT


@pytest.mark.parametrize("piece_bytes", [1, 2, 7, 9, 10, 1000])
async def test_messages_are_whole_however_bytes_arrive(transport: str, piece_bytes: int) -> None:
    small = [one[:40] for one in SENT]
    script = [headers(), *map(message, small), trailers([*GRPC_OK, ("x-end", "1")])]
    async with ScriptedH2Agent({"*": script}, piece_bytes=piece_bytes) as agent:
        async with channel_to(agent.url, transport) as channel:
            told = await asked(channel)
    assert (told.status, told.messages, told.named("x-end")) == ("OK", small, ["1"])


async def test_a_long_head_comes_in_continuations(transport: str) -> None:
    long: HeaderList = [*GRPC_HEAD, *((f"x-{number}", "v" * 1000) for number in range(40))]
    async with ScriptedH2Agent({"*": [headers(long), *FINE[1:]]}) as agent:
        async with channel_to(agent.url, transport) as channel:
            told = await asked(channel)
    assert (told.status, told.named("x-39")) == ("OK", ["v" * 1000])


async def test_padding_counts_against_the_window_and_is_given_back(transport: str) -> None:
    if transport == "library":
        pytest.skip("grpcio takes no padding")
    script = [headers(), *[padded(frame(b"x"), 250)] * 1000, trailers()]
    async with ScriptedH2Agent({"*": script}) as agent:
        async with channel_to(agent.url, transport, stream_buffer_bytes=70_000) as channel:
            assert (await asked(channel)).messages == [b"x"] * 1000


async def test_interim_heads_are_passed_over(transport: str) -> None:
    early = headers([(":status", "103"), ("link", "</style.css>")])
    async with ScriptedH2Agent({"*": [early, early, *FINE]}) as agent, channel_to(agent.url, transport) as channel:
        told = await asked(channel)
    # grpcio takes the first one for the head, and the head for trailers.
    assert told.status == "OK" or transport == "library"


# What it may not


def overrun(stream_id: int) -> bytes:
    return data_frame(stream_id, frame(bytes(FRAME_BYTES - 5))) * 40


async def test_an_agent_that_overruns_a_window_is_cut_off(transport: str) -> None:
    async with ScriptedH2Agent({"*": [headers(), frames(overrun), steps.hang()]}) as agent:
        async with channel_to(agent.url, transport) as channel:
            rpc = channel.call(PATH, b"", (), 2.0)
            await rpc.head()
            await asyncio.sleep(0.1)  # nobody reads meanwhile
            with growth() as grown:
                told = await rest(rpc, Told())
            assert grown.bytes < 8 * MIB
            assert told.status == "INTERNAL" if transport == "native" else told.status != "OK"
            assert sum(map(len, told.messages)) <= 256 * 1024
            await _recovers(agent, channel)


BREACHES: dict[str, Step] = {
    "DATA on a stream that was never opened": frames(lambda _: data_frame(99, b"x")),
    "DATA on a stream of its own": frames(lambda _: data_frame(2, b"x")),
    "DATA on the connection": raw(b"\0\0\x01\0\0\0\0\0\0x"),
    "DATA within a header block": frames(
        lambda number: HeadersFrame(number, data=b"\x88").serialize() + data_frame(number, b"x")
    ),
    "a frame longer than allowed": frames(lambda number: data_frame(number, bytes(FRAME_BYTES + 1))),
    "more padding than frame": frames(lambda number: b"\0\0\x02\0\x08" + number.to_bytes(4, "big") + b"\x05x"),
    "a window beyond its end": raw(WindowUpdateFrame(0, window_increment=2**31 - 1).serialize() * 2),
    "a CONTINUATION of nothing": frames(lambda number: ContinuationFrame(number, data=b"\x88").serialize()),
    "a head that is no HPACK": frames(lambda number: HeadersFrame(number, data=b"\xff" * 9, flags=["END_HEADERS"]).serialize()),
    "HTTP/1.1": raw(b"HTTP/1.1 400 Bad Request\r\ncontent-length: 0\r\n\r\n"),
    "a goodbye of two bytes": raw(b"\0\0\x02\x07\0\0\0\0\0ab"),
    "heads before heads": frames(lambda number: data_frame(number, frame(b"x"))),
}


@pytest.mark.parametrize("breach", BREACHES)
async def test_a_breach_of_http2_ends_the_connection_and_nothing_else(transport: str, breach: str) -> None:
    async with ScriptedH2Agent({"*": [BREACHES[breach], steps.hang()]}) as agent:
        async with channel_to(agent.url, transport) as channel:
            told = await asked(channel, timeout_s=0.3)  # grpcio lets some of them pass
            assert told.status != "OK"
            assert told.messages == []
            if transport == "native":
                assert told.status == "UNAVAILABLE"
                assert agent.address not in told.text
            await _recovers(agent, channel)


async def test_what_was_under_way_when_a_stream_was_given_up_is_no_breach(transport: str) -> None:
    cancelled = asyncio.Event()
    late = [headers(), steps.wait(cancelled), frames(lambda number: data_frame(number, bytes(10_000)))]
    async with ScriptedH2Agent({"*": late}) as agent:
        async with channel_to(agent.url, transport) as channel:
            beside = channel.call(PATH, b"", (), None)
            await beside.head()
            gone = [channel.call(PATH, b"", (), None) for _ in range(5)]
            for rpc in gone:
                await rpc.head()
            agent.scripts = {"*": FINE}
            for rpc in gone:
                rpc.cancel()
            cancelled.set()  # the fake cancels its scripts as well; what it sends before that is late
            assert (await asked(channel)).status == "OK"
            assert len(agent.connections) == 1
            beside.cancel()


async def test_data_for_streams_that_were_given_up_has_an_end(transport: str) -> None:
    """What may be under way is bounded by the windows that those streams had."""

    async def flood(exchange: H2Exchange) -> None:
        while True:
            await exchange.raw(data_frame(1, bytes(FRAME_BYTES)))

    async with ScriptedH2Agent({"*": [headers(), steps.hang()]}) as agent, channel_to(agent.url, transport) as channel:
        rpc = channel.call(PATH, b"", (), None)
        await rpc.head()
        rpc.cancel()
        agent.scripts = {"*": [headers(), flood]}
        told = await asked(channel, timeout_s=2.0)
        assert told.status == "UNAVAILABLE" if transport == "native" else told.status != "OK"


# Abuse

PING = PingFrame(0, opaque_data=b"12345678").serialize()
SETTINGS = SettingsFrame(0, settings={4: 65_535}).serialize()
FLOODS: dict[str, Step] = {
    "PING": raw(PING * 20_000),
    "SETTINGS": raw(SETTINGS * 20_000),
    "PRIORITY": frames(lambda number: PriorityFrame(number, depends_on=0, stream_weight=1).serialize() * 20_000),
    "RST_STREAM": frames(lambda number: RstStreamFrame(number, error_code=8).serialize() * 20_000),
    "WINDOW_UPDATE": frames(lambda number: WindowUpdateFrame(number, window_increment=1).serialize() * 20_000),
    "unknown frames": raw(b"\0\0\0\xf1\0\0\0\0\0" * 20_000),
    "empty DATA": frames(
        lambda number: HeadersFrame(number, data=b"\x88\x5f\x10application/grpc", flags=["END_HEADERS"]).serialize()
        + data_frame(number, b"") * 20_000
    ),
    "CONTINUATION": frames(
        lambda number: HeadersFrame(number, data=b"\x88").serialize()
        + ContinuationFrame(number, data=b"\0\x01a\x01b" * 3000).serialize() * 200
    ),
    "empty CONTINUATION": frames(
        lambda number: HeadersFrame(number, data=b"\x88").serialize() + ContinuationFrame(number).serialize() * 20_000
    ),
    "GOAWAY": raw(GoAwayFrame(0, last_stream_id=2**31 - 1, error_code=0).serialize() * 20_000),
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_fills_no_memory_and_is_survived(transport: str, flood: str) -> None:
    script: Script = [FLOODS[flood], headers(), message(b"fine"), trailers()]
    async with ScriptedH2Agent({"*": script}) as agent, channel_to(agent.url, transport) as channel:
        with growth() as grown:
            told = await asked(channel, timeout_s=1.0)
        assert grown.bytes < 16 * MIB
        assert told.messages in ([], [b"fine"])
        await _recovers(agent, channel)


NEVER_READ: dict[str, bytes] = {"PING": PING, "SETTINGS": SETTINGS}


@pytest.mark.parametrize("flood", NEVER_READ)
async def test_an_agent_that_asks_and_never_reads_fills_no_memory(transport: str, flood: str) -> None:
    async def ask(exchange: H2Exchange) -> None:
        exchange.call.connection.transport.pause_reading()
        for _ in range(300):
            await exchange.raw(NEVER_READ[flood] * 200)

    async with ScriptedH2Agent({"*": [ask, steps.hang()]}) as agent:
        async with channel_to(agent.url, transport) as channel:
            with growth() as grown:
                told = await asked(channel, timeout_s=1.0)
            assert told.status in ("UNAVAILABLE", "DEADLINE_EXCEEDED")
            assert grown.bytes < 24 * MIB


async def test_a_flood_of_one_agent_does_not_stop_another(transport: str) -> None:
    async with ScriptedH2Agent({"*": FINE}) as good, ScriptedH2Agent({"*": [FLOODS["PING"], steps.hang()]}) as bad:
        async with channel_to(good.url, transport) as to_good, channel_to(bad.url, transport) as to_bad:
            suffering = asyncio.create_task(asked(to_bad, timeout_s=PATIENCE_S / 2))
            for _ in range(20):
                assert (await asked(to_good)).status == "OK"
            suffering.cancel()
            await asyncio.gather(suffering, return_exceptions=True)


async def _recovers(agent: ScriptedH2Agent, channel: Channel) -> None:
    """The next call is none the worse."""
    agent.scripts = {"*": FINE}
    async with asyncio.timeout(PATIENCE_S):
        while (await asked(channel, timeout_s=1.0)).status != "OK":
            await asyncio.sleep(0.01)
