"""The definitions of a service by server reflection, v1 and where that is not served v1alpha.

Both versions are the same messages under two names. What the server says is not believed: files,
bytes and time are bounded, and what it gives is checked like any other definition.
"""

import asyncio
from contextlib import suppress
from typing import Any, Protocol, cast

import grpc
import grpc.aio
from grpc_reflection.v1alpha import reflection_pb2
from protobuf import Oneof, Registry
from protobuf.wkt import FileDescriptorProto, FileDescriptorSet

from gateway.errors import AgentError, ErrorKind
from gateway.settings import Limits
from gateway.southbound.grpc import failed_call
from gateway.southbound.mapped.descriptors import INFRASTRUCTURE, DescriptorError, Descriptors, from_files
from gateway.southbound.transport.grpcio_channel import failed

METHODS = (
    "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo",
    "/grpc.reflection.v1alpha.ServerReflection/ServerReflectionInfo",
)
"""Newest first."""

Headers = list[tuple[str, str | bytes]]


class _Response(Protocol):
    """What a ServerReflectionResponse of either version holds."""

    # Any: the types are made from the descriptor that grpcio-reflection brings, and are known to nobody before.
    message_response: Oneof[str, Any] | None


def _types() -> Registry:
    # In a registry of the gateway's own: the package's modules would need google.protobuf's messages.
    own = FileDescriptorProto.from_binary(reflection_pb2.DESCRIPTOR.serialized_pb)
    return FileDescriptorSet(file=[own]).to_registry()


_PACKAGE = "grpc.reflection.v1alpha"
_TYPES = _types()


class Refused(Exception):
    """The server answered a question with an error."""


async def reflect(channel: grpc.aio.Channel, headers: Headers, limits: Limits) -> Descriptors:
    """The services of a server. Raises AgentError, which says what to do where there is no reflection."""
    for method in METHODS:
        try:
            async with asyncio.timeout(limits.connect_s):
                return await _Server(channel, method, headers, limits).descriptors()
        except TimeoutError:
            raise AgentError(ErrorKind.DEADLINE_EXCEEDED, "Server reflection took too long") from None
        except DescriptorError as error:
            raise AgentError(
                ErrorKind.INVALID_AGENT_RESPONSE, f"What server reflection gives cannot be used: {error}"
            ) from None
        except grpc.aio.AioRpcError as error:
            if error.code() is not grpc.StatusCode.UNIMPLEMENTED:
                raise failed_call("", failed(error.code(), error.details(), error.trailing_metadata())) from None
    raise AgentError(
        ErrorKind.METHOD_NOT_FOUND,
        "The service has no server reflection: enable it there, or name its definitions under `descriptors`",
    )


class _Server:
    """A server that is asked what it serves."""

    def __init__(self, channel: grpc.aio.Channel, method: str, headers: Headers, limits: Limits) -> None:
        # One call a question: a call that the server ends early then tells its status for certain.
        self._asking = cast("grpc.aio.UnaryStreamMultiCallable[bytes, bytes]", channel.unary_stream(method))
        self._headers = headers
        self._limits = limits
        self._files: dict[str, FileDescriptorProto] = {}
        self._bytes = 0

    async def descriptors(self) -> Descriptors:
        for name in await self._services():
            if not INFRASTRUCTURE.fullmatch(name):
                try:
                    self._take(await self._ask("file_containing_symbol", name))
                except Refused as error:
                    raise DescriptorError(f"it lists {name} and does not define it: {error}") from None
        asked: set[str] = set()
        while wanted := {one for file in self._files.values() for one in file.dependency} - self._files.keys() - asked:
            for path in sorted(wanted):
                asked.add(path)
                with suppress(Refused):  # many lack what only options import; what is needed is missed later, by name
                    self._take(await self._ask("file_by_filename", path))
        return from_files(self._files.values(), self._limits.descriptor_files)

    async def _services(self) -> list[str]:
        response = await self._ask("list_services", "*")
        if response is None or response.field != "list_services_response":
            raise DescriptorError("it does not list its services")
        return [str(one.name) for one in response.value.service]

    def _take(self, response: "Oneof[str, Any] | None") -> None:
        if response is None or response.field != "file_descriptor_response":
            raise DescriptorError("it answers something else than what it was asked")
        for data in cast("list[bytes]", response.value.file_descriptor_proto):
            self._bytes += len(data)
            if self._bytes > self._limits.descriptor_bytes:
                raise DescriptorError(f"over {self._limits.descriptor_bytes} bytes of definitions")
            try:
                file = FileDescriptorProto.from_binary(data)
            except (ValueError, RecursionError):
                raise DescriptorError("a definition that does not parse") from None
            self._files.setdefault(file.name, file)
            if len(self._files) > self._limits.descriptor_files:
                raise DescriptorError(f"over {self._limits.descriptor_files} files")

    async def _ask(self, question: str, about: str) -> "Oneof[str, Any] | None":
        request_type, response_type = (
            _TYPES.message(f"{_PACKAGE}.ServerReflection{side}") for side in ("Request", "Response")
        )
        assert request_type is not None
        assert response_type is not None
        request = request_type.type(message_request=Oneof(question, about)).to_binary()
        call = self._asking(request, metadata=self._headers)
        try:
            data = await call.read()
        finally:
            call.cancel()
        if not isinstance(data, bytes):
            raise DescriptorError("it ended before it had answered")
        try:
            response = cast(_Response, response_type.type.from_binary(data)).message_response
        except (ValueError, RecursionError):
            raise DescriptorError("an answer that does not parse") from None
        if response is not None and response.field == "error_response":
            raise Refused(str(response.value.error_message)[:200])
        return response
