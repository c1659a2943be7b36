"""The life of an owned task as one table (specification sections 3.1 and 4.1.3). PURE.

A task runs, waits for its caller, or is over. Whoever writes its states asks `may_follow`, so a
task has exactly one final state and nothing comes after it.
"""

from collections.abc import Mapping
from enum import Enum, auto

from gateway.errors import CallerError, ErrorKind
from generated.a2a.v1.a2a_pb import Message, Task, TaskState


class Phase(Enum):
    """What may happen to a task."""

    RUNNING = auto()
    """It produces, or is about to."""
    INTERRUPTED = auto()
    """It waits for its caller."""
    TERMINAL = auto()
    """It never changes again."""


PHASES: Mapping[TaskState, Phase] = {
    TaskState.SUBMITTED: Phase.RUNNING,
    TaskState.WORKING: Phase.RUNNING,
    TaskState.INPUT_REQUIRED: Phase.INTERRUPTED,
    TaskState.AUTH_REQUIRED: Phase.INTERRUPTED,
    TaskState.COMPLETED: Phase.TERMINAL,
    TaskState.FAILED: Phase.TERMINAL,
    TaskState.CANCELED: Phase.TERMINAL,
    TaskState.REJECTED: Phase.TERMINAL,
}
"""Every state that a task can have; UNSPECIFIED is none."""


def phase(state: TaskState) -> Phase:
    """Agents elsewhere may know states that are none here: such a task is not over, and goes on by itself."""
    return PHASES.get(state, Phase.RUNNING)


def phase_of(task: Task) -> Phase:
    return phase(task.status.state) if task.status is not None else Phase.RUNNING


def may_follow(old: TaskState, new: TaskState) -> bool:
    """Whether a task in one state may go to another, or stay."""
    if new not in PHASES or phase(old) is Phase.TERMINAL:
        return False
    return new is not TaskState.SUBMITTED or old is TaskState.SUBMITTED


def name_of(state: TaskState) -> str:
    """As ProtoJSON writes it."""
    return f"TASK_STATE_{state.name}"


def check_message(task: Task, message: Message) -> None:
    """Whether a message may go to a task. Raises CallerError (section 3.1.1)."""
    if message.context_id and message.context_id != task.context_id:
        raise CallerError(
            ErrorKind.INVALID_PARAMS, "message.contextId: the task that the message names belongs to another context"
        )
    if phase_of(task) is Phase.TERMINAL:
        raise CallerError(ErrorKind.UNSUPPORTED_OPERATION, f"The task is {_state(task)} and takes no more messages")


def check_cancel(task: Task) -> None:
    """Whether a task can still be canceled. Raises CallerError (section 3.1.5)."""
    if phase_of(task) is Phase.TERMINAL:
        raise CallerError(ErrorKind.TASK_NOT_CANCELABLE, f"The task is {_state(task)} already")


def check_subscribe(task: Task) -> None:
    """Whether there is anything to wait for. Raises CallerError (section 3.1.6)."""
    if phase_of(task) is Phase.TERMINAL:
        raise CallerError(ErrorKind.UNSUPPORTED_OPERATION, f"The task is {_state(task)}; there is nothing to follow")


def _state(task: Task) -> str:
    return name_of(task.status.state) if task.status is not None else "of no state"
