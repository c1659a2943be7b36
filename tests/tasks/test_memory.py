"""Tasks that are over leave nothing behind in the runtime."""

import asyncio
import gc
from collections.abc import AsyncGenerator
from typing import Any

import pytest

from gateway.errors import CallerError, ErrorKind
from gateway.tasks.live import LiveTask
from gateway.tasks.run import Run
from gateway.tasks.runtime import Runtime
from gateway.tasks.stream import TaskStream
from gateway.worker import Chunk, Status, Work, Yield, text_of, text_part
from generated.a2a.v1.a2a_pb import Message, TaskState
from tests.tasks.asking import Grpc, send, task_of
from tests.tasks.rig import serving
from tests.tasks.workers import SCRIPTS

pytestmark = pytest.mark.anyio

TASKS = 2000


def runtime_of_this_process() -> Runtime:
    [runtime] = [one for one in gc.get_objects() if isinstance(one, Runtime) and one._duties._jobs and not one._stopping]  # pyright: ignore[reportPrivateUsage] - one that has begun
    return runtime


def held(runtime: Runtime) -> dict[str, int]:
    """How much is in every collection of the runtime."""
    private: dict[str, Any] = {**vars(runtime), **vars(runtime._duties), **vars(runtime._turns), **vars(runtime.webhooks._delivery)}  # pyright: ignore[reportPrivateUsage] - what is left behind is private
    left_out = {"_workers", "_slots", "_jobs"}
    return {
        name: sum(value.values()) if name == "_busy" else len(value)
        for name, value in private.items()
        if isinstance(value, dict | set | list) and name not in left_out
    }


@pytest.mark.timeout(180)
async def test_two_thousand_tasks_leave_nothing_behind() -> None:
    async with serving(tasks={"at_once": 50}) as gateway, Grpc(gateway) as caller:
        runtime = runtime_of_this_process()

        async def script(work: Work) -> AsyncGenerator[Yield, Message | None]:
            match text_of(work.message).split()[1]:
                case "fails":
                    raise CallerError(ErrorKind.INVALID_PARAMS, "no")
                case "asks":
                    yield Status(TaskState.INPUT_REQUIRED)
                case "waits":
                    await asyncio.Event().wait()
                case _:
                    yield Chunk([text_part("x")])

        SCRIPTS["works"] = script
        permits = asyncio.Semaphore(20)

        async def one(number: int) -> None:
            async with permits:
                how = ("fails", "asks", "waits", "completes", "streams", "left")[number % 6]
                match how:
                    case "waits":
                        sent = send(f"works {how}", configuration={"returnImmediately": True})
                        task_id = task_of(await caller.call("SendMessage", sent))["id"]
                        await caller.call("CancelTask", {"id": task_id})
                    case "streams" | "left":
                        opened = await caller.open("SendStreamingMessage", send(f"works {how}"))
                        await (opened.take(1) if how == "left" else opened.rest())
                        opened.close()
                    case _:
                        await caller.call("SendMessage", send(f"works {how}"))

        # What failed tests before this one left in tracebacks is not this one's.
        before = {id(one) for one in gc.get_objects() if isinstance(one, LiveTask | Run | TaskStream)}
        await asyncio.gather(*(one(number) for number in range(TASKS)))
        async with asyncio.timeout(10):
            while any(held(runtime).values()):
                await asyncio.sleep(0.02)
        caller._streams.clear()  # pyright: ignore[reportPrivateUsage] - the caller's own
        gc.collect()
        here = [one for one in gc.get_objects() if isinstance(one, LiveTask | Run | TaskStream)]
        left = [type(one).__name__ for one in here if id(one) not in before]
        del here
        assert left == []
        assert len(asyncio.all_tasks()) < 60
