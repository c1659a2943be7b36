"""What the JSON-RPC example agent has beyond its operations: HTTP, envelope, public card."""

import httpx
import pytest

pytestmark = pytest.mark.timeout(20)


def test_the_public_card_names_the_agents_own_address(jsonrpc_url: str) -> None:
    card = httpx.get(f"{jsonrpc_url}/.well-known/agent-card.json").json()
    assert card["supportedInterfaces"] == [
        {"url": f"{jsonrpc_url}/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}
    ]


def test_event_streams_are_not_held_up_on_the_way(jsonrpc_url: str) -> None:
    body = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "SendStreamingMessage",
        "params": {
            "message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "Hello"}]}
        },
    }
    headers = httpx.post(jsonrpc_url, json=body).headers
    assert headers["content-type"].partition(";")[0] == "text/event-stream"
    assert headers["cache-control"] == "no-cache"
    assert headers["x-accel-buffering"] == "no"


ENVELOPES = [
    ("not JSON", b"{", None, -32700),
    ("half a surrogate pair", rb'{"jsonrpc": "2.0", "id": "\ud800", "method": "X"}', None, -32700),
    ("a batch", b"[]", None, -32600),
    ("another version", b'{"jsonrpc": "1.0", "id": 1, "method": "GetTask"}', None, -32600),
    ("no method", b'{"jsonrpc": "2.0", "id": 1}', None, -32600),
    ("unknown method", b'{"jsonrpc": "2.0", "id": 1, "method": "message/send"}', 1, -32601),
    (
        "params in a list",
        b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": []}',
        1,
        -32602,
    ),
    (
        "member of a wrong type",
        b'{"jsonrpc": "2.0", "id": 1, "method": "GetTask", "params": {"id": 7}}',
        1,
        -32602,
    ),
    (
        "unknown state",
        b'{"jsonrpc": "2.0", "id": 1, "method": "ListTasks", "params": {"status": "DONE"}}',
        1,
        -32602,
    ),
    (
        "date without a zone",
        b'{"jsonrpc": "2.0", "id": 1, "method": "ListTasks",'
        b' "params": {"statusTimestampAfter": "2026-01-01T00:00:00"}}',
        1,
        -32602,
    ),
]


@pytest.mark.parametrize(
    ("body", "call_id", "code"), [row[1:] for row in ENVELOPES], ids=[row[0] for row in ENVELOPES]
)
def test_malformed_json_rpc(jsonrpc_url: str, body: bytes, call_id: int | None, code: int) -> None:
    response = httpx.post(jsonrpc_url, content=body)
    assert response.status_code == 200
    assert response.json()["id"] == call_id
    assert response.json()["error"]["code"] == code
