"""Tasks that the gateway owns or records: how many at once, how they are kept, how long."""

from pydantic import Field

from gateway.settings.values import Bytes, Count, Frozen, HeaderName, Seconds


class TaskSettings(Frozen):
    """Tasks of mapped services and workers, and the streams of `resume` agents."""

    at_once: Count = Field(100, description="Tasks of one agent that are worked on at once; more wait as SUBMITTED.")
    waiting: Count = Field(1000, description="Tasks of one agent that wait for that; more are refused.")
    messages: Count = Field(16, description="Messages that a working task has not yet taken; more are refused.")
    task_bytes: Bytes = Field(
        64 * 1024 * 1024, description="All events and messages of one task; one that grows beyond is FAILED."
    )
    buffer_events: Count = Field(1024, description="Newest events of a task in memory; slower readers read the store.")
    buffer_bytes: Bytes = Field(1024 * 1024, description="The same, in bytes.")
    unwritten_events: Count = Field(
        256, description="Events of a task that are shown before they are stored; its work waits beyond that."
    )
    write_s: Seconds = Field(0.02, description="How long events are gathered before they are stored together.")
    page_events: Count = Field(500, description="Events that a reader takes from the store at once.")
    lease_s: Seconds = Field(
        15.0, description="A gateway that has not been heard of for this long is dead, and its tasks are orphans."
    )
    stop_s: Seconds = Field(5.0, description="For a worker to let go when its task is canceled or the gateway stops.")
    store_patience_s: Seconds = Field(
        10.0,
        description="The store may be away for this long before readers are told; writing is tried on. A gateway that "
        "starts waits for it as long.",
    )
    kept_s: Seconds = Field(7 * 24 * 3600.0, description="A task is kept this long after its end.")
    unanswered_s: Seconds = Field(
        24 * 3600.0,
        description="A task that waits for its caller this long is FAILED; one of a `resume` agent, if nobody reads "
        "it, is forgotten.",
    )
    events_kept_s: Seconds = Field(3600.0, description="An event can be resumed from for this long.")
    events_kept: Count = Field(10_000, description="Newest events of a task that can be resumed from.")
    resume_linger_s: Seconds = Field(
        60.0, description="A `resume` agent's task is read on for this long after its last reader has gone."
    )
    resume_lingering: Count = Field(
        1000, description="Tasks that are read on so at once; of more, the one longest without a reader is let go."
    )
    resume_tries: Count = Field(
        6, description="Attempts to take up a `resume` agent's broken stream that bring nothing new; then it fails."
    )
    resume_retry_s: Seconds = Field(
        0.25, description="Before the first attempt, at most; doubled for each further one."
    )
    resume_silence_s: Seconds = Field(
        2.0, description="An agent that says nothing for this long once its stream is taken up is asked for the task."
    )
    prune_s: Seconds = Field(60.0, description="How often what is over its time is removed.")
    principal_header: HeaderName | None = Field(
        None,
        description="The header in which a proxy in front says who calls; each then sees its own tasks alone. "
        "Anyone who knows a task's id may use it where absent.",
    )
