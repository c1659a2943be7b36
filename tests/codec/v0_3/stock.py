"""What runs in a process of its own, where the a2a-sdk may register `a2a.v1` and `lf.a2a.v1` for itself.

`python stock.py definition MODULE` prints what a stock module defines; `python stock.py convert` reads
one JSON document of cases and prints what the SDK's own converters make of them.
"""

import importlib
import json
import sys
from collections.abc import Callable
from typing import Any

Json = Any


def definition(module: str) -> Json:
    """Messages with their fields, enums with their values, services with their methods."""
    file = importlib.import_module(module).DESCRIPTOR
    return {
        "package": file.package,
        "messages": {
            name: sorted([one.number, one.name, one.json_name, _type(one), _oneof(one)] for one in message.fields)
            for name, message in file.message_types_by_name.items()
        },
        "enums": {
            name: sorted([one.number, one.name] for one in enum.values)
            for name, enum in file.enum_types_by_name.items()
        },
        "services": {
            name: {
                method.name: [
                    method.input_type.full_name,
                    method.output_type.full_name,
                    method.client_streaming,
                    method.server_streaming,
                ]
                for method in service.methods
            }
            for name, service in file.services_by_name.items()
        },
    }


def _type(field: Any) -> Json:
    """The type as the wire and JSON have it; a map is a list of its entries."""
    named = field.message_type or field.enum_type
    if named is not None and field.message_type is not None and named.GetOptions().map_entry:
        return ["map", *(_type(entry) for entry in named.fields)]
    return [field.is_repeated, field.type, named.full_name if named else "", field.has_presence]


def _oneof(field: Any) -> str:
    return field.containing_oneof.name if field.containing_oneof else ""


# The SDK's converters: JSON dialect ⇄ 1.0, and JSON dialect ⇄ 0.3 protobuf


def convert(cases: Json) -> Json:
    """For each case `[direction, kind, value]` what the SDK makes of the value, or its error."""
    return [_outcome(*case) for case in cases]


def _outcome(direction: str, kind: str, value: Json) -> Json:
    try:
        return {"made": DIRECTIONS[direction](kind, value)}
    except Exception as error:
        return {"error": type(error).__name__}


def _kinds() -> dict[str, tuple[Any, Any, Callable[..., Any], Callable[..., Any], Any, Any, Any]]:
    from a2a.compat.v0_3 import a2a_v0_3_pb2 as wire
    from a2a.compat.v0_3 import conversions as c
    from a2a.compat.v0_3 import types as t
    from a2a.compat.v0_3.proto_utils import FromProto, ToProto
    from a2a.types import a2a_pb2 as v1

    def event(value: Any) -> Any:
        return t.SendStreamingMessageSuccessResponse(result=value)

    def send(value: Any) -> Any:
        return t.SendMessageRequest(id=1, params=value)

    # name: type of the JSON, type of 1.0, to 1.0, from 1.0, type of 0.3 protobuf, to it, from it
    return {
        "event": (
            t.SendStreamingMessageSuccessResponse.model_fields["result"].annotation,
            v1.StreamResponse,
            lambda value: c.to_core_stream_response(event(value)),
            lambda value: c.to_compat_stream_response(value).result,
            wire.StreamResponse,
            ToProto.stream_response,
            FromProto.stream_response,
        ),
        "task": (t.Task, v1.Task, c.to_core_task, c.to_compat_task, wire.Task, ToProto.task, FromProto.task),
        "send": (
            t.MessageSendParams,
            v1.SendMessageRequest,
            lambda value: c.to_core_send_message_request(send(value)),
            lambda value: c.to_compat_send_message_request(value, 1).params,
            wire.SendMessageRequest,
            lambda value: wire.SendMessageRequest(
                request=ToProto.message(value.message),
                configuration=ToProto.message_send_configuration(value.configuration),
                metadata=ToProto.metadata(value.metadata),
            ),
            FromProto.message_send_params,
        ),
        "webhook": (
            t.TaskPushNotificationConfig,
            v1.TaskPushNotificationConfig,
            c.to_core_task_push_notification_config,
            c.to_compat_task_push_notification_config,
            wire.TaskPushNotificationConfig,
            ToProto.task_push_notification_config,
            FromProto.task_push_notification_config,
        ),
        "card": (
            t.AgentCard,
            v1.AgentCard,
            c.to_core_agent_card,
            c.to_compat_agent_card,
            wire.AgentCard,
            ToProto.agent_card,
            FromProto.agent_card,
        ),
    }


def _to_json(kind: str, value: Json) -> Json:
    """1.0 to the JSON dialect."""
    from google.protobuf.json_format import ParseDict

    _, new, _, from_new, *_ = _kinds()[kind]
    return from_new(ParseDict(value, new())).model_dump(mode="json", by_alias=True, exclude_none=True)


def _from_json(kind: str, value: Json) -> Json:
    """The JSON dialect to 1.0."""
    from google.protobuf.json_format import MessageToDict

    return MessageToDict(_kinds()[kind][2](_parsed(kind, value)))


def _to_proto(kind: str, value: Json) -> Json:
    """1.0 to the ProtoJSON of 0.3."""
    from google.protobuf.json_format import MessageToDict, ParseDict

    _, new, _, from_new, _, to_wire, _ = _kinds()[kind]
    return MessageToDict(to_wire(from_new(ParseDict(value, new()))))


def _from_proto(kind: str, value: Json) -> Json:
    """The ProtoJSON of 0.3 to 1.0."""
    from google.protobuf.json_format import MessageToDict, ParseDict

    _, _, to_new, _, wire, _, from_wire = _kinds()[kind]
    return MessageToDict(to_new(from_wire(ParseDict(value, wire()))))


def _parsed(kind: str, value: Json) -> Any:
    from pydantic import TypeAdapter

    return TypeAdapter(_kinds()[kind][0]).validate_python(value)


DIRECTIONS: dict[str, Callable[[str, Json], Json]] = {
    "to json": _to_json,
    "from json": _from_json,
    "to proto": _to_proto,
    "from proto": _from_proto,
}


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["definition", module]:
            made = definition(module)
        case _:
            made = convert(json.load(sys.stdin))
    json.dump(made, sys.stdout)
