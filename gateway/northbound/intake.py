"""Whether and for whom a call is: what every inbound binding asks before an Agent is."""

from collections.abc import Callable
from dataclasses import dataclass

from protobuf import Message

from gateway.agent import Agent, CallContext, Head, ReadFrame, Watch
from gateway.codec import metadata
from gateway.codec.malformed import Malformed, MalformedAs
from gateway.codec.required import check_required
from gateway.codec.status import field_violation
from gateway.codec.v0_3.choices import Choices
from gateway.deltas.extension import URI as DELTAS
from gateway.errors import CallerError, ErrorKind
from gateway.northbound.old_callers import ForOldCallers
from gateway.northbound.site import Site
from gateway.offload import converted
from gateway.operations import GET_PUSH_CONFIG, Operation, tenant_of
from gateway.relay.calls import Call, Calls
from gateway.relay.directory import Directory
from gateway.relay.published import Published, Signer
from gateway.settings import Settings

SUPPORTED_VERSIONS = ("1.0", "0.3")
UNNAMED_VERSION = "0.3"
"""What a call that names no version speaks, by the specification (section 3.6.2)."""


_MAY_LACK = {(UNNAMED_VERSION, GET_PUSH_CONFIG): frozenset({"id"})}
"""What a version lets a request leave out that 1.0 requires; whoever serves that version makes up for it."""


@dataclass(frozen=True, slots=True)
class Incoming:
    """A call as its binding understood it, its message not yet read."""

    operation: Operation
    read: Callable[[], Message]
    """Decodes the request message. Raises Malformed."""
    version: str
    """What its method, path or service says that it speaks."""
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
    read_frame: ReadFrame | None = None
    """Reads the frame, where it is a protobuf message."""


@dataclass(frozen=True, slots=True)
class Accepted:
    """A call that may be made."""

    agent: Agent
    operation: Operation
    request: Message
    context: CallContext
    head: Head
    """What the answer says of itself where the agent lets it wait for its own."""


class Intake:
    """Judges calls by the settings and finds the agent that they are for."""

    def __init__(
        self,
        settings: Settings,
        directory: Directory,
        calls: Calls,
        watch: Watch | None = None,
        signer: Signer | None = None,
    ) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.bounds = settings.limits.bounds()
        self.directory = directory
        self.calls = calls
        self.signer = signer
        self._watch = watch
        self._choices = {agent.name: agent.v0_3.choices() for agent in settings.agents}
        self._with_deltas = frozenset(agent.name for agent in settings.agents if agent.deltas == "auto")
        self._allowed = frozenset((*metadata.ALWAYS_FORWARDED, *settings.forward_headers))

    def choices(self, name: str) -> Choices:
        """How 0.3 is meant by the agent of a name; by the default one where it is empty or unknown."""
        return self._choices.get(name or self.directory.default, Choices())

    async def accept(self, call: Call, incoming: Incoming) -> Accepted:
        """The call, ready to be made. Raises CallerError, which names the field at fault."""
        call.operation, call.deadline = incoming.operation.name, incoming.deadline
        context = self._context(call, incoming)
        context.show("northbound", call.binding, "request", incoming.frame, incoming.read_frame)
        with _READING_REQUEST:
            request = await converted(len(incoming.frame), self.limits.inline_bytes, incoming.read)
            check_required(request, _MAY_LACK.get((incoming.version, incoming.operation), frozenset()))
        agent = self.find(call, tenant_of(request), incoming.agent, incoming.site)
        if incoming.version == UNNAMED_VERSION:
            agent = ForOldCallers(agent)
        return Accepted(agent, incoming.operation, request, context, self._head(call.agent, context))

    def find(self, call: Call, tenant: str, name: str, site: Site) -> Agent:
        """The agent that a call is for, with its cards leading back to `site`. Raises CallerError.

        `name` is the agent whose address the call came to, empty for the gateway's own.
        """
        found, agent = self.directory.find(tenant, name)
        call.agent = found
        return Published(agent, site.addresses(name or tenant), self.signer)

    def _context(self, call: Call, incoming: Incoming) -> CallContext:
        limits, pairs = self.limits, incoming.pairs
        try:
            metadata.check_size(pairs, limits.header_fields, limits.header_bytes)
            context = CallContext(
                call=call.name,
                binding=call.binding,
                headers=metadata.forwarded(pairs, self._allowed),
                extensions=metadata.extensions(pairs),
                deadline=incoming.deadline,
                watch=self._watch,
                version=incoming.version,
                principal=self._principal(pairs),
            )
        except Malformed as error:
            kind = ErrorKind.RESOURCE_EXHAUSTED if error.too_large else ErrorKind.INVALID_REQUEST
            raise CallerError(kind, str(error)) from None
        self._check_version(self.version_of(pairs, incoming.query_version), incoming.version)
        return context

    def _head(self, name: str, context: CallContext) -> Head:
        """What is certain before the agent has said anything: token deltas are the gateway's own."""
        speaks = name in self._with_deltas and DELTAS in context.extensions
        return Head((DELTAS,) if speaks else ())

    def _principal(self, pairs: list[tuple[str, str | bytes]]) -> str:
        """Who calls. Raises CallerError where the configuration wants that said and it is not."""
        header = self.settings.tasks.principal_header
        if header is None:
            return ""
        named = metadata.forwarded(pairs, frozenset((header,)))
        if not named.get(header):
            raise CallerError(ErrorKind.UNAUTHENTICATED, f"The header {header} must say who calls")
        return named[header]

    def version_of(self, pairs: list[tuple[str, str | bytes]], query: str) -> str:
        """The version that a request names; empty where it names none. Raises CallerError."""
        try:
            named = metadata.version(pairs, query)
        except Malformed as error:
            raise CallerError(ErrorKind.INVALID_REQUEST, str(error)) from None
        if named and named not in SUPPORTED_VERSIONS:
            supported = ", ".join(SUPPORTED_VERSIONS)
            raise CallerError(
                ErrorKind.VERSION_NOT_SUPPORTED, f"A2A version {named} is not supported; supported: {supported}"
            )
        return named

    def _check_version(self, named: str, spoken: str) -> None:
        """Holds the version that the caller named against the one that its method or path belongs to."""
        if not named:
            if self.settings.version_policy == "lenient" or spoken == UNNAMED_VERSION:
                return
            named = UNNAMED_VERSION
        if named != spoken:
            raise CallerError(
                ErrorKind.VERSION_NOT_SUPPORTED, f"This is an operation of A2A {spoken}, and A2A-Version says {named}"
            )


def _unreadable(error: Malformed) -> CallerError:
    if error.too_large:
        return CallerError(ErrorKind.RESOURCE_EXHAUSTED, str(error))
    return CallerError(ErrorKind.INVALID_PARAMS, str(error), (field_violation(error.path, error.problem),))


_READING_REQUEST = MalformedAs(_unreadable)
"""A request that cannot be read is invalid, and the answer names the field."""
