"""Run alone: what the stock runtime makes of the golden rows' JSON. It shares no code with the gateway's.

A process cannot load these modules beside the a2a-sdk's own, so this is a program and not a test.
"""

import json
import sys

from google.protobuf import any_pb2, empty_pb2, json_format, message_factory
from google.rpc import error_details_pb2, status_pb2

from generated.a2a.v1 import a2a_pb2
from tests.golden.rows import ERRORS, MESSAGES


def message(type_name: str, text: str) -> bytes:
    message_type = empty_pb2.Empty if type_name == "Empty" else getattr(a2a_pb2, type_name)
    return json_format.Parse(text, message_type()).SerializeToString(deterministic=True)


def status(code: int, answer: str) -> bytes:
    error = json.loads(answer)["error"]
    rich = status_pb2.Status(code=code, message=error["message"])
    for entry in error["data"]:
        type_url = entry.pop("@type")
        descriptor = error_details_pb2.DESCRIPTOR.message_types_by_name[type_url.rpartition(".")[2]]
        detail = json_format.ParseDict(entry, message_factory.GetMessageClass(descriptor)())
        rich.details.append(any_pb2.Any(type_url=type_url, value=detail.SerializeToString(deterministic=True)))
    return rich.SerializeToString(deterministic=True)


def differences() -> list[str]:
    wrong = [
        f"messages/{row.name}" for row in MESSAGES if message(row["message"], row["JSON"]) != row.bytes_of("protobuf")
    ]
    wrong += [
        f"errors/{row.name}"
        for row in ERRORS
        if status(int(row["gRPC status"].split()[0]), row["JSON-RPC answer"]) != row.bytes_of("grpc-status-details-bin")
    ]
    return wrong


if __name__ == "__main__":
    found = differences()
    print(f"{len(MESSAGES)} messages, {len(ERRORS)} errors, differing: {found}")
    sys.exit(bool(found))
