"""The published client of the delta extension as a caller of any A2A agent. Runs in its own environment, without gRPC."""

import asyncio
from typing import Any

import httpx
from a2a.client import A2ACardResolver, ClientConfig, ClientFactory
from a2a.client.client import ClientCallContext
from a2a.client.service_parameters import ServiceParametersFactory, with_a2a_extensions
from a2a.types import Message, Part, Role, SendMessageRequest, TaskState
from google.protobuf.json_format import MessageToDict
from kagenti_adk.a2a.extensions.streaming import StreamingExtensionClient, StreamingExtensionSpec

WITHIN_S = 30.0
URI = StreamingExtensionSpec.URI


def form(delta: Any) -> dict[str, Any]:
    """What its client yields, as JSON."""
    said: dict[str, Any] = {"type": type(delta).__name__}
    for name in type(delta).model_fields:
        value = getattr(delta, name)
        if name == "state":
            value = TaskState.Name(value)
        elif name in ("message", "event"):
            value = None if value is None else MessageToDict(value)
        said[name] = value
    return said


def streamed(ask: dict[str, Any]) -> dict[str, Any]:
    """Streams `text` to the agent whose card is at `url`, over `binding`, and asks for the extension if `speaks`.

    Gives the deltas that its client made of it, the task as its SDK has it in the end, and the error where it failed.
    """
    return asyncio.run(asyncio.wait_for(_streamed(**ask), WITHIN_S))


async def _streamed(url: str, binding: str, text: str, *, speaks: bool) -> dict[str, Any]:
    said: dict[str, Any] = {"deltas": [], "task": None, "error": ""}
    async with httpx.AsyncClient(timeout=WITHIN_S, trust_env=False) as http:
        card = await A2ACardResolver(http, url).get_agent_card()
        said["offered"] = URI in [extension.uri for extension in card.capabilities.extensions]
        config = ClientConfig(httpx_client=http, supported_protocol_bindings=[binding])
        client = ClientFactory(config).create(card)
        message = Message(message_id="said", role=Role.ROLE_USER, parts=[Part(text=text)])
        asked = ServiceParametersFactory.create([with_a2a_extensions([URI] if speaks else [])])
        events = client.send_message(
            SendMessageRequest(message=message), context=ClientCallContext(service_parameters=asked)
        )
        reader = StreamingExtensionClient(StreamingExtensionSpec())
        try:
            async for delta, task in reader.stream(events):
                said["deltas"].append(form(delta))
                said["task"] = None if task is None else MessageToDict(task)
        except Exception as error:
            said["error"] = f"{type(error).__name__}: {error}"
    return said
