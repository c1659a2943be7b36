"""A gRPC agent at the level of HTTP/2 frames, for what grpcio never does.

It answers each rpc by a script of `h2_steps`, over cleartext HTTP/2 with prior knowledge. Headers are
neither checked nor normalised, in or out: tests see what came as it came.
"""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import h2.config
import h2.connection
import h2.events
import h2.exceptions
from h2.settings import SettingCodes, Settings

from tests.fakes import steps
from tests.fakes.h2_steps import GRPC_HEAD, Ended, H2Call, H2Exchange, Script, Scripts, Session, headers
from tests.fakes.loopback import Connection, Cut, Loopback


class ScriptedH2Agent(Loopback):
    """An agent on `url`; `scripts` and `cut` may be changed while it runs.

    A script starts when its request is whole, or with its head where it answers `early`. One that
    ends leaves the stream as it is: a step must send the trailers. `settings` are those of HTTP/2;
    `piece_bytes` is how much is written at once.
    """

    def __init__(
        self,
        scripts: Scripts,
        *,
        cut: Cut | None = None,
        settings: Mapping[SettingCodes, int] | None = None,
        piece_bytes: int | None = None,
        early: bool = False,
    ) -> None:
        super().__init__()
        self.scripts = scripts
        self.cut = cut
        self.settings = settings or {}
        self.piece_bytes = piece_bytes
        self.early = early
        self.calls: list[H2Call] = []

    @property
    def url(self) -> str:
        return f"grpc://{self.address}"

    async def call(self, method: str, number: int = 0, within_s: float = 5.0) -> H2Call:
        """The n-th call of a method, once it has come."""
        await steps.until(lambda: sum(call.method == method for call in self.calls) > number, within_s)
        return [call for call in self.calls if call.method == method][number]

    async def serve(self, connection: Connection) -> None:
        config = h2.config.H2Configuration(
            client_side=False,
            header_encoding="latin-1",
            validate_inbound_headers=False,
            normalize_inbound_headers=False,
            validate_outbound_headers=False,
            normalize_outbound_headers=False,
        )
        session = Session(connection, h2.connection.H2Connection(config))
        session.h2.local_settings = Settings(client=False, initial_values=dict(self.settings))
        session.h2.initiate_connection()
        await session.flush()
        async with asyncio.TaskGroup() as scripts:
            running: dict[int, asyncio.Task[None]] = {}
            with suppress(ConnectionError, h2.exceptions.ProtocolError):
                while received := await connection.reader.read(65536):
                    for event in session.h2.receive_data(received):
                        await self._on(event, session, scripts, running)
                    await session.flush()
            for call in session.calls.values():
                _left(call)
            for script in running.values():
                script.cancel()

    async def _on(
        self,
        event: h2.events.Event,
        session: Session,
        scripts: asyncio.TaskGroup,
        running: dict[int, asyncio.Task[None]],
    ) -> None:
        match event:
            case h2.events.RequestReceived(stream_id=stream_id, headers=pairs):
                named = [(_text(name), _text(value)) for name, value in pairs]
                call = H2Call(stream_id, named, session.connection, asyncio.get_running_loop().time())
                session.calls[stream_id] = call
                self.calls.append(call)
                if self.early:
                    running[stream_id] = scripts.create_task(self._answer(session, call))
            case h2.events.DataReceived(stream_id=stream_id, data=piece, flow_controlled_length=length):
                session.calls[stream_id].body += piece
                session.h2.acknowledge_received_data(length, stream_id)
            case h2.events.StreamEnded(stream_id=stream_id) if not self.early:
                running[stream_id] = scripts.create_task(self._answer(session, session.calls[stream_id]))
            case h2.events.StreamReset(stream_id=stream_id, error_code=code):
                session.calls[stream_id].reset_code = int(code)
                _left(session.calls[stream_id])
                if script := running.get(stream_id):
                    script.cancel()
            case h2.events.WindowUpdated() | h2.events.RemoteSettingsChanged():
                async with session.window_moved:
                    session.window_moved.notify_all()
            case _:
                pass

    async def _answer(self, session: Session, call: H2Call) -> None:
        exchange = H2Exchange(call, session, self.cut, self.piece_bytes)
        try:
            for step in self._script(call):
                await step(exchange)
            call.completed = True
        except Ended:
            call.completed = not call.cancelled.is_set()
        except ConnectionError:
            _left(call)
        finally:
            call.finished.set()

    def _script(self, call: H2Call) -> Script:
        if callable(self.scripts):
            return self.scripts(call)
        missing: Script = (headers([*GRPC_HEAD, ("grpc-status", "12")], end=True),)
        return self.scripts.get(call.method, self.scripts.get("*", missing))


def _left(call: H2Call) -> None:
    """The client gave up a call that was still being answered."""
    if not call.completed:
        call.cancelled_at = call.cancelled_at or asyncio.get_running_loop().time()
        call.cancelled.set()


def _text(value: str | bytes) -> str:
    return value.decode("latin-1") if isinstance(value, bytes) else value
