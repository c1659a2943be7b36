"""Our protocol definition against the one that the a2a-sdk ships: the same wire, name by name and number by number.

The SDK's modules cannot be loaded beside other copies of the protocol, so this file is also a
program that prints what the SDK's descriptor says.
"""

import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from google.protobuf import descriptor_pb2

from gateway.codec.required import REQUIRED
from gateway.operations import OPERATIONS, SERVICE
from generated.a2a.v1 import a2a_pb

Facts = dict[str, Any]


def facts(file: descriptor_pb2.FileDescriptorProto) -> Facts:
    """Everything about a definition that shows on a wire, by full name."""
    return {
        "package": file.package,
        "syntax": file.syntax,
        "messages": dict(_messages(file.package, file.message_type)),
        "enums": {
            enum.name: {
                "values": {value.name: value.number for value in enum.value},
                "alias": enum.options.allow_alias,
            }
            for enum in file.enum_type
        },
        "services": {
            f"{file.package}.{service.name}": {
                rpc.name: [rpc.input_type, rpc.output_type, rpc.client_streaming, rpc.server_streaming]
                for rpc in service.method
            }
            for service in file.service
        },
        "extensions": [extension.name for extension in file.extension],
    }


def _messages(prefix: str, messages: Any) -> Iterator[tuple[str, Facts]]:
    for message in messages:
        name = f"{prefix}.{message.name}"
        oneofs = [oneof.name for oneof in message.oneof_decl]
        yield (
            name,
            {
                "map_entry": message.options.map_entry,
                "oneofs": sorted(oneofs),
                "enums": [enum.name for enum in message.enum_type],
                "fields": {
                    field.name: {
                        "number": field.number,
                        "type": field.type,
                        "type_name": field.type_name,
                        "label": field.label,
                        "json_name": field.json_name or _json_name(field.name),
                        "oneof": oneofs[field.oneof_index] if field.HasField("oneof_index") else None,
                        "proto3_optional": field.proto3_optional,
                        "packed": field.options.packed if field.options.HasField("packed") else None,
                        "deprecated": field.options.deprecated,
                    }
                    for field in message.field
                },
            },
        )
        yield from _messages(name, message.nested_type)


def _json_name(name: str) -> str:
    """What protobuf makes of a name where the descriptor, as the stock modules hold it, leaves it out."""
    first, *words = name.split("_")
    return first + "".join(word[:1].upper() + word[1:] for word in words)


def _said_by_the_sdk() -> Facts:
    from a2a.types import a2a_pb2
    from google.api import field_behavior_pb2

    file = descriptor_pb2.FileDescriptorProto()
    a2a_pb2.DESCRIPTOR.CopyToProto(file)
    required = {
        message.name: [
            field.name
            for field in message.field
            if field_behavior_pb2.REQUIRED in field.options.Extensions[field_behavior_pb2.field_behavior]
        ]
        for message in file.message_type
    }
    return {"file": facts(file), "required": {name: fields for name, fields in required.items() if fields}}


@pytest.fixture(scope="module")
def sdk() -> Facts:
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-m", "tests.test_protos"], cwd=root, capture_output=True, text=True, timeout=50, check=True
    )
    said: Facts = json.loads(done.stdout)
    return said


@pytest.fixture(scope="module")
def ours() -> Facts:
    file = descriptor_pb2.FileDescriptorProto.FromString(a2a_pb.desc().proto.to_binary())
    through_json: Facts = json.loads(json.dumps(facts(file)))
    return through_json


@pytest.mark.parametrize("what", ["package", "syntax", "enums", "services", "extensions"])
def test_the_definition_is_the_sdk_s(what: str, ours: Facts, sdk: Facts) -> None:
    assert ours[what] == sdk["file"][what]


def test_the_messages_are_the_sdk_s(ours: Facts, sdk: Facts) -> None:
    mine, theirs = ours["messages"], sdk["file"]["messages"]
    assert set(mine) == set(theirs)
    assert {name: mine[name] for name in mine if mine[name] != theirs[name]} == {}


def test_there_is_something_to_compare(sdk: Facts) -> None:
    messages = sdk["file"]["messages"]
    assert len(messages) > 45
    assert sum(len(message["fields"]) for message in messages.values()) > 180
    assert messages["lf.a2a.v1.ListTaskPushNotificationConfigsRequest"]["fields"]["tenant"]["number"] == 4
    assert messages["lf.a2a.v1.GetTaskRequest"]["fields"]["history_length"]["proto3_optional"] is True


def test_what_is_required_is_what_the_sdk_marks(sdk: Facts) -> None:
    table = {message_type.desc().name: list(fields) for message_type, fields in REQUIRED.items()}
    assert table == sdk["required"]


def test_the_table_of_operations_is_the_service(sdk: Facts) -> None:
    table = {
        operation.name: [
            f".{operation.request.desc().type_name}",
            f".{operation.response.desc().type_name}",
            False,
            operation.streams,
        ]
        for operation in OPERATIONS
    }
    assert {SERVICE: table} == sdk["file"]["services"]


def test_the_stock_modules_say_the_same(ours: Facts) -> None:
    """Both generated modules come from one file; this one is loaded apart as it registers its names."""
    program = (
        "import json; from google.protobuf import descriptor_pb2 as d; from generated.a2a.v1 import a2a_pb2;"
        "from tests.test_protos import facts; f = d.FileDescriptorProto(); a2a_pb2.DESCRIPTOR.CopyToProto(f);"
        "print(json.dumps(facts(f)))"
    )
    root = Path(__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-c", program], cwd=root, capture_output=True, text=True, timeout=50, check=True
    )
    assert json.loads(done.stdout) == ours


if __name__ == "__main__":
    print(json.dumps(_said_by_the_sdk()))
