"""A webhook on loopback, byte by byte: it notes what it was posted and answers what it is told to."""

import asyncio
import json
import ssl
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass
from ipaddress import IPv4Network
from typing import Any

from gateway.settings import PushSettings
from gateway.tasks.push.guard import Guard
from gateway.tasks.push.sender import Sender
from tests.fakes.loopback import Connection, Loopback

LOOPBACK = IPv4Network("127.0.0.0/8")
SECRET = "canary-7f3a9c"

Answer = Callable[[Connection], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class Posted:
    line: str
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def raw(text: bytes) -> Answer:
    async def answer(connection: Connection) -> None:
        await connection.write(text)

    return answer


def status(code: int, *headers: str) -> Answer:
    lines = "".join(f"{header}\r\n" for header in headers)
    return raw(f"HTTP/1.1 {code} x\r\n{lines}Content-Length: 2\r\n\r\nok".encode())


async def silent(connection: Connection) -> None:
    await connection.gone.wait()


def endless(head: bytes, piece: bytes) -> Answer:
    async def answer(connection: Connection) -> None:
        await connection.write(head)
        while not connection.gone.is_set():
            await connection.write(piece)
            await asyncio.sleep(0)

    return answer


class Webhook(Loopback):
    """Answers by script, one entry a POST, the last one for ever; 200 without one."""

    def __init__(self, *script: Answer) -> None:
        super().__init__()
        self.posts: list[Posted] = []
        self._script = list(script)
        self._news = asyncio.Condition()

    @property
    def url(self) -> str:
        return f"http://{self.address}/hook"

    async def serve(self, connection: Connection) -> None:
        head = (await connection.reader.readuntil(b"\r\n\r\n")).decode()
        line, *fields = head.strip().split("\r\n")
        headers = {name.lower(): value for name, value in (field.split(": ", 1) for field in fields)}
        body = await connection.reader.readexactly(int(headers["content-length"]))
        async with self._news:
            self.posts.append(Posted(line, headers, body))
            self._news.notify_all()
        answer = status(200) if not self._script else self._script[0]
        if len(self._script) > 1:
            del self._script[0]
        await answer(connection)

    def answer_with(self, *script: Answer) -> None:
        """What is answered from now on."""
        self._script = list(script)

    async def posted(self, count: int) -> list[Posted]:
        """The posts once there are so many."""
        async with asyncio.timeout(10), self._news:
            await self._news.wait_for(lambda: len(self.posts) >= count)
        return self.posts


class Canary(Loopback):
    """Must never be connected to."""

    async def serve(self, connection: Connection) -> None:
        await connection.gone.wait()

    @property
    def hits(self) -> int:
        return len(self.connections)


class Names:
    """A name server: every look-up of a host takes the next of its answers, the last one for ever."""

    def __init__(self, **hosts: Sequence[Sequence[str]]) -> None:
        self.asked: list[str] = []
        self._answers = {host.replace("__", "."): list(answers) for host, answers in hosts.items()}

    async def __call__(self, host: str, port: int) -> Sequence[str]:
        self.asked.append(host)
        answers = self._answers.get(host)
        if not answers:
            raise OSError("no such host")
        return answers.pop(0) if len(answers) > 1 else answers[0]


def settings(**changes: Any) -> PushSettings:
    """Settings for webhooks on loopback, in a hurry."""
    quick = {
        "allow_networks": (LOOPBACK,),
        "allow_http": True,
        "timeout_s": 5.0,
        "retry_s": 0.01,
        "retry_max_s": 0.02,
        "pace_s": 0.01,
    }
    return PushSettings.model_validate({**quick, **changes})


NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
"""Trusts nobody."""


def sender(chosen: PushSettings, names: Names | None = None) -> Sender:
    return Sender(chosen, Guard(chosen, names or Names()), NO_TLS)
