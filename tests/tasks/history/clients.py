"""Clients that come back: what each was told, session by session, is what the checker judges."""

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.fakes.events import Json
from tests.tasks.asking import JsonRpc, Opened, Refused, Seen, send, state_of, task_of
from tests.tasks.history.gateways import GatewayProcess

TERMINAL = ("COMPLETED", "FAILED", "CANCELED", "REJECTED")
PAUSE_S = 0.02
"""Before coming back to a gateway that was not there."""
GONE = (OSError, EOFError, StopAsyncIteration)


@dataclass(slots=True)
class Told:
    """What one client was told of a task, over all its sessions."""

    name: str
    task_id: str = ""
    seen: list[Seen] = field(default_factory=list[Seen])
    sessions: int = 0
    was_over: bool = False
    """It was told that the task is over and there is nothing to follow."""
    errors: list[str] = field(default_factory=list[str])

    @property
    def cursor(self) -> str:
        return next((seen.cursor for seen in reversed(self.seen) if seen.cursor), "")

    @property
    def is_done(self) -> bool:
        return self.was_over or any(seen.state in TERMINAL for seen in self.seen[-1:])


class Reader:
    """Follows one task to its end, however often it is cut off or goes away itself."""

    def __init__(self, gateways: Sequence[GatewayProcess], dice: random.Random, name: str) -> None:
        self.told = Told(name)
        self._gateways = gateways
        self._dice = dice
        self._calm = False

    def calm(self) -> None:
        """From now on it reads without playing tricks."""
        self._calm = True

    async def begin(self, text: str) -> None:
        """Begins a task and reads on. Where the answer is lost there is nothing to judge."""
        gateway = self._dice.choice(self._gateways)
        async with JsonRpc(gateway) as caller:
            try:
                opened = await caller.open("SendStreamingMessage", send(text))
                self._note(await anext(opened))
                await self._read(opened)
            except (*GONE, Refused) as error:
                self.told.errors.append(repr(error))
        if self.told.task_id:
            await self.follow(self.told.task_id)

    async def follow(self, task_id: str) -> None:
        self.told.task_id = task_id
        while not self.told.is_done:
            gateway = self._dice.choice(self._gateways)
            headers = {"last-event-id": self.told.cursor} if self.told.cursor else {}
            async with JsonRpc(gateway, rcvbuf_bytes=self._dice.choice((None, None, 4096))) as caller:
                try:
                    opened = await caller.open("SubscribeToTask", {"id": task_id}, headers)
                    self.told.sessions += 1
                    await self._read(opened)
                except Refused as error:
                    self.told.errors.append(repr(error))
                    self.told.was_over = error.reason == "UNSUPPORTED_OPERATION"
                    _check(error, "UNSUPPORTED_OPERATION", "UNAVAILABLE", "OUT_OF_RANGE")
                    await asyncio.sleep(PAUSE_S)
                except GONE as error:
                    self.told.errors.append(repr(error))
                    await asyncio.sleep(PAUSE_S)

    async def _read(self, opened: Opened) -> None:
        leaves_after = self._dice.randint(0, 40) if self._dice.random() < 0.6 else 10**9
        async for seen in opened:
            self._note(seen)
            if self._calm:
                continue
            if leaves_after <= 0:
                return
            leaves_after -= 1
            if self._dice.random() < 0.02:
                await asyncio.sleep(self._dice.uniform(0, 0.15))

    def _note(self, seen: Seen) -> None:
        self.told.seen.append(seen)
        self.told.task_id = seen.task_id


class Talker:
    """Answers a task that asks, through any gateway; notes which answers were taken."""

    def __init__(self, gateways: Sequence[GatewayProcess], dice: random.Random, name: str) -> None:
        self.task_id = ""
        self.taken: list[str] = []
        """Messages whose answer came: the worker has them."""
        self.unsure: list[str] = []
        self.refused: list[str] = []
        self._gateways = gateways
        self._dice = dice
        self._name = name

    async def talk(self, text: str) -> None:
        try:
            self.task_id = str(task_of(await self._call("SendMessage", send(text)))["id"])
        except (*GONE, Refused):
            return
        for number in range(10_000):
            task = await self._standing()
            if state_of(task) in TERMINAL:
                return
            if state_of(task) != "INPUT_REQUIRED":
                await asyncio.sleep(PAUSE_S)
                continue
            word = f"{self._name}-{number}"
            try:
                quick: Json = {"returnImmediately": self._dice.random() < 0.5}
                await self._call("SendMessage", send(word, taskId=self.task_id, configuration=quick))
                self.taken.append(word)
            except Refused as error:
                (self.refused if error.reason == "UNSUPPORTED_OPERATION" else self.unsure).append(word)
            except GONE:
                self.unsure.append(word)

    async def _standing(self) -> Json:
        while True:
            try:
                return await self._call("GetTask", {"id": self.task_id})
            except Refused as error:
                _check(error, "UNAVAILABLE")
                await asyncio.sleep(PAUSE_S)
            except GONE:
                await asyncio.sleep(PAUSE_S)

    async def _call(self, rpc: str, request: Json) -> Json:
        async with JsonRpc(self._dice.choice(self._gateways)) as caller:
            return await caller.call(rpc, request)


def _check(refused: Refused, *expected: str) -> None:
    assert refused.reason in expected, refused


async def cancel(gateways: Sequence[GatewayProcess], dice: random.Random, task_id: str) -> bool | None:
    """Cancels a task; whether it was canceled, None where the answer is lost."""
    async with JsonRpc(dice.choice(gateways)) as caller:
        try:
            return state_of(await caller.call("CancelTask", {"id": task_id})) == "CANCELED"
        except Refused as error:
            return False if error.reason == "TASK_NOT_CANCELABLE" else None
        except GONE:
            return None
