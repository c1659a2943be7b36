"""How gateways wake each other: NOTIFY with ids of tasks, and one connection that listens.

What is announced is already committed, so losing a notice costs a reader one `poll_s` and nothing
else. Notices leave on the listening connection and not in the transaction of what they tell of: a
transaction with a NOTIFY holds a lock of the whole server while its commit reaches the disk, and
appends of all tasks would queue for it. It also is how a gateway knows its own notices.
"""

import asyncio
import json
from collections.abc import Awaitable, Callable, Iterable, Iterator
from contextlib import suppress
from hashlib import blake2b
from typing import Protocol, cast

import asyncpg

PAYLOAD_BYTES = 7900
"""PostgreSQL takes 7,999."""
HEARTBEAT_S = 20.0
"""How long a connection may be silent before it is tried."""
BACKOFF_S = (0.1, 10.0)
"""Between tries to connect: the first, and the longest of the ones that double."""


class Wire(Protocol):
    """A connection of asyncpg, which has no types of its own, as far as it is used here."""

    async def fetchval(self, query: str) -> str | None: ...

    async def execute(self, query: str, *args: str) -> str: ...

    async def add_listener(self, channel: str, callback: Callable[[object, int, str, object], None]) -> None: ...

    def add_termination_listener(self, callback: Callable[[object], None]) -> None: ...

    def get_server_pid(self) -> int: ...

    def is_closed(self) -> bool: ...

    def terminate(self) -> None: ...


Connect = Callable[[], Awaitable[Wire]]


class Notices(Protocol):
    """Tells other gateways of what this one wrote, and hears them."""

    def watch(self, on_task: Callable[[str], None], on_command: Callable[[], None]) -> None: ...

    def open(self) -> None: ...

    async def close(self) -> None: ...

    def task(self, task_id: str) -> None:
        """Tells that a task has new events."""
        ...

    def command(self) -> None:
        """Tells that there is a command."""
        ...


class Silence:
    """Where the database cannot tell."""

    def watch(self, on_task: Callable[[str], None], on_command: Callable[[], None]) -> None:
        pass

    def open(self) -> None:
        pass

    async def close(self) -> None:
        pass

    def task(self, task_id: str) -> None:
        pass

    def command(self) -> None:
        pass


class Listening:
    """NOTIFY and LISTEN of PostgreSQL on a connection of its own, which comes back whenever it is lost."""

    def __init__(self, connect: Connect) -> None:
        self._connect = connect
        self._on_task: Callable[[str], None] = _nobody
        self._on_command: Callable[[], None] = _nobody
        self._tasks: dict[str, None] = {}
        self._command = False
        self._something = asyncio.Event()
        self._running: asyncio.Task[None] | None = None

    def watch(self, on_task: Callable[[str], None], on_command: Callable[[], None]) -> None:
        self._on_task, self._on_command = on_task, on_command

    def open(self) -> None:
        self._running = asyncio.create_task(self._run(), name="a2a-store-notices")

    async def close(self) -> None:
        if self._running is not None:
            self._running.cancel()
            with suppress(asyncio.CancelledError):
                await self._running

    def task(self, task_id: str) -> None:
        self._tasks[task_id] = None
        self._something.set()

    def command(self) -> None:
        self._command = True
        self._something.set()

    async def _run(self) -> None:
        first, longest = BACKOFF_S
        wait_s, missed = first, False
        while True:
            try:
                connection = await self._connect()
                try:
                    channel = await self._listen(connection)
                    if missed:
                        self._on_command()
                        self._on_task("")
                    wait_s, missed = first, True
                    await self._tell(connection, channel)
                finally:
                    connection.terminate()
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                missed = True
            await asyncio.sleep(wait_s)
            wait_s = min(wait_s * 2, longest)

    async def _listen(self, connection: Wire) -> str:
        schema = await connection.fetchval("SELECT current_schema()") or ""
        # A name of its own for every schema: deployments that share a database do not hear each other.
        channel = f"a2a_{blake2b(schema.encode(), digest_size=8).hexdigest()}"
        own = connection.get_server_pid()

        def hear(_: object, pid: int, __: str, payload: object) -> None:
            if pid == own:
                return
            for task_id in _ids_of(str(payload)):
                if task_id is None:
                    self._on_command()
                else:
                    self._on_task(task_id)

        def lost(_: object) -> None:
            self._something.set()

        await connection.add_listener(channel, hear)
        # For whoever looks at the server's list of connections.
        await connection.execute("SELECT set_config('application_name', $1, false)", f"a2a-gateway listens {schema}")
        connection.add_termination_listener(lost)
        return channel

    async def _tell(self, connection: Wire, channel: str) -> None:
        """Sends what there is to tell until the connection is lost."""
        while not connection.is_closed():
            if self._tasks or self._command:
                await self._send(connection, channel)
                continue
            self._something.clear()
            try:
                async with asyncio.timeout(HEARTBEAT_S):
                    await self._something.wait()
            except TimeoutError:
                await connection.execute("SELECT 1")

    async def _send(self, connection: Wire, channel: str) -> None:
        tasks, command = self._tasks, self._command
        self._tasks, self._command = {}, False
        try:
            for payload in _payloads([None, *tasks] if command else tasks):
                await connection.execute("SELECT pg_notify($1, $2)", channel, payload)
        except BaseException:
            self._tasks = tasks | self._tasks
            self._command |= command
            raise


def _payloads(ids: Iterable[str | None]) -> Iterator[str]:
    """JSON lists of ids (None: a command), each short enough for one notice."""
    pieces: list[str] = []
    size = 2
    for task_id in ids:
        piece = json.dumps(task_id, ensure_ascii=False)
        length = len(piece.encode()) + 1
        if pieces and size + length > PAYLOAD_BYTES:
            yield f"[{','.join(pieces)}]"
            pieces, size = [], 2
        pieces.append(piece)
        size += length
    if pieces:
        yield f"[{','.join(pieces)}]"


def _ids_of(payload: str) -> list[str | None]:
    """What a notice tells of; nothing where it is not one of ours."""
    try:
        ids: object = json.loads(payload)
    except ValueError:
        return []
    if not isinstance(ids, list):
        return []
    return [item for item in cast("list[object]", ids) if item is None or isinstance(item, str)]


def _nobody(*_: str) -> None:
    pass
