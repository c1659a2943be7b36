"""An A2A 0.3 agent over JSON-RPC 2.0 and Server-Sent Events: what such agents looked like before 1.0.

    python -m examples.old_agent [--address 127.0.0.1:9998] [--pause 0.15]

It does what jsonrpc_agent.py does, in the older words: other methods, `kind` in every object, lower-case
states, bare results, `final` on the last update, and a card with one `url`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator

from examples.answers import AnsweringAgent, agent_card
from examples.jsonrpc_agent import JsonRpcAgent, main
from examples.jsonrpc_messages import read, read_history_length, read_message, write_event, write_task
from examples.model import Json


class OldAgent(JsonRpcAgent):
    """Translates the methods and objects of 0.3 at its edge, and is the same agent behind it."""

    def __init__(self, agent: AnsweringAgent, url: str) -> None:
        super().__init__(agent, url)
        self._card = old_card(url)
        self._methods = {
            "message/send": self._send_old,
            "message/stream": self._stream_old,
            "tasks/get": self._get_old,
            "tasks/cancel": self._cancel_old,
            "tasks/resubscribe": self._resubscribe_old,
        }

    async def _send_old(self, params: Json) -> Json:
        configuration = read(params, "configuration", dict, {})
        record = self._agent.receive(read_message(new_params(params)))
        if read(configuration, "blocking", bool, True):
            await record.rest()
        return old_task(write_task(record.task, read_history_length(configuration)))

    async def _stream_old(self, params: Json) -> AsyncIterator[Json]:
        record = self._agent.receive(read_message(new_params(params)))
        return (old_event(write_event(event)) async for event in record.follow())

    async def _resubscribe_old(self, params: Json) -> AsyncIterator[Json]:
        record = self._agent.tasks.find(read(params, "id", str, ""))
        return (old_event(write_event(event)) async for event in record.follow())

    async def _get_old(self, params: Json) -> Json:
        return old_task(await self._get_task(params))

    async def _cancel_old(self, params: Json) -> Json:
        return old_task(await self._cancel_task(params))


def new_params(params: Json) -> Json:
    message = read(params, "message", dict, {})
    role = f"ROLE_{read(message, 'role', str, 'unspecified').upper()}"
    return {**params, "message": {**message, "role": role}}


def old_event(event: Json) -> Json:
    if "task" in event:
        return old_task(event["task"])
    if "statusUpdate" in event:
        update: Json = event["statusUpdate"]
        status = old_status(update["status"])
        final = status["state"] in ("completed", "failed", "canceled", "rejected", "input-required")
        return {"kind": "status-update", **update, "status": status, "final": final}
    update = event["artifactUpdate"]
    return {"kind": "artifact-update", **update, "artifact": old_artifact(update["artifact"])}


def old_task(task: Json) -> Json:
    old = {"kind": "task", **task, "status": old_status(task["status"])}
    if "artifacts" in task:
        old["artifacts"] = [old_artifact(artifact) for artifact in task["artifacts"]]
    if "history" in task:
        old["history"] = [old_message(message) for message in task["history"]]
    return old


def old_status(status: Json) -> Json:
    old = {**status, "state": status["state"].removeprefix("TASK_STATE_").lower().replace("_", "-")}
    if "message" in status:
        old["message"] = old_message(status["message"])
    return old


def old_message(message: Json) -> Json:
    role = message["role"].removeprefix("ROLE_").lower()
    return {"kind": "message", **message, "role": role, "parts": old_parts(message["parts"])}


def old_artifact(artifact: Json) -> Json:
    return {**artifact, "parts": old_parts(artifact["parts"])}


def old_parts(parts: list[Json]) -> list[Json]:
    return [{"kind": "text", **part} for part in parts]


def old_card(url: str) -> Json:
    """The card in the form of 0.3: one address and what is spoken there."""
    card = agent_card(url, "JSONRPC")
    card.pop("supportedInterfaces")
    capabilities = {**card["capabilities"]}
    extended = capabilities.pop("extendedAgentCard", False)
    return {
        **card,
        "protocolVersion": "0.3.0",
        "url": url,
        "preferredTransport": "JSONRPC",
        "capabilities": capabilities,
        "supportsAuthenticatedExtendedCard": extended,
    }


if __name__ == "__main__":
    main(OldAgent, 9998)
