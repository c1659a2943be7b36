"""HTTP/2 as callers may cut it, and as none should: heads, padding, sizes, windows, floods."""

import asyncio
import random
import socket
import struct
from collections.abc import Callable
from dataclasses import dataclass

import pytest
from hyperframe.frame import (
    ContinuationFrame,
    DataFrame,
    GoAwayFrame,
    HeadersFrame,
    PingFrame,
    PriorityFrame,
    PushPromiseFrame,
    RstStreamFrame,
    SettingsFrame,
    WindowUpdateFrame,
)

from gateway.northbound.transport import h2_closing
from tests.fakes.callers import GrpcCaller, grpc_headers
from tests.fakes.h2_steps import HeaderList, frame
from tests.faults.gateway import growth
from tests.northbound.transport.raw_caller import PREFACE, RawCaller
from tests.northbound.transport.serving import (
    MIB,
    PATH,
    PATIENCE_S,
    Serving,
    echoing,
    lingering,
    serving,
    streaming,
    until,
)

pytestmark = pytest.mark.anyio

FRAME_BYTES = 16_384
CANCEL, REFUSED = 8, 7


async def well(it: Serving) -> None:
    """Another caller is none the worse."""
    async with GrpcCaller(it.address) as caller:
        assert (await caller.call(PATH, b"fine", timeout_s=PATIENCE_S)).messages[:1] == [b"fine"]


# Heads

HEADS: dict[str, tuple[dict[str, str | None], dict[str, str]]] = {
    "another subtype": ({"content-type": "application/grpc+proto"}, {":status": "200", "grpc-status": "0"}),
    "parameters": ({"content-type": "application/grpc; a=b"}, {":status": "200", "grpc-status": "0"}),
    "no te": ({"te": None}, {":status": "200", "grpc-status": "0"}),
    "another type": ({"content-type": "application/json"}, {":status": "415"}),
    "a longer type": ({"content-type": "application/grpc-web"}, {":status": "415"}),
    "no type": ({"content-type": None}, {":status": "415"}),
    "another method": ({":method": "GET"}, {":status": "405"}),
    "an unknown path": ({":path": "/test.Service/Other"}, {":status": "200", "grpc-status": "12"}),
    "an unknown encoding": ({"grpc-encoding": "br"}, {":status": "200", "grpc-status": "12"}),
    "a broken timeout": ({"grpc-timeout": "soon"}, {":status": "200", "grpc-status": "13"}),
    "no time": ({"grpc-timeout": "0n"}, {":status": "200", "grpc-status": "4"}),
}
"""What a head says otherwise, None for not at all; and what is answered."""
LENIENT = {"no te", "no type", "another type", "a longer type", "another method", "an unknown encoding"}
"""In which grpcio differs."""


@pytest.mark.parametrize("head", HEADS)
async def test_a_head_that_is_answered(kind: str, head: str) -> None:
    changes, expected = HEADS[head]
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        pairs = dict(grpc_headers(PATH, it.address)) | changes
        number = caller.new_stream()
        given: HeaderList = [(name, value) for name, value in pairs.items() if value is not None]
        await caller.send(
            caller.head(number, given) + DataFrame(number, data=frame(b"fine"), flags=["END_STREAM"]).serialize()
        )
        answer = await caller.answer(number)
        if kind == "native" or head not in LENIENT:
            assert {name: answer.fields.get(name) for name in expected} == expected
        if answer.status == 12 and head == "an unknown encoding":
            assert "gzip" in answer.fields["grpc-accept-encoding"]
        await caller.send(caller.request())
        assert (await caller.answer(number + 2)).status == 0, "the connection is none the worse"


BROKEN_HEADS: dict[str, Callable[[str], HeaderList]] = {
    "an upper-case name": lambda address: [*grpc_headers(PATH, address), ("X-One", "1")],
    "a pseudo-header behind": lambda address: [("x-one", "1"), *grpc_headers(PATH, address)],
    "two paths": lambda address: [(":path", "/a/b"), *grpc_headers(PATH, address)],
    "no path": lambda address: [pair for pair in grpc_headers(PATH, address) if pair[0] != ":path"],
    "an unknown pseudo-header": lambda address: [(":evil", "1"), *grpc_headers(PATH, address)],
}


@pytest.mark.parametrize("head", BROKEN_HEADS)
async def test_a_head_that_breaks_http2_is_its_streams_concern(kind: str, head: str) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        number = caller.new_stream()
        await caller.send(caller.head(number, BROKEN_HEADS[head](it.address), "END_STREAM"))
        answer = await caller.answer(number)
        assert answer.status != 0 or kind == "library"
        if kind == "native":
            assert (answer.reset_code, it.rpcs) == (1, [])
        await well(it)


async def test_a_long_head_comes_in_continuations(kind: str) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        number = caller.new_stream()
        long: HeaderList = [(f"x-{n}", "v" * 900) for n in range(20)]
        block = caller.encoder.encode([*grpc_headers(PATH, it.address), *long])
        pieces = [block[at : at + 1000] for at in range(0, len(block), 1000)]
        await caller.send(
            HeadersFrame(number, data=pieces[0]).serialize()
            + b"".join(ContinuationFrame(number, data=piece).serialize() for piece in pieces[1:-1])
            + ContinuationFrame(number, data=pieces[-1], flags=["END_HEADERS"]).serialize()
            + DataFrame(number, data=frame(b"fine"), flags=["END_STREAM"]).serialize()
        )
        assert (await caller.answer(number)).messages == [b"fine"]
        assert ("x-19", "v" * 900) in it.rpcs[0].metadata


async def test_a_head_that_is_too_large_is_no_rpc(kind: str) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        number = caller.new_stream()
        large: HeaderList = [*grpc_headers(PATH, it.address), *((f"x-{n}", "v" * 4000) for n in range(40))]
        block = caller.encoder.encode(large, huffman=False)
        pieces = [block[at : at + FRAME_BYTES] for at in range(0, len(block), FRAME_BYTES)]
        await caller.send(
            HeadersFrame(number, data=pieces[0]).serialize()
            + b"".join(ContinuationFrame(number, data=piece).serialize() for piece in pieces[1:-1])
            + ContinuationFrame(number, data=pieces[-1], flags=["END_HEADERS"]).serialize()
        )
        if kind == "native":  # grpcio refuses it once the request has ended, which this one does not
            farewell = await caller.until_closed()
            assert farewell is not None
            assert farewell.error_code != 0
        assert it.rpcs == []
        await well(it)


async def test_a_request_may_end_with_trailers(kind: str) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        number = caller.new_stream()
        await caller.send(
            caller.head(number, grpc_headers(PATH, it.address))
            + DataFrame(number, data=frame(b"fine")).serialize()
            + caller.head(number, [("x-last", "1")], "END_STREAM")
        )
        assert (await caller.answer(number)).messages == [b"fine"]


@pytest.mark.parametrize("size", [0, 4096, 2**32 - 1])
async def test_a_caller_may_have_any_table(kind: str, size: int) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address, {1: size}) as caller:
        caller.decoder.max_allowed_table_size = min(size, 1 << 20)
        for _ in range(3):
            await caller.send(caller.request(message=b"fine"))
        for number in (1, 3, 5):
            assert (await caller.answer(number)).messages == [b"fine"]


# Requests


@pytest.mark.parametrize("piece_bytes", [1, 7, 9, 10, 100])
async def test_a_request_is_whole_however_its_bytes_arrive(kind: str, piece_bytes: int) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address, greets=False) as caller:
        data = PREFACE + SettingsFrame(0, settings={4: 70_000}).serialize() + caller.request(message=b"a" * 100)
        for at in range(0, len(data), piece_bytes):
            await caller.send(data[at : at + piece_bytes])
            await asyncio.sleep(0)
        assert (await caller.answer(1)).messages == [b"a" * 100]


@pytest.mark.parametrize("cut", ["bytes", "empty frames", "padding", "the end for itself", "frames nobody knows"])
async def test_a_request_is_whole_however_its_frames_are_cut(kind: str, cut: str) -> None:
    if (kind, cut) == ("library", "padding"):
        pytest.skip("grpcio takes no padding")
    message = bytes(range(200))
    content = frame(message)
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        number = caller.new_stream()

        def data(piece: bytes, *flags: str, pad_length: int = 0) -> bytes:
            return DataFrame(number, data=piece, flags=flags, pad_length=pad_length).serialize()

        frames = {
            "bytes": [data(content[at : at + 1]) for at in range(len(content))] + [data(b"", "END_STREAM")],
            "empty frames": [data(b""), data(content), data(b""), data(b"", "END_STREAM")],
            "padding": [
                data(content[:50], "PADDED", pad_length=255),
                data(b"", "PADDED", pad_length=3),
                data(content[50:], "PADDED", "END_STREAM", pad_length=0),
            ],
            "the end for itself": [data(content), data(b"", "END_STREAM")],
            "frames nobody knows": [b"\0\0\x04\xf1\0\0\0\0\0mist", data(content, "END_STREAM")],
        }[cut]
        await caller.send(caller.head(number, grpc_headers(PATH, it.address)) + b"".join(frames))
        assert (await caller.answer(number)).messages == [message]


REQUESTS: dict[str, tuple[list[bytes], int]] = {
    "no message": ([], 12),
    "half a prefix": ([b"\0\0\0"], 13),
    "half a message": ([b"\0\0\0\0\x09half"], 13),
    "compressed as nothing": ([b"\x01\0\0\0\x01a"], 13),
    "a length of gigabytes": ([b"\0\xff\xff\xff\xff"], 8),
}


@pytest.mark.parametrize("request_", REQUESTS)
async def test_what_is_no_request_has_a_status(kind: str, request_: str) -> None:
    pieces, status = REQUESTS[request_]
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        number = caller.new_stream()
        await caller.send(
            caller.head(number, grpc_headers(PATH, it.address))
            + b"".join(DataFrame(number, data=piece).serialize() for piece in pieces)
            + DataFrame(number, flags=["END_STREAM"]).serialize()
        )
        answer = await caller.answer(number)
        if kind == "native":
            assert (answer.status, answer.messages) == (status, [])
        else:
            assert answer.status != 0
        await well(it)


async def test_a_request_that_does_not_arrive_is_not_waited_for() -> None:
    async with serving("native", echoing(), body_s=0.1) as it, RawCaller(it.address) as caller:
        number = caller.new_stream()
        await caller.send(caller.head(number, grpc_headers(PATH, it.address)) + DataFrame(number, data=b"\0").serialize())
        assert (await caller.answer(number)).status == 4


async def test_rpcs_beyond_the_limit_are_refused_and_can_be_made_again(kind: str) -> None:
    async with serving(kind, lingering, http2_streams=5) as it, RawCaller(it.address) as caller:
        told = await caller.read(lambda one: isinstance(one, SettingsFrame) and 3 in one.settings)
        assert isinstance(told, SettingsFrame)
        assert told.settings[3] == 5
        for _ in range(5):
            await caller.send(caller.request())
        await until(lambda: it.under_way == 5)
        await caller.send(caller.request())
        # grpcio's ENHANCE_YOUR_CALM does not say that the rpc can be made again.
        assert (await caller.answer(11)).reset_code == (REFUSED if kind == "native" else 11)
        assert len(it.rpcs) == 5
        if kind == "library":
            return
        await caller.send(RstStreamFrame(1, error_code=CANCEL).serialize())
        await until(lambda: it.under_way == 4)
        await caller.send(caller.request())
        await until(lambda: it.under_way == 5)


# Windows


@pytest.mark.parametrize("step", [1, 3, 1000])
async def test_windows_are_kept_to_the_byte(kind: str, step: int) -> None:
    message = bytes(range(100))
    async with serving(kind, echoing(2)) as it, RawCaller(it.address, {4: 0}) as caller:
        await caller.send(caller.request(message=message))
        await caller.read(lambda one: isinstance(one, HeadersFrame))
        given, whole = 0, 2 * len(frame(message))
        while given < whole:
            await caller.send(WindowUpdateFrame(1, window_increment=step).serialize())
            given += step
            least = min(given, whole)
            await caller.read(lambda _, least=least: len(caller.answered(1).data) >= least)
            assert len(caller.answered(1).data) == least
        assert (await caller.answer(1)).messages == [message] * 2


async def test_settings_open_and_close_windows_of_streams_under_way(kind: str) -> None:
    async with serving(kind, streaming(lambda _: bytes(95), 20)) as it, RawCaller(it.address, {4: 250}) as caller:
        await caller.send(caller.request())
        await caller.read(lambda _: len(caller.answered(1).data) >= 250)
        await caller.send(SettingsFrame(0, settings={4: 50}).serialize())  # 200 bytes in debt
        await caller.send(WindowUpdateFrame(1, window_increment=150).serialize())
        await caller.send(PingFrame(0, opaque_data=b"12345678").serialize())
        await caller.read(lambda one: isinstance(one, PingFrame) and "ACK" in one.flags)
        assert len(caller.answered(1).data) == 250
        await caller.send(SettingsFrame(0, settings={4: 5000}).serialize())
        answer = await caller.answer(1)
        assert (len(answer.messages), answer.status) == (20, 0)


async def test_streams_take_turns_where_the_connection_is_narrow(kind: str) -> None:
    async with serving(kind, streaming(lambda _: bytes(995))) as it, RawCaller(it.address, {4: 2**31 - 1}) as caller:
        for _ in range(8):
            await caller.send(caller.request())
        got = 0
        for _ in range(40):
            got += 20_000
            await caller.read(lambda _, got=got: sum(len(caller.answered(n).data) for n in range(1, 17, 2)) >= got)
            await caller.send(WindowUpdateFrame(0, window_increment=20_000).serialize())
        shares = [len(caller.answered(number).data) for number in range(1, 17, 2)]
        assert min(shares) * (2 if kind == "native" else 4) > max(shares), shares


async def test_a_stream_that_stalls_does_not_stall_another(kind: str) -> None:
    async with serving(kind, streaming(lambda _: bytes(995), 200)) as it, RawCaller(it.address, {4: 10_000}) as caller:
        await caller.open()
        await caller.send(caller.request())
        await caller.read(lambda _: len(caller.answered(1).data) >= 10_000)
        await caller.send(caller.request())
        await caller.send(WindowUpdateFrame(3, window_increment=MIB).serialize())
        assert len((await caller.answer(3)).messages) == 200
        assert len(caller.answered(1).data) == 10_000


async def test_a_caller_with_all_windows_open_that_does_not_read_fills_no_memory(kind: str) -> None:
    async with serving(kind, streaming(lambda _: bytes(10_000), burst=20)) as it:
        async with RawCaller(it.address, {4: 2**31 - 1}) as caller:
            await caller.open()
            with growth() as grown:
                for _ in range(10):
                    await caller.send(caller.request())
                await until(lambda: len(it.rpcs) == 10)
                sent = -1
                async with asyncio.timeout(PATIENCE_S):
                    while sent != sum(rpc.sent for rpc in it.rpcs):
                        sent = sum(rpc.sent for rpc in it.rpcs)
                        await asyncio.sleep(0.2)
            assert grown.bytes < 16 * MIB
        await until(lambda: it.under_way == 0)


# Breaches


@dataclass(frozen=True, slots=True)
class Breach:
    """What is sent while stream 1 is open."""

    frames: bytes
    whole_connection: bool = True
    """It is not only the stream that suffers."""


def data_frame(stream_id: int, content: bytes, *flags: str) -> bytes:
    return DataFrame(stream_id, data=content, flags=flags).serialize()


BREACHES: dict[str, Breach] = {
    "DATA on a stream that was never opened": Breach(data_frame(99, b"x")),
    "DATA on a stream of the server's": Breach(data_frame(2, b"x")),
    "DATA on the connection": Breach(b"\0\0\x01\0\0\0\0\0\0x"),
    "DATA behind the end": Breach(data_frame(1, b"", "END_STREAM") + data_frame(1, b"x")),
    "DATA within a header block": Breach(HeadersFrame(3, data=b"\x88").serialize() + data_frame(1, b"x")),
    "more DATA than the window": Breach(data_frame(1, bytes(FRAME_BYTES)) * 40),
    "a frame longer than allowed": Breach(data_frame(1, bytes(FRAME_BYTES + 1))),
    "more padding than frame": Breach(b"\0\0\x02\0\x08\0\0\0\x01\x05x"),
    "HEADERS on an even stream": Breach(HeadersFrame(2, data=b"\x82", flags=["END_HEADERS"]).serialize()),
    "HEADERS that are no HPACK": Breach(HeadersFrame(3, data=b"\xff" * 9, flags=["END_HEADERS"]).serialize()),
    "a CONTINUATION of nothing": Breach(ContinuationFrame(1, data=b"\x88").serialize()),
    "a promise": Breach(PushPromiseFrame(1, promised_stream_id=2, data=b"\x82", flags=["END_HEADERS"]).serialize()),
    "a window of the connection beyond its end": Breach(WindowUpdateFrame(0, window_increment=2**31 - 1).serialize() * 2),
    "a window of a stream beyond its end": Breach(
        WindowUpdateFrame(1, window_increment=2**31 - 1).serialize() * 2, whole_connection=False
    ),
    "a window of an idle stream": Breach(WindowUpdateFrame(77, window_increment=1).serialize()),
    "no increment": Breach(b"\0\0\x04\x08\0\0\0\0\x01\0\0\0\0", whole_connection=False),
    "a WINDOW_UPDATE of three bytes": Breach(b"\0\0\x03\x08\0\0\0\0\0abc"),
    "a reset of an idle stream": Breach(RstStreamFrame(77, error_code=8).serialize()),
    "a reset of three bytes": Breach(b"\0\0\x03\x03\0\0\0\0\x01abc"),
    "a PING of seven bytes": Breach(b"\0\0\x07\x06\0\0\0\0\0abcdefg"),
    "SETTINGS of five bytes": Breach(b"\0\0\x05\x04\0\0\0\0\0abcde"),
    "SETTINGS of a stream": Breach(b"\0\0\0\x04\0\0\0\0\x01"),
    "an initial window beyond its end": Breach(SettingsFrame(0, settings={4: 2**31}).serialize()),
    "HTTP/1.1": Breach(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n"),
}


@pytest.mark.parametrize("breach", BREACHES)
async def test_a_breach_ends_the_connection_and_nothing_else(kind: str, breach: str) -> None:
    it_breaks = BREACHES[breach]
    async with serving(kind, {PATH: echoing(), "/test.Service/Linger": lingering}) as it:
        async with RawCaller(it.address) as caller:
            number = caller.new_stream()
            pairs = grpc_headers("/test.Service/Linger", it.address)
            await caller.send(caller.head(number, pairs) + data_frame(number, frame(b"")))
            await until(lambda: it.under_way == 1)
            await caller.send(it_breaks.frames)
            if kind == "native":  # grpcio lets some of them pass
                if it_breaks.whole_connection:
                    farewell = await caller.until_closed()
                    assert farewell is not None
                    assert farewell.error_code != 0
                else:
                    assert (await caller.answer(number)).reset_code is not None
                    await caller.send(caller.request(message=b"fine"))
                    assert (await caller.answer(number + 2)).messages == [b"fine"]
                await until(lambda: it.under_way == 0)
            await well(it)


FIRST: dict[str, bytes] = {
    "HTTP/1.1": b"GET / HTTP/1.1\r\nhost: a\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
    "no SETTINGS": PREFACE + PingFrame(0, opaque_data=b"12345678").serialize(),
    "nearly the preface": PREFACE[:-1] + b"\r",
}


@pytest.mark.parametrize("first", FIRST)
async def test_what_begins_as_no_http2_is_closed(kind: str, first: str) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address, greets=False) as caller:
        await caller.send(FIRST[first])
        if (kind, first) != ("library", "no SETTINGS"):
            await caller.until_closed()
        await well(it)


@pytest.mark.parametrize("first", [b"", PREFACE[:5], PREFACE, PREFACE + b"\0\0\x06\x04\0"])
async def test_who_does_not_get_to_the_point_is_closed(first: bytes) -> None:
    async with serving("native", echoing(), head_s=0.1) as it, RawCaller(it.address, greets=False) as caller:
        await caller.send(first)
        await caller.until_closed()


# Pings


async def test_a_ping_is_answered(kind: str) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        await caller.send(PingFrame(0, opaque_data=b"abcdefgh").serialize())
        answer = await caller.read(lambda one: isinstance(one, PingFrame) and "ACK" in one.flags)
        assert isinstance(answer, PingFrame)
        assert answer.opaque_data == b"abcdefgh"


async def test_a_silent_caller_that_answers_stays_and_one_that_does_not_is_dropped() -> None:
    async with serving("native", lingering, ping_s=0.1, ping_answer_s=0.2) as it:
        async with RawCaller(it.address) as alive, RawCaller(it.address, acks=False) as dead:
            for caller in (alive, dead):
                await caller.send(caller.request())
            await until(lambda: it.under_way == 2)
            answering = asyncio.create_task(alive.until_closed())
            await dead.until_closed()
            await until(lambda: it.under_way == 1)
            await alive.send(alive.request())
            await until(lambda: it.under_way == 2)
            answering.cancel()


# Abuse

PING = PingFrame(0, opaque_data=b"12345678").serialize()
SETTINGS = SettingsFrame(0, settings={4: 65_535}).serialize()


def unknown_settings(first: int) -> bytes:
    payload = b"".join(struct.pack(">HL", first + number, 1) for number in range(2500))
    return len(payload).to_bytes(3, "big") + b"\x04\0\0\0\0\0" + payload


FLOODS: dict[str, Callable[[], bytes]] = {
    "PING": lambda: PING * 20_000,
    "SETTINGS": lambda: SETTINGS * 20_000,
    "SETTINGS that nobody knows": lambda: b"".join(unknown_settings(first) for first in range(100, 60_000, 2500)),
    "SETTINGS of the table": lambda: b"".join(
        SettingsFrame(0, settings={1: n % 2**20}).serialize() for n in range(20_000)
    ),
    "PRIORITY": lambda: PriorityFrame(1, depends_on=0, stream_weight=1).serialize() * 20_000,
    "RST_STREAM": lambda: RstStreamFrame(1, error_code=8).serialize() * 20_000,
    "WINDOW_UPDATE of the connection": lambda: WindowUpdateFrame(0, window_increment=1).serialize() * 20_000,
    "WINDOW_UPDATE of a stream": lambda: WindowUpdateFrame(1, window_increment=1).serialize() * 20_000,
    "unknown frames": lambda: b"\0\0\0\xf1\0\0\0\0\0" * 20_000,
    "empty DATA": lambda: data_frame(1, b"") * 20_000,
    "GOAWAY": lambda: GoAwayFrame(0, last_stream_id=0, error_code=0).serialize() * 20_000,
    "CONTINUATION": lambda: HeadersFrame(3, data=b"\x82").serialize()
    + ContinuationFrame(3, data=b"\0\x01a\x01b" * 3000).serialize() * 200,
    "empty CONTINUATION": lambda: HeadersFrame(3, data=b"\x82").serialize()
    + ContinuationFrame(3).serialize() * 20_000,
}


@pytest.mark.parametrize("flood", FLOODS)
async def test_a_flood_fills_no_memory_and_is_survived(kind: str, flood: str) -> None:
    async with serving(kind, {PATH: echoing(), "/test.Service/Linger": lingering}) as it:
        async with RawCaller(it.address) as caller:
            number = caller.new_stream()
            pairs = grpc_headers("/test.Service/Linger", it.address)
            await caller.send(caller.head(number, pairs) + data_frame(number, frame(b"")))
            await until(lambda: it.under_way == 1)
            with growth() as grown:
                reading = asyncio.create_task(caller.until_closed())
                await caller.send(FLOODS[flood]())
                await asyncio.wait((reading,), timeout=None if kind == "native" and flood in CUT_OFF else 0.05)
                reading.cancel()
            if (kind, flood) != ("library", "CONTINUATION"):  # of which grpcio keeps all
                assert grown.bytes < 16 * MIB
            await well(it)


CUT_OFF = FLOODS.keys() - {"SETTINGS that nobody knows"}
"""What our own server does not go along with."""


async def test_a_rapid_reset_reaches_no_handler_and_is_cut_off(kind: str) -> None:
    async with serving(kind, lingering) as it, RawCaller(it.address) as caller:
        with growth() as grown:
            reading = asyncio.create_task(caller.until_closed())
            for _ in range(60):
                await caller.send(
                    b"".join(
                        caller.request() + RstStreamFrame(2 * n + 1, error_code=8).serialize()
                        for n in range(caller._next // 2, caller._next // 2 + 50)  # pyright: ignore[reportPrivateUsage] - the streams to come
                    )
                )
            if kind == "native":
                farewell = await reading
                assert farewell is None or farewell.error_code == 11
            reading.cancel()
        assert grown.bytes < 24 * MIB
        await until(lambda: it.under_way == 0)
        if kind == "native":
            assert len(it.rpcs) < 1100


NEVER_READ: dict[str, Callable[[RawCaller], bytes]] = {
    "PING": lambda _: PING * 200,
    "SETTINGS": lambda _: SETTINGS * 200,
    "requests that are refused": lambda caller: b"".join(caller.request(path="/no/thing") for _ in range(20)),
}


@pytest.mark.parametrize("flood", NEVER_READ)
async def test_a_caller_that_asks_and_never_reads_fills_no_memory(kind: str, flood: str) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address) as caller:
        with growth() as grown:
            try:
                async with asyncio.timeout(1.0):
                    for _ in range(300):
                        await caller.send(NEVER_READ[flood](caller))
            except TimeoutError:
                pass  # nobody reads it any more
        assert grown.bytes < 24 * MIB
        await well(it)


async def test_a_flood_of_one_caller_does_not_stop_another(kind: str) -> None:
    async with serving(kind, echoing()) as it, RawCaller(it.address) as bad, GrpcCaller(it.address) as good:
        flooding = asyncio.create_task(bad.send(PING * 20_000))
        for _ in range(20):
            assert (await caller_ok(good))
        await flooding


async def caller_ok(caller: GrpcCaller) -> bool:
    return (await caller.call(PATH, b"fine", timeout_s=PATIENCE_S)).ok


@pytest.mark.parametrize("seed", range(6))
async def test_any_frames_are_answered_or_refused(kind: str, seed: int) -> None:
    dice = random.Random(seed)
    failures = list[object]()
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, context: failures.append(context))
    try:
        async with serving(kind, echoing()) as it:
            for _ in range(20):
                async with RawCaller(it.address) as caller:
                    await caller.send(_nonsense(caller, dice))
            await well(it)
    finally:
        loop.set_exception_handler(None)
    assert failures == []


def _nonsense(caller: RawCaller, dice: random.Random) -> bytes:
    made = list[bytes]()
    for _ in range(dice.randrange(1, 30)):
        payload = dice.randbytes(dice.choice([0, 1, 4, 5, 6, 8, 9, 40]))
        head = len(payload).to_bytes(3, "big") + bytes([dice.randrange(11), dice.randrange(256)])
        made += [
            caller.request() if dice.random() < 0.4 else b"",
            head + dice.choice([0, 1, 2, 3, 5, 99]).to_bytes(4, "big") + payload,
        ]
    return b"".join(made)


# Goodbyes


async def test_a_goodbye_is_said_twice_and_who_comes_between_is_served() -> None:
    async with serving("native", {PATH: echoing(), "/test.Service/Linger": lingering}) as it:
        async with RawCaller(it.address, acks=False) as caller:
            await caller.send(caller.request(path="/test.Service/Linger"))
            await until(lambda: it.under_way == 1)
            stopping = asyncio.create_task(it.server.stop(PATIENCE_S))
            first = await caller.read(lambda one: isinstance(one, GoAwayFrame))
            assert isinstance(first, GoAwayFrame)
            assert (first.last_stream_id, first.error_code) == (2**31 - 1, 0)
            ping = await caller.read(lambda one: isinstance(one, PingFrame))
            assert isinstance(ping, PingFrame)
            await caller.send(caller.request(message=b"late"))
            assert (await caller.answer(3)).messages == [b"late"]
            await caller.send(PingFrame(0, opaque_data=ping.opaque_data, flags=["ACK"]).serialize())
            last = await caller.read(lambda one: isinstance(one, GoAwayFrame))
            assert isinstance(last, GoAwayFrame)
            assert (last.last_stream_id, last.error_code) == (3, 0)
            await caller.send(caller.request(message=b"too late"))
            assert (await caller.answer(5)).reset_code == REFUSED
            await caller.send(RstStreamFrame(1, error_code=CANCEL).serialize())
            await caller.until_closed()
            await asyncio.wait_for(stopping, PATIENCE_S)


async def test_a_goodbye_that_is_not_answered_is_taken_as_heard() -> None:
    async with serving("native", echoing(), ping_answer_s=0.1) as it:
        async with RawCaller(it.address, acks=False) as caller:
            await caller.send(caller.request())
            await caller.answer(1)
            stopping = asyncio.create_task(it.server.stop(PATIENCE_S))
            await caller.until_closed()
            assert len([one for one in caller.frames if isinstance(one, GoAwayFrame)]) == 2
            await asyncio.wait_for(stopping, PATIENCE_S)


async def test_a_caller_that_hesitates_over_its_tail_gets_it_and_one_that_is_hurried_does_not(
    kind: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """All is written when the server begins to stop, and stands in its buffers, not in the kernel's."""
    monkeypatch.setattr(h2_closing, "LINGER_S", 0.05)
    for hurried in (False, True) if kind == "native" else (False,):
        async with serving(kind, streaming(lambda _: bytes(995), 60, 60), stream_buffer_bytes=8192) as it:
            slow = RawCaller(it.address, {4: MIB})
            slow.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
            async with slow as caller:
                await caller.open()
                await caller.send(caller.request())
                await until(lambda: bool(it.rpcs) and it.rpcs[0].sent == 60 and it.under_way == 0)
                stopping = asyncio.create_task(it.server.stop(PATIENCE_S))
                await asyncio.sleep(0.02)
                # The question whether it has heard the goodbye is answered unread.
                await caller.send(PingFrame(0, opaque_data=b"farewell", flags=["ACK"]).serialize())
                await asyncio.sleep(0.3)
                if hurried:
                    await asyncio.wait_for(it.server.stop(0), 2.0)
                    await asyncio.wait_for(stopping, 2.0)
                    continue
                answer = await caller.answer(1)
                assert (len(answer.messages), answer.status) == (60, 0)
                caller.socket.close()
                await asyncio.wait_for(stopping, PATIENCE_S / 2)
