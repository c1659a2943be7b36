"""Callers that know nothing of the gateway: stock stubs, Node, health checkers, reflection, a card resolver.

The agents are the examples, each reached by its own binding.
"""

import json
import shutil
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import grpc
import pytest
from google.protobuf import descriptor_pb2
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2, reflection_pb2_grpc

from gateway.codec.v0_3 import methods
from gateway.operations import OPERATIONS
from tests.examples.test_example_clients import CLIENT_RUNS, run
from tests.interop.peers import gateway
from tests.interop.processes import ROOT, Program, finished, python, running

SERVICE = "lf.a2a.v1.A2AService"
OLD_SERVICE = methods.SERVICE
HEALTH = "grpc.health.v1.Health"
REFLECTIONS = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING
WITHIN_S = 10.0

HELLO, *OTHER_RUNS = CLIENT_RUNS
CALLS = [("", *HELLO), ("words", *HELLO), ("scribe", *HELLO), *(("scribe", *other) for other in OTHER_RUNS)]
"""The default agent, the gRPC one by its name, the JSON-RPC one; what is said to it, and what a client prints."""
every_call = pytest.mark.parametrize(("tenant", "text", "output", "exit_code"), CALLS)


def listening_on(line: str) -> dict[str, str]:
    """The ready line of the examples."""
    if not line.startswith("listening on "):
        raise ValueError("not `listening on URL`")
    return {"url": line.removeprefix("listening on ")}


@pytest.fixture(scope="module")
def front() -> Iterator[Program]:
    """A gateway before the gRPC example agent, its default, and the JSON-RPC one."""
    flags = ("--address", "127.0.0.1:0", "--pause", "0.001")
    with (
        running(python("examples.grpc_agent", *flags), ready_line=listening_on) as words,
        running(python("examples.jsonrpc_agent", *flags), ready_line=listening_on) as scribe,
        gateway("--agent", f"words={words.ready['url']}", "--agent", f"scribe={scribe.ready['url']}") as program,
    ):
        yield program


@pytest.fixture(scope="module")
def channel(front: Program) -> Iterator[grpc.Channel]:
    with grpc.insecure_channel(front.ready["grpc"]) as channel:
        yield channel


# Clients with stock stubs


@every_call
def test_python_client(front: Program, tenant: str, text: str, output: str, exit_code: int) -> None:
    done = run(*python("examples.grpc_client", front.ready["grpc"], text, "--tenant", tenant))
    assert (done.stdout, done.stderr, done.returncode) == (output, "", exit_code)


def test_python_client_is_told_of_an_agent_that_does_not_exist(front: Program) -> None:
    done = run(*python("examples.grpc_client", front.ready["grpc"], "Hello", "--tenant", "nobody"))
    assert (done.stdout, done.returncode) == ("", 1)
    assert done.stderr == "INVALID_ARGUMENT: There is no agent 'nobody'\n"


@pytest.fixture(scope="module")
def node_client() -> tuple[str, ...]:
    """The command of the Node client; skips where it cannot run."""
    folder = ROOT / "examples" / "node_client"
    if (node := shutil.which("node")) is None:
        pytest.skip("node is not installed")
    if not (folder / "node_modules" / ".package-lock.json").exists():
        pytest.skip("the modules of examples/node_client are not installed: run `npm ci` there")
    return node, str(Path(folder, "client.mjs"))


@every_call
def test_node_client(
    front: Program, node_client: tuple[str, ...], tenant: str, text: str, output: str, exit_code: int
) -> None:
    done = run(*node_client, front.ready["grpc"], text, tenant)
    assert (done.stdout, done.stderr, done.returncode) == (output, "", exit_code)


# Health


@pytest.mark.parametrize("service", ["", SERVICE, OLD_SERVICE])
def test_health_check(channel: grpc.Channel, service: str) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    answer = health.Check(health_pb2.HealthCheckRequest(service=service), timeout=WITHIN_S)
    assert answer.status == SERVING


def test_health_of_an_unknown_service_is_not_found(channel: grpc.Channel) -> None:
    health = health_pb2_grpc.HealthStub(channel)
    with pytest.raises(grpc.RpcError) as failure:
        health.Check(health_pb2.HealthCheckRequest(service="nobody"), timeout=WITHIN_S)
    assert failure.value.code() is grpc.StatusCode.NOT_FOUND


def test_health_watch_follows_the_gateway_until_it_stops() -> None:
    with gateway("--agent", "nobody=grpc://127.0.0.1:1") as program:
        with grpc.insecure_channel(program.ready["grpc"]) as channel:
            watch = health_pb2_grpc.HealthStub(channel).Watch
            watched = [
                watch(health_pb2.HealthCheckRequest(service=service), timeout=WITHIN_S)
                for service in ("", SERVICE, OLD_SERVICE)
            ]
            assert [next(one).status for one in watched] == [SERVING] * 3
            program.process.send_signal(signal.SIGTERM)
            assert [next(one).status for one in watched] == [NOT_SERVING] * 3
        assert program.process.wait(WITHIN_S) == 0, program.stderr()


# Reflection


def reflect(channel: grpc.Channel, **request: Any) -> Any:
    asked = iter([reflection_pb2.ServerReflectionRequest(**request)])
    (answer,) = reflection_pb2_grpc.ServerReflectionStub(channel).ServerReflectionInfo(asked, timeout=WITHIN_S)
    return answer


def test_reflection_lists_the_services(channel: grpc.Channel) -> None:
    answer = reflect(channel, list_services="")
    listed = {one.name for one in answer.list_services_response.service}
    assert listed == {SERVICE, OLD_SERVICE, HEALTH, *REFLECTIONS}


def test_reflection_v1_is_v1alpha_by_another_name(channel: grpc.Channel) -> None:
    asked = iter([reflection_pb2.ServerReflectionRequest(file_containing_symbol=REFLECTIONS[0])])
    call = channel.stream_stream(
        f"/{REFLECTIONS[0]}/ServerReflectionInfo",
        request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
        response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
    )
    (answer,) = call(asked, timeout=WITHIN_S)
    (file,) = answer.file_descriptor_response.file_descriptor_proto
    described = descriptor_pb2.FileDescriptorProto.FromString(file)
    (service,) = described.service
    assert (described.package, service.name) == ("grpc.reflection.v1", "ServerReflection")
    assert service.method[0].input_type == ".grpc.reflection.v1.ServerReflectionRequest"


def test_health_lists_the_services(channel: grpc.Channel) -> None:
    answer = health_pb2_grpc.HealthStub(channel).List(health_pb2.HealthListRequest(), timeout=WITHIN_S)
    assert {name: one.status for name, one in answer.statuses.items()} == dict.fromkeys(("", SERVICE, OLD_SERVICE), SERVING)


RPCS: dict[str, dict[str, bool]] = {
    SERVICE: {operation.name: operation.streams for operation in OPERATIONS},
    OLD_SERVICE: {row.rpc: operation.streams for operation, row in methods.METHODS.items()},
}
"""What each service has, and whether it streams."""


@pytest.mark.parametrize("service_name", RPCS)
def test_reflection_describes_the_service(channel: grpc.Channel, service_name: str) -> None:
    answer = reflect(channel, file_containing_symbol=service_name)
    files = [
        descriptor_pb2.FileDescriptorProto.FromString(file)
        for file in answer.file_descriptor_response.file_descriptor_proto
    ]
    (file,) = (file for file in files if file.package == service_name.rpartition(".")[0])
    (service,) = file.service
    assert service.name == "A2AService"
    assert {method.name: method.server_streaming for method in service.method} == RPCS[service_name]
    assert not any(method.client_streaming for method in service.method)


@pytest.mark.parametrize("service", RPCS)
def test_everything_that_the_service_uses_can_be_had(channel: grpc.Channel, service: str) -> None:
    """What a client needs that knows nothing but the address: the file and all that it imports, each by its name."""
    found: dict[str, descriptor_pb2.FileDescriptorProto] = {}
    wanted = [reflect(channel, file_containing_symbol=service)]
    while wanted:
        for packed in wanted.pop().file_descriptor_response.file_descriptor_proto:
            file = descriptor_pb2.FileDescriptorProto.FromString(packed)
            if file.name not in found:
                found[file.name] = file
                wanted += [reflect(channel, file_by_filename=name) for name in file.dependency]
    imported = {name for file in found.values() for name in file.dependency}
    assert imported
    assert imported <= set(found)


# The card


CARDS = {"": "", "/": "", "/words": "words", "/scribe/": "scribe"}
"""Base of a card under the gateway's address, and the agent that it names."""


@pytest.fixture(scope="module")
def resolved(front: Program) -> dict[str, Any]:
    urls = (front.ready["http"] + base for base in CARDS)
    return json.loads(finished(python("tests.interop.sdk_card", *urls)))


@pytest.mark.parametrize("base", CARDS)
def test_sdk_resolver_finds_the_card_and_a_cache_keeps_it(front: Program, base: str, resolved: dict[str, Any]) -> None:
    http, tenant = front.ready["http"], CARDS[base]
    first, second = resolved[http + base]["cards"]
    named = {"tenant": tenant} if tenant else {}
    base_url = f"{http}/{tenant}" if tenant else http
    # Only the default agent can be reached over gRPC by 0.3, which has no tenant.
    old_grpc = [] if tenant else [{"url": front.ready["grpc"], "protocolBinding": "GRPC", "protocolVersion": "0.3"}]
    assert first == second
    assert first["supportedInterfaces"] == [
        {"url": f"{base_url}/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
        {"url": front.ready["grpc"], "protocolBinding": "GRPC", "protocolVersion": "1.0", **named},
        {"url": base_url, "protocolBinding": "HTTP+JSON", "protocolVersion": "1.0"},
        {"url": f"{base_url}/", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        {"url": base_url, "protocolBinding": "HTTP+JSON", "protocolVersion": "0.3"},
        *old_grpc,
    ]
    assert first["skills"]

    fetched, revalidated = resolved[http + base]["exchanges"]
    assert (fetched["status"], revalidated["status"]) == (200, 304)
    assert fetched["body_bytes"] > 0
    assert revalidated["body_bytes"] == 0
    assert fetched["headers"]["content-type"] == "application/json"
    for exchange in (fetched, revalidated):
        assert exchange["headers"]["etag"] == fetched["headers"]["etag"]
        assert "max-age=" in exchange["headers"]["cache-control"]
