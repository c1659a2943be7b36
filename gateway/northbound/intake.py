"""What every inbound binding does with a call before an Agent is asked."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from protobuf import Message

from gateway.agent import Agent, CallContext, Crossing
from gateway.codec import metadata
from gateway.codec.malformed import Malformed
from gateway.codec.required import check_required
from gateway.codec.status import field_violation
from gateway.errors import AgentError, CallerError, ErrorKind
from gateway.northbound.site import Site
from gateway.relay.calls import Calls
from gateway.relay.directory import Directory
from gateway.relay.published import Published
from gateway.settings import Settings

SUPPORTED_VERSIONS = ("1.0",)
_OLDEST = "0.3"
"""What a call that names no version speaks, by the specification (section 3.6.2)."""

Watch = Callable[[Crossing], None]
"""Is shown every frame that crosses an edge."""


@dataclass(frozen=True, slots=True)
class Caller:
    """What an inbound binding knows of one call beside its request message."""

    binding: str
    pairs: list[tuple[str, str | bytes]]
    """Its headers or metadata."""
    query_version: str = ""
    deadline: float | None = None


class Intake:
    """Judges calls by the settings and finds the agent that they are for."""

    def __init__(
        self, settings: Settings, directory: Directory, calls: Calls, watch: Watch | None = None
    ) -> None:
        self.settings = settings
        self.limits = settings.limits
        self.bounds = settings.limits.bounds()
        self.directory = directory
        self.calls = calls
        self._watch = watch
        self._allowed = frozenset((*metadata.ALWAYS_FORWARDED, *settings.forward_headers))

    def context(self, caller: Caller) -> CallContext:
        """What travels with the call. Raises CallerError."""
        limits = self.limits
        try:
            metadata.check_size(caller.pairs, limits.header_fields, limits.header_bytes)
            version = metadata.version(caller.pairs, caller.query_version)
            context = CallContext(
                binding=caller.binding,
                headers=metadata.forwarded(caller.pairs, self._allowed),
                extensions=metadata.extensions(caller.pairs),
                deadline=caller.deadline,
                watch=self._watch,
            )
        except Malformed as error:
            kind = ErrorKind.RESOURCE_EXHAUSTED if error.too_large else ErrorKind.INVALID_REQUEST
            raise CallerError(kind, str(error)) from None
        self._check_version(version)
        return context

    def find(self, tenant: str, name: str, site: Site) -> Agent:
        """The agent that a call is for, with its cards leading back to `site`. Raises CallerError.

        `name` is the agent whose address the call came to, empty for the gateway's own.
        """
        agent = self.directory.find(tenant, name)
        return Published(agent, site.addresses(name or tenant))

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
def blame_caller() -> Iterator[None]:
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
def blame_agent() -> Iterator[None]:
    """An answer that cannot be written for the caller is too large for the caller's binding."""
    try:
        yield
    except Malformed as error:
        raise AgentError(ErrorKind.RESOURCE_EXHAUSTED, f"The agent's answer is too large: {error}") from None


def checked(request: Message) -> Message:
    """The request, which has all that the protocol requires. Raises Malformed."""
    check_required(request)
    return request
