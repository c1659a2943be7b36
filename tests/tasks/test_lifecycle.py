"""The table of states, every pair of them."""

import itertools

import pytest

from gateway.errors import CallerError, ErrorKind
from gateway.tasks import lifecycle
from gateway.tasks.lifecycle import PHASES, Phase, may_follow
from generated.a2a.v1.a2a_pb import Message, Task, TaskState, TaskStatus

RUNNING = (TaskState.SUBMITTED, TaskState.WORKING)
INTERRUPTED = (TaskState.INPUT_REQUIRED, TaskState.AUTH_REQUIRED)
TERMINAL = (TaskState.COMPLETED, TaskState.FAILED, TaskState.CANCELED, TaskState.REJECTED)


def test_every_state_of_the_protocol_has_one_phase() -> None:
    assert set(PHASES) == set(TaskState) - {TaskState.UNSPECIFIED}
    assert {state for state, phase in PHASES.items() if phase is Phase.RUNNING} == set(RUNNING)
    assert {state for state, phase in PHASES.items() if phase is Phase.INTERRUPTED} == set(INTERRUPTED)
    assert {state for state, phase in PHASES.items() if phase is Phase.TERMINAL} == set(TERMINAL)


@pytest.mark.parametrize(("old", "new"), list(itertools.product(PHASES, TaskState)), ids=lambda state: state.name)
def test_what_may_follow_what(old: TaskState, new: TaskState) -> None:
    allowed = old not in TERMINAL and new is not TaskState.UNSPECIFIED and (
        new is not TaskState.SUBMITTED or old is TaskState.SUBMITTED
    )
    assert may_follow(old, new) is allowed


@pytest.mark.parametrize("state", PHASES, ids=lambda state: state.name)
def test_what_may_be_done_to_a_task(state: TaskState) -> None:
    task = Task(id="t", context_id="c", status=TaskStatus(state=state))
    refusals = {
        lifecycle.check_cancel: ErrorKind.TASK_NOT_CANCELABLE,
        lifecycle.check_subscribe: ErrorKind.UNSUPPORTED_OPERATION,
        lambda task: lifecycle.check_message(task, Message(context_id="c")): ErrorKind.UNSUPPORTED_OPERATION,
    }
    for check, kind in refusals.items():
        if state in TERMINAL:
            with pytest.raises(CallerError, match=f"TASK_STATE_{state.name}") as refused:
                check(task)
            assert refused.value.kind is kind
        else:
            check(task)


def test_a_message_of_another_context_is_refused_whatever_the_state() -> None:
    for state in PHASES:
        with pytest.raises(CallerError) as refused:
            lifecycle.check_message(Task(context_id="c", status=TaskStatus(state=state)), Message(context_id="d"))
        assert refused.value.kind is ErrorKind.INVALID_PARAMS
