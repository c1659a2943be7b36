"""The worker that is measured: says what it is asked to, each event an update of one artifact."""

from collections.abc import AsyncGenerator

from benchmarks.wire.events import ARTIFACT_ID
from benchmarks.wire.plan import event_text, plan_in
from gateway.worker import Work, Worker, Yield, text_of, text_part
from generated.a2a.v1.a2a_pb import Artifact, Message


class Counter(Worker):
    """Says the events of the plan in the message."""

    async def run(self, work: Work) -> AsyncGenerator[Yield, Message | None]:
        plan = plan_in(text_of(work.message).encode())
        assert plan
        for number in range(plan.events):
            text = event_text(plan.stream, number).decode()
            yield Artifact(artifact_id=ARTIFACT_ID, parts=[text_part(text)])
