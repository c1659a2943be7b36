"""Whether and for whom a call is: what every inbound binding asks before an Agent is."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from protobuf import Message

from gateway.agent import Agent, CallContext, Watch
from gateway.codec import metadata
from gateway.codec.malformed import Malformed
from gateway.codec.required import check_required
from gateway.codec.status import field_violation
from gateway.errors import AgentError, CallerError, ErrorKind
from gateway.northbound.site import Site
from gateway.operations import Operation, tenant_of
from gateway.relay.calls import Call, Calls
from gateway.relay.directory import Directory
from gateway.relay.published import Published
from gateway.settings import Settings

SUPPORTED_VERSIONS = ("1.0",)
_OLDEST = "0.3"
"""What a call that names no version speaks, by the specification (section 3.6.2)."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A call as its binding understood it, its message not yet read."""

    operation: Operation
    read: Callable[[], Message]
    """Decodes the request message. Raises Malformed."""
    pairs: list[tuple[str, str | bytes]]
    """Its headers or metadata."""
    site: Site
    """The gateway as this caller reaches it."""
    frame: bytes
    """The request as it stood on the wire."""
    agent: str = ""
    """Whose address it came to; empty for the gateway's own."""
    query_version: str = ""
    deadline: float | None = None


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call that may be made."""

    agent: Agent
    operation: Operation
    request: Message
    context: CallContext


class Intake:
    """Judges calls by the settings and finds the agent that they are for."""

    def __init__(self, settings: Settings, directory: Directory, calls: Calls, watch: Watch | None = None) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.bounds = settings.limits.bounds()
        self.directory = directory
        self.calls = calls
        self._watch = watch
        self._allowed = frozenset((*metadata.ALWAYS_FORWARDED, *settings.forward_headers))

    def accept(self, call: Call, incoming: Incoming) -> Accepted:
        """The call, ready to be made. Raises CallerError, which names the field at fault."""
        call.operation, call.deadline = incoming.operation.name, incoming.deadline
        context = self._context(call, incoming)
        context.show("northbound", call.binding, "request", incoming.frame)
        with _reading_request():
            request = incoming.read()
            check_required(request)
        agent = self.find(call, tenant_of(request), incoming.agent, incoming.site)
        return Accepted(agent, incoming.operation, request, context)

    def find(self, call: Call, tenant: str, name: str, site: Site) -> Agent:
        """The agent that a call is for, with its cards leading back to `site`. Raises CallerError.

        `name` is the agent whose address the call came to, empty for the gateway's own.
        """
        found, agent = self.directory.find(tenant, name)
        call.agent = found
        return Published(agent, site.addresses(name or tenant))

    def _context(self, call: Call, incoming: Incoming) -> CallContext:
        limits, pairs = self.limits, incoming.pairs
        try:
            metadata.check_size(pairs, limits.header_fields, limits.header_bytes)
            version = metadata.version(pairs, incoming.query_version)
            context = CallContext(
                call=call.name,
                binding=call.binding,
                headers=metadata.forwarded(pairs, self._allowed),
                extensions=metadata.extensions(pairs),
                deadline=incoming.deadline,
                watch=self._watch,
            )
        except Malformed as error:
            kind = ErrorKind.RESOURCE_EXHAUSTED if error.too_large else ErrorKind.INVALID_REQUEST
            raise CallerError(kind, str(error)) from None
        self._check_version(version)
        return context

    def _check_version(self, version: str) -> None:
        if not version:
            if self.settings.version_policy == "lenient":
                return
            version = _OLDEST
        if version not in SUPPORTED_VERSIONS:
            supported = ", ".join(SUPPORTED_VERSIONS)
            raise CallerError(
                ErrorKind.VERSION_NOT_SUPPORTED, f"A2A version {version} is not supported; supported: {supported}"
            )


@contextmanager
def _reading_request() -> Iterator[None]:
    """A request that cannot be read is invalid, and the answer names the field."""
    try:
        yield
    except Malformed as error:
        if error.too_large:
            raise CallerError(ErrorKind.RESOURCE_EXHAUSTED, str(error)) from None
        raise CallerError(
            ErrorKind.INVALID_PARAMS, str(error), (field_violation(error.path, error.problem),)
        ) from None


@contextmanager
def writing_answer() -> Iterator[None]:
    """An answer that cannot be written for the caller is too large for the caller's binding."""
    try:
        yield
    except Malformed as error:
        raise AgentError(ErrorKind.RESOURCE_EXHAUSTED, f"The agent's answer is too large: {error}") from None
