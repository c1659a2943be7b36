"""How much of a task's history an answer shows (specification section 3.2.4). What is kept is never changed."""

from copy import copy

from gateway.errors import CallerError, ErrorKind
from generated.a2a.v1.a2a_pb import GetTaskRequest, ListTasksRequest, Message, SendMessageConfiguration, Task


def history_length(request: GetTaskRequest | ListTasksRequest | SendMessageConfiguration | None) -> int | None:
    """The newest messages that a request wants; None for all. Raises CallerError."""
    if request is None or not request.has_field("history_length"):
        return None
    if request.history_length < 0:
        raise CallerError(ErrorKind.INVALID_PARAMS, "historyLength: expected 0 or more")
    return request.history_length


def shortened(task: Task, length: int | None) -> Task:
    """A task with its newest `length` messages, all where None; the given one stays as it is."""
    shown = copy(task)
    if length is not None:
        shown.history = task.history[-length:] if length else []
    return shown


def times_said(task: Task, message: Message) -> int:
    """How often a message of this id stands in a task's history."""
    return sum(said.message_id == message.message_id for said in task.history)
