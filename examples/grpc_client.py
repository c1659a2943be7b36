"""A client with nothing but stock gRPC stubs: it prints an agent's words as they come.

    python -m examples.grpc_client ADDRESS "text" [--tenant NAME]

ADDRESS is that of an agent, or of a gateway, where the tenant names the agent. The last line is the
state in which the agent left the task; the exit code is 0 when it completed it or asks for more.
"""

# The stub that grpcio generates carries no types: its methods are unknown.
# pyright: reportUnknownMemberType=false, reportUnknownArgumentType=false
from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable
from uuid import uuid4

import grpc

from generated.a2a.v1 import a2a_pb2, a2a_pb2_grpc

VERSION = (("a2a-version", "1.0"),)
ANSWERED = ("TASK_STATE_COMPLETED", "TASK_STATE_INPUT_REQUIRED", "MESSAGE")
UNFINISHED = ("TASK_STATE_UNSPECIFIED", "TASK_STATE_SUBMITTED", "TASK_STATE_WORKING")


def text_of(parts: Iterable[a2a_pb2.Part]) -> str:
    return "".join(part.text for part in parts)


def follow(responses: Iterable[a2a_pb2.StreamResponse]) -> str:
    """Prints what the agent says; returns the state of its task, or MESSAGE when it made none."""
    state = UNFINISHED[0]
    for response in responses:
        match response.WhichOneof("payload"):
            case "task":
                state = a2a_pb2.TaskState.Name(response.task.status.state)
            case "artifact_update":
                print(text_of(response.artifact_update.artifact.parts), end="", flush=True)
            case "status_update":
                status = response.status_update.status
                state = a2a_pb2.TaskState.Name(status.state)
                print(text_of(status.message.parts), end="", flush=True)
            case "message":
                state = "MESSAGE"
                print(text_of(response.message.parts), end="", flush=True)
            case _:
                pass
    return state


def ask(address: str, text: str, tenant: str) -> int:
    message = a2a_pb2.Message(
        message_id=uuid4().hex, role=a2a_pb2.ROLE_USER, parts=[a2a_pb2.Part(text=text)]
    )
    request = a2a_pb2.SendMessageRequest(tenant=tenant, message=message)
    with grpc.insecure_channel(address.removeprefix("grpc://")) as channel:
        stub = a2a_pb2_grpc.A2AServiceStub(channel)
        try:
            state = follow(stub.SendStreamingMessage(request, metadata=VERSION))
        except grpc.RpcError as error:
            print(f"{error.code().name}: {error.details()}", file=sys.stderr)
            return 1
    print(f"\n{state}")
    if state in UNFINISHED:
        print("the stream ended before the task did", file=sys.stderr)
    return 0 if state in ANSWERED else 1


def main() -> None:
    parser = argparse.ArgumentParser(description="Sends one message to an A2A agent over gRPC.")
    parser.add_argument("address", metavar="ADDRESS", help="HOST:PORT, with or without grpc://")
    parser.add_argument("text")
    parser.add_argument("--tenant", default="", metavar="NAME")
    arguments = parser.parse_args()
    sys.exit(ask(arguments.address, arguments.text, arguments.tenant))


if __name__ == "__main__":
    main()
