"""A JSON-RPC agent at the level of bytes: it answers each method by a script, well or badly.

No HTTP framework, so that nothing stops it from misbehaving. Requests are read one at a time with
Content-Length or chunked bodies; what came, when, and when the client went away is recorded. A
script that simply ends leaves a correct response and a connection that is kept alive.
"""

import asyncio
import json
from contextlib import suppress

from tests.fakes import events, steps
from tests.fakes.http_steps import JSON_HEAD, Ended, HttpExchange, Request, Script, Scripts, json_error, reply
from tests.fakes.loopback import Connection, Cut, Loopback

CARD_PATH = "/.well-known/agent-card.json"


class ScriptedHttpAgent(Loopback):
    """An agent on `url`; `scripts`, `card` and `cut` may be changed while it runs.

    `cut` ends every scripted response (not the card) after so many of its bytes. `advertised` is
    the URL in the card, for when something stands in front.
    """

    def __init__(
        self, scripts: Scripts, *, cut: Cut | None = None, card: Script | None = None, sndbuf_bytes: int | None = None
    ) -> None:
        super().__init__(sndbuf_bytes=sndbuf_bytes)
        self.scripts = scripts
        self.cut = cut
        self.card = card
        self.advertised: str | None = None
        self.requests: list[Request] = []

    @property
    def url(self) -> str:
        return f"http://{self.address}/"

    def calls(self, rpc: str) -> list[Request]:
        """The requests of one JSON-RPC method so far."""
        return [request for request in self.requests if request.rpc == rpc]

    async def call(self, rpc: str, number: int = 0, within_s: float = 5.0) -> Request:
        """The n-th request of a method, once it has come."""
        await steps.until(lambda: len(self.calls(rpc)) > number, within_s)
        return self.calls(rpc)[number]

    async def serve(self, connection: Connection) -> None:
        with suppress(Ended):
            while (request := await _read_request(connection)) is not None:
                self.requests.append(request)
                is_card = request.path.split("?")[0].endswith(CARD_PATH)
                exchange = HttpExchange(request, None if is_card else self.cut)
                try:
                    for step in self._card() if is_card else self._script(request):
                        await step(exchange)
                    await exchange.close_body()
                    request.completed = True
                finally:
                    request.finished.set()

    def _script(self, request: Request) -> Script:
        if callable(self.scripts):
            return self.scripts(request)
        missing: Script = (json_error(-32601, "no script for this method"),)
        return self.scripts.get(request.rpc, self.scripts.get("*", missing))

    def _card(self) -> Script:
        if self.card is not None:
            return self.card
        content = json.dumps(events.agent_card(self.advertised or self.url)).encode()
        return (reply(200, JSON_HEAD, content),)


async def _read_request(connection: Connection) -> Request | None:
    """The next request of a connection; None when the client is done."""
    reader = connection.reader
    try:
        lines = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
    except asyncio.IncompleteReadError:
        return None
    method, path, _ = lines[0].split(" ", 2)
    pairs = [line.partition(":") for line in lines[1:] if line]
    headers = tuple((name.strip().lower(), value.strip()) for name, _, value in pairs)
    named = dict(headers)
    if "chunked" in named.get("transfer-encoding", ""):
        content = await _read_chunks(reader)
    else:
        content = await reader.readexactly(int(named.get("content-length", "0")))
    now = asyncio.get_running_loop().time()
    return Request(method, path, headers, content, connection, now)


async def _read_chunks(reader: asyncio.StreamReader) -> bytes:
    content = b""
    while size := int((await reader.readuntil(b"\r\n")).split(b";")[0], 16):
        content += await reader.readexactly(size)
        await reader.readexactly(2)
    await reader.readuntil(b"\r\n")
    return content
