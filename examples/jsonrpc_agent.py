"""An A2A 1.0 agent over JSON-RPC 2.0 and Server-Sent Events: plain Starlette, plain dicts, no SDK.

    python -m examples.jsonrpc_agent [--address 127.0.0.1:9999] [--pause 0.15]

`listening on http://HOST:PORT` says when and where it is ready; port 0 takes any free port. What
the agent does is in answers.py; here it only speaks JSON-RPC (specification section 9).
"""

from __future__ import annotations

import argparse
import asyncio
import json
import signal
import socket
from collections.abc import AsyncIterator

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response, StreamingResponse
from starlette.routing import Route

from examples.answers import AnsweringAgent, agent_card
from examples.jsonrpc_messages import (
    read,
    read_history_length,
    read_message,
    read_query,
    write_event,
    write_task,
)
from examples.model import ERROR_DOMAIN, A2AError, Json, Reason

PARSE_ERROR, INVALID_REQUEST, METHOD_NOT_FOUND = -32700, -32600, -32601

ERROR_CODES = {
    Reason.TASK_NOT_FOUND: -32001,
    Reason.TASK_NOT_CANCELABLE: -32002,
    Reason.PUSH_NOTIFICATION_NOT_SUPPORTED: -32003,
    Reason.UNSUPPORTED_OPERATION: -32004,
    Reason.CONTENT_TYPE_NOT_SUPPORTED: -32005,
    Reason.INVALID_PARAMS: -32602,
}

SSE_HEADERS = {"cache-control": "no-cache", "x-accel-buffering": "no"}


class JsonRpcAgent:
    """Reads the params of a method, asks the agent, writes what it answers."""

    def __init__(self, agent: AnsweringAgent, url: str) -> None:
        self._agent = agent
        self._card = agent_card(url, "JSONRPC")
        self._methods = {
            "SendMessage": self._send_message,
            "SendStreamingMessage": self._send_streaming_message,
            "GetTask": self._get_task,
            "ListTasks": self._list_tasks,
            "CancelTask": self._cancel_task,
            "SubscribeToTask": self._subscribe_to_task,
            "CreateTaskPushNotificationConfig": self._refuse_push,
            "GetTaskPushNotificationConfig": self._refuse_push,
            "ListTaskPushNotificationConfigs": self._refuse_push,
            "DeleteTaskPushNotificationConfig": self._refuse_push,
            "GetExtendedAgentCard": self._get_extended_agent_card,
        }

    async def serve_card(self, request: Request) -> Response:
        return JSONResponse(self._card, headers={"cache-control": "max-age=60"})

    async def serve_rpc(self, request: Request) -> Response:
        """One JSON-RPC call: an event stream where the method streams, else one JSON body."""
        try:
            call = json.loads(await request.body())
            json.dumps(call, ensure_ascii=False).encode()  # fails on half of a surrogate pair
        except (ValueError, RecursionError):
            return refusal(None, PARSE_ERROR, "Invalid JSON payload")
        match call:
            case {"jsonrpc": "2.0", "method": str(name), "id": str() | int() | None as call_id}:
                pass
            case _:
                return refusal(None, INVALID_REQUEST, "Request payload validation error")
        method = self._methods.get(name)
        if method is None:
            return refusal(call_id, METHOD_NOT_FOUND, "Method not found")
        try:
            result = await method(read(call, "params", dict, {}))
        except A2AError as error:
            return refusal(call_id, ERROR_CODES[error.reason], error.message, error.reason)
        if isinstance(result, dict):
            return JSONResponse({"jsonrpc": "2.0", "id": call_id, "result": result})
        return StreamingResponse(
            server_sent_events(call_id, result), media_type="text/event-stream", headers=SSE_HEADERS
        )

    async def _send_message(self, params: Json) -> Json:
        configuration = read(params, "configuration", dict, {})
        history_length = read_history_length(configuration)
        return_immediately = read(configuration, "returnImmediately", bool, False)
        record = self._agent.receive(read_message(params))
        if not return_immediately:
            await record.rest()
        return {"task": write_task(record.task, history_length)}

    async def _send_streaming_message(self, params: Json) -> AsyncIterator[Json]:
        history_length = read_history_length(read(params, "configuration", dict, {}))
        record = self._agent.receive(read_message(params))
        # follow() is called here and now: it fails, or it fixes where the stream begins.
        return (write_event(event, history_length) async for event in record.follow())

    async def _subscribe_to_task(self, params: Json) -> AsyncIterator[Json]:
        record = self._agent.tasks.find(read(params, "id", str, ""))
        return (write_event(event) async for event in record.follow())

    async def _get_task(self, params: Json) -> Json:
        history_length = read_history_length(params)
        return write_task(self._agent.tasks.find(read(params, "id", str, "")).task, history_length)

    async def _list_tasks(self, params: Json) -> Json:
        page = self._agent.tasks.page(read_query(params))
        return {
            "tasks": [write_task(task) for task in page.tasks],
            "nextPageToken": page.next_page_token,
            "pageSize": page.page_size,
            "totalSize": page.total_size,
        }

    async def _cancel_task(self, params: Json) -> Json:
        record = self._agent.tasks.find(read(params, "id", str, ""))
        record.cancel()
        return write_task(record.task)

    async def _get_extended_agent_card(self, params: Json) -> Json:
        return self._card

    async def _refuse_push(self, params: Json) -> Json:
        raise A2AError(
            Reason.PUSH_NOTIFICATION_NOT_SUPPORTED, "this agent sends no push notifications"
        )


def refusal(call_id: str | int | None, code: int, message: str, reason: str = "") -> Response:
    error: Json = {"code": code, "message": message}
    if reason:
        kind = "type.googleapis.com/google.rpc.ErrorInfo"
        error["data"] = [{"@type": kind, "reason": reason, "domain": ERROR_DOMAIN}]
    return JSONResponse({"jsonrpc": "2.0", "id": call_id, "error": error})


async def server_sent_events(
    call_id: str | int | None, results: AsyncIterator[Json]
) -> AsyncIterator[str]:
    async for result in results:
        envelope = {"jsonrpc": "2.0", "id": call_id, "result": result}
        yield f"data: {json.dumps(envelope, separators=(',', ':'))}\n\n"


async def serve(make: type[JsonRpcAgent], address: str, pause_s: float) -> None:
    host, _, port = address.rpartition(":")
    family, kind, protocol, _, place = socket.getaddrinfo(
        host.strip("[]"), port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
    )[0]
    with socket.socket(family, kind, protocol) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(place)
        listener.listen(128)
        url = f"http://{host}:{listener.getsockname()[1]}"
        agent = make(AnsweringAgent(pause_s), f"{url}/")
        app = Starlette(
            routes=[
                Route("/.well-known/agent-card.json", agent.serve_card),
                Route("/", agent.serve_rpc, methods=["POST"]),
            ]
        )
        server = uvicorn.Server(
            uvicorn.Config(app, log_level="warning", timeout_graceful_shutdown=1)
        )
        print(f"listening on {url}", flush=True)
        await server.serve(sockets=[listener])


def main(make: type[JsonRpcAgent] = JsonRpcAgent, port: int = 9999) -> None:
    parser = argparse.ArgumentParser(description="An A2A agent over JSON-RPC and SSE.")
    parser.add_argument("--address", default=f"127.0.0.1:{port}", metavar="HOST:PORT")
    parser.add_argument("--pause", type=float, default=0.15, metavar="SECONDS")
    arguments = parser.parse_args()
    # uvicorn stops on these signals by itself, and then raises them again for those it stopped.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, signal.SIG_IGN)
    asyncio.run(serve(make, arguments.address, arguments.pause))


if __name__ == "__main__":
    main()
