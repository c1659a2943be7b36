"""Takes what agents post to the gateway's own webhooks: looked at, kept, and then delivered.

Whoever is answered that it was taken need not post it again, whatever becomes of this gateway.
"""

import hashlib
from collections.abc import Iterable, Mapping

from protobuf import Oneof

from gateway.codec.malformed import Bounds, Malformed
from gateway.errors import CallerError, ErrorKind, GatewayError, GatewayFault
from gateway.operations import TERMINAL_STATES
from gateway.tasks.push import incoming
from gateway.tasks.push.relayed.forwarding import Forwarding
from gateway.tasks.push.relayed.place import Place
from gateway.tasks.push.telemetry import PushTelemetry
from gateway.tasks.store import StoreUnavailable
from gateway.tasks.subscriptions import Keeping, Receipt, Subscriptions, Told
from generated.a2a.v1.a2a_pb import StreamResponse, Task, TaskArtifactUpdateEvent, TaskStatusUpdateEvent

_OUTCOMES: Mapping[Receipt, tuple[str, GatewayError | None]] = {
    Receipt.HELD: ("taken", None),
    Receipt.ELSEWHERE: ("taken", None),
    Receipt.REPEATED: ("repeated", None),
    Receipt.UNKNOWN: ("unknown", CallerError(ErrorKind.TASK_NOT_FOUND)),
    Receipt.OTHER_TASK: ("malformed", CallerError(ErrorKind.INVALID_PARAMS, "It is about another task")),
    Receipt.FULL: ("refused", GatewayFault(ErrorKind.RESOURCE_EXHAUSTED, "Too much waits for the webhook")),
}
"""What the metrics call a receipt, and what the agent is told where it is not taken."""


class Receiver:
    """The gateway's own webhooks, from the inside."""

    def __init__(
        self,
        subscriptions: Subscriptions,
        place: Place,
        forwarding: Forwarding,
        keeping: Keeping,
        telemetry: PushTelemetry,
        bounds: Bounds,
    ) -> None:
        self._subscriptions = subscriptions
        self._place = place
        self._forwarding = forwarding
        self._keeping = keeping
        self._telemetry = telemetry
        self._bounds = bounds

    def opened_by(self, path_token: str, proofs: Iterable[str]) -> str | None:
        """The subscription that somebody posts to, by the last piece of the path and the tokens sent along."""
        opened = self._place.opened_by(path_token, proofs)
        if opened is None:
            self._telemetry.received("", "unknown")
        return opened

    async def take(self, id: str, body: bytes) -> None:
        """Keeps what was posted to a subscription and has it delivered. Raises GatewayError."""
        try:
            outcome, error = _OUTCOMES[await self._receive(id, body)]
        except GatewayError as refusal:
            outcome, error = "malformed", refusal
        except StoreUnavailable:
            outcome, error = "refused", GatewayFault(ErrorKind.UNAVAILABLE, "The store cannot be reached")
        self._telemetry.received(id, outcome)
        if error is not None:
            raise type(error)(error.kind, error.message)

    async def _receive(self, id: str, body: bytes) -> Receipt:
        """Raises CallerError and StoreUnavailable."""
        try:
            response = incoming.read(body, self._bounds)
        except Malformed as error:
            kind = ErrorKind.RESOURCE_EXHAUSTED if error.too_large else ErrorKind.INVALID_PARAMS
            raise CallerError(kind, str(error)) from None
        task_id = incoming.task_id_of(response)
        if not task_id:
            raise CallerError(ErrorKind.INVALID_PARAMS, "It names no task")
        told = Told(response, task_id, _digest(response, body), _is_last(response))
        receipt = await self._subscriptions.receive(id, told, self._forwarding.holder, self._keeping)
        if receipt is Receipt.HELD:
            self._forwarding.deliver(id)
        return receipt


def _digest(response: StreamResponse, body: bytes) -> bytes:
    """What a notification is recognised by if it comes again; a piece of an artifact may be said twice and mean it."""
    match response.payload:
        case Oneof(value=TaskArtifactUpdateEvent(append=True)):
            return b""
        case _:
            return hashlib.blake2b(body, digest_size=16).digest()


def _is_last(response: StreamResponse) -> bool:
    match response.payload:
        case Oneof(value=Task(status=status) | TaskStatusUpdateEvent(status=status)):
            return status is not None and status.state in TERMINAL_STATES
        case _:
            return False
