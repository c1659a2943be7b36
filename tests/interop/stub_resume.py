"""A stock gRPC stub that loses its stream and goes on where it was: `python -m tests.interop.stub_resume ADDRESS TEXT`.

It asks for cursors in the metadata of events, hangs up after a few, and subscribes with the last one in its metadata.
Prints the text of both streams and how the second one began and ended, as JSON.
"""

import argparse
import json
from typing import Any
from uuid import uuid4

import grpc
from google.protobuf.json_format import MessageToDict

from generated.a2a.v1 import a2a_pb2, a2a_pb2_grpc

RESUME = "urn:a2a-gateway:extension:resume:v1"
ASKED = (("a2a-version", "1.0"), ("a2a-extensions", RESUME))
WITHIN_S = 40.0


def text_in(event: a2a_pb2.StreamResponse) -> str:
    return "".join(part.text for part in event.artifact_update.artifact.parts)


def cursor_of(event: a2a_pb2.StreamResponse) -> str:
    value: Any = MessageToDict(getattr(event, event.WhichOneof("payload") or ""))
    return value["metadata"][RESUME]["cursor"]


def run(address: str, tenant: str, text: str, takes: int) -> dict[str, Any]:
    message = a2a_pb2.Message(message_id=uuid4().hex, role=a2a_pb2.ROLE_USER, parts=[a2a_pb2.Part(text=text)])
    with grpc.insecure_channel(address) as channel:
        stub = a2a_pb2_grpc.A2AServiceStub(channel)
        call = stub.SendStreamingMessage(
            a2a_pb2.SendMessageRequest(tenant=tenant, message=message), metadata=ASKED, timeout=WITHIN_S
        )
        echoed = dict(call.initial_metadata()).get("a2a-extensions")
        heard: list[a2a_pb2.StreamResponse] = []
        for event in call:
            heard.append(event)
            if sum(one.HasField("artifact_update") for one in heard) == takes:
                break
        call.cancel()
        task_id = heard[0].task.id
        again = stub.SubscribeToTask(
            a2a_pb2.SubscribeToTaskRequest(tenant=tenant, id=task_id),
            metadata=(*ASKED, ("last-event-id", cursor_of(heard[-1]))),
            timeout=WITHIN_S,
        )
        rest = list(again)
    return {
        "echoed": echoed,
        "before": [text_in(event) for event in heard if event.HasField("artifact_update")],
        "after": [text_in(event) for event in rest if event.HasField("artifact_update")],
        "kinds": list(dict.fromkeys(event.WhichOneof("payload") for event in rest)),
        "state": a2a_pb2.TaskState.Name(rest[-1].status_update.status.state),
    }


def main() -> None:
    parser = argparse.ArgumentParser(prog="tests.interop.stub_resume", description=__doc__)
    parser.add_argument("address", metavar="ADDRESS")
    parser.add_argument("text", metavar="TEXT")
    parser.add_argument("--tenant", default="")
    parser.add_argument("--takes", type=int, default=3, help="pieces of the answer before it hangs up")
    arguments = parser.parse_args()
    print(json.dumps(run(arguments.address, arguments.tenant, arguments.text, arguments.takes)))


if __name__ == "__main__":
    main()
