"""What a peer cannot make grow, and what opening a stream may not depend on."""

import struct

import h2.config
import h2.connection
import h2.errors
import h2.events
import pytest
from h2.exceptions import ProtocolError

from gateway.codec import http2
from gateway.codec.malformed import Malformed
from gateway.http2.inflow import FIRST, Inflow
from gateway.http2.machine import TABLE_BYTES, Machine
from gateway.http2.patience import PER_CONTENT, Abuse, Patience

REQUEST = [(":method", "POST"), (":scheme", "http"), (":path", "/a/b"), (":authority", "a")]


def serving() -> tuple[Machine, h2.connection.H2Connection]:
    """A machine of a server, and a client that has greeted it."""
    machine = Machine(client=False, window_bytes=70_000, header_bytes=8192, streams=10)
    machine.initiate_connection()
    client = h2.connection.H2Connection(h2.config.H2Configuration(client_side=True))
    client.initiate_connection()
    machine.receive_data(client.data_to_send())
    client.receive_data(machine.data_to_send())
    return machine, client


def told(machine: Machine, settings: dict[int, int]) -> None:
    machine.receive(http2.SETTINGS, 0, 0, b"".join(struct.pack(">HL", *setting) for setting in settings.items()))


@pytest.mark.parametrize("size", [0, 100, 4096, 65_536, 2**32 - 1])
def test_a_peer_does_not_make_our_table_larger_than_it_need_be(size: int) -> None:
    machine = Machine(client=True, window_bytes=70_000, header_bytes=8192)
    machine.initiate_connection()
    told(machine, {1: size})
    assert machine.encoder.header_table_size == min(size, TABLE_BYTES)
    for number in range(1, 2000, 2):
        machine.send_headers(number, [*REQUEST, (f"x-{number}", "v" * 50)])
        machine.forget(number)
    entries = machine.encoder.header_table.dynamic_entries
    assert sum(32 + len(name) + len(value) for name, value in entries) <= min(size, TABLE_BYTES)


def test_settings_that_nobody_knows_are_not_kept() -> None:
    machine, _ = serving()
    known = len(machine.remote_settings)
    for first in range(100, 60_000, 2000):
        told(machine, {first + number: 1 for number in range(2000)})
    assert len(machine.remote_settings) == known
    told(machine, {4: 99})
    assert machine.remote_settings.initial_window_size == 99


def test_settings_of_half_a_setting_are_malformed() -> None:
    machine, _ = serving()
    with pytest.raises(Malformed):
        machine.receive(http2.SETTINGS, 0, 0, b"12345")


def test_streams_that_are_over_are_forgotten() -> None:
    machine, client = serving()
    for number in range(1, 6001, 2):
        client.send_headers(number, REQUEST, end_stream=True)
        (event,) = [
            one for one in machine.receive_data(client.data_to_send()) if isinstance(one, h2.events.RequestReceived)
        ]
        assert event.stream_id == number
        machine.forget(number)
        client.reset_stream(number)
        client.clear_outbound_data_buffer()
    assert len(machine.streams) == 0
    assert len(machine._closed_streams) <= Machine.MAX_CLOSED_STREAMS  # pyright: ignore[reportPrivateUsage] - h2 tells it nowhere


def test_opening_a_stream_does_not_look_at_the_others() -> None:
    """h2 walks over all of them, so that a thousand cost five hundred thousand steps."""
    machine, client = serving()
    client.remote_settings.max_concurrent_streams = 10_000
    client.remote_settings.acknowledge()

    class Counted(dict[int, object]):
        walks = 0

        def items(self):  # type: ignore[no-untyped-def] # as a dict has it
            Counted.walks += 1
            return super().items()

    machine.streams = Counted()  # type: ignore[assignment]
    for number in range(1, 401, 2):
        client.send_headers(number, REQUEST, end_stream=True)
        machine.receive_data(client.data_to_send())
    assert (len(machine.streams), Counted.walks) == (200, 0)


def test_what_comes_late_on_a_stream_that_was_given_up_is_no_breach() -> None:
    machine, client = serving()
    client.send_headers(1, REQUEST)
    machine.receive_data(client.data_to_send())
    machine.reset_stream(1, h2.errors.ErrorCodes.CANCEL)
    machine.forget(1)
    client.send_headers(1, [("x-last", "1")], end_stream=True)
    machine.receive_data(client.data_to_send())
    client.send_headers(3, REQUEST)
    assert any(isinstance(one, h2.events.RequestReceived) for one in machine.receive_data(client.data_to_send()))


def test_a_header_bomb_is_refused() -> None:
    machine, client = serving()
    block = client.encoder.encode([*REQUEST, ("x-bomb", "v" * 3000)]) + client.encoder.encode([("x-bomb", "v" * 3000)]) * 100
    with pytest.raises(ProtocolError):
        machine.receive(http2.HEADERS, http2.END_HEADERS | http2.END_STREAM, 1, block)


# The window of a connection


def test_the_window_is_opened_anew_when_it_is_half_used() -> None:
    inflow = Inflow()
    assert http2.increment(inflow.opening()[9:]) == http2.MOST_WINDOW - FIRST
    inflow.receive(http2.MOST_WINDOW // 2)
    assert inflow.credit() == b""
    inflow.receive(10)
    assert http2.increment(inflow.credit()[9:]) == http2.MOST_WINDOW // 2 + 10
    assert inflow.credit() == b""


def test_what_is_left_over_has_an_end() -> None:
    inflow = Inflow()
    inflow.give_up(100)
    inflow.give_up(-5)
    inflow.stray(60, was_open=True)
    with pytest.raises(Malformed):
        inflow.stray(10, was_open=False)
    with pytest.raises(Malformed):
        inflow.stray(60, was_open=True)


# Patience


@pytest.mark.anyio
async def test_patience_ends_and_is_earned_by_content() -> None:
    patience = Patience(10)
    for _ in range(10):
        patience.spend(streams=1)
    patience.earn(3, streams=1)
    for _ in range(3):
        patience.spend(streams=1)
    with pytest.raises(Abuse):
        patience.spend(streams=1)


@pytest.mark.anyio
async def test_patience_is_not_saved_without_end() -> None:
    patience = Patience(10)
    for _ in range(1000):
        patience.earn(1000, streams=2)
    for _ in range(10 + 2 * PER_CONTENT):
        patience.spend(streams=2)
    with pytest.raises(Abuse):
        patience.spend(streams=2)
