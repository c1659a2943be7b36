"""R12: the answers that no agent should give, as scripts; `tables.REPLIES` says what must come of each.

The names follow the conformance suites for unexpected replies. gRPC ones are HTTP/2 frames, HTTP ones
bytes of HTTP/1.1.
"""

import json

from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import h2_steps, http_steps
from tests.fakes.events import COMPLETED, Json, bare_task, event_bytes, status, task, to_wire

HTML = b"<html><body>Bad gateway</body></html>"
TASK = to_wire(a2a.Task, bare_task(state=COMPLETED))
"""A good answer to GetTask and CancelTask."""
FIRST, LAST = event_bytes(task()), event_bytes(status(COMPLETED))

_JSON: http_steps.Headers = http_steps.JSON_HEAD
_HTML: http_steps.Headers = (("content-type", "text/html"),)


def _envelope(**members: Json | str | int | None) -> bytes:
    return json.dumps({"jsonrpc": "2.0", **members}).encode()


GRPC: dict[str, h2_steps.Script] = {
    "missing grpc-status": [h2_steps.headers(), h2_steps.message(TASK, end=True)],
    "missing grpc-status in the trailers": [
        h2_steps.headers(),
        h2_steps.message(TASK),
        h2_steps.trailers([("x-other", "1")]),
    ],
    "two unary replies": [h2_steps.headers(), h2_steps.message(TASK), h2_steps.message(TASK), h2_steps.trailers()],
    "no unary reply": [h2_steps.headers(), h2_steps.trailers()],
    "200 and HTML": [
        h2_steps.headers([(":status", "200"), ("content-type", "text/html")]),
        h2_steps.data(HTML, end=True),
    ],
    "502 and JSON": [
        h2_steps.headers([(":status", "502"), ("content-type", "application/json")]),
        h2_steps.data(b'{"error": "bad gateway"}', end=True),
    ],
    "wrong content type": [
        h2_steps.headers([(":status", "200"), ("content-type", "application/json")]),
        h2_steps.message(TASK),
        h2_steps.trailers(),
    ],
    "compressed without an encoding": [
        h2_steps.headers(),
        h2_steps.message(TASK, compressed=True),
        h2_steps.trailers(),
    ],
    "message shorter than its prefix": [
        h2_steps.headers(),
        h2_steps.message(TASK, claimed_bytes=len(TASK) + 5),
        h2_steps.trailers(),
    ],
    "message that is not protobuf": [h2_steps.headers(), h2_steps.message(b"\xff\xff\xff"), h2_steps.trailers()],
    "status text of 18 kB": [
        h2_steps.headers(),
        h2_steps.trailers([("grpc-status", "5"), ("grpc-message", "x" * 18_000)]),
    ],
    "status that is no number": [h2_steps.headers(), h2_steps.trailers([("grpc-status", "bad")])],
}

HTTP: dict[str, http_steps.Script] = {
    "200 and HTML": [http_steps.reply(200, _HTML, HTML)],
    "502 and HTML": [http_steps.reply(502, _HTML, HTML)],
    "502 and JSON": [http_steps.reply(502, _JSON, b'{"error": "bad gateway"}')],
    "wrong content type": [http_steps.reply(200, (("content-type", "text/plain"),), b"done")],
    "compressed without an encoding": [http_steps.reply(200, (*_JSON, ("content-encoding", "gzip")), b"not gzip")],
    "not JSON": [http_steps.reply(200, _JSON, b'{"jsonrpc": "2.0", "id": 1, "result": {')],
    "neither result nor error": [http_steps.reply(200, _JSON, _envelope(id=1))],
    "another call's id": [http_steps.reply(200, _JSON, _envelope(id="another", result=bare_task()))],
    "body shorter than its length": [
        http_steps.head(200, (*_JSON, ("content-length", "500")), chunked=False),
        http_steps.body(b'{"jsonrpc": "2.0"'),
        http_steps.fin(),
    ],
    "204": [http_steps.raw(b"HTTP/1.1 204 No Content\r\n\r\n")],
}
