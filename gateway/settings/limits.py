"""What is bounded, and by how much."""

from pydantic import Field

from gateway.codec.malformed import Bounds
from gateway.settings.values import Bytes, Count, Frozen, Seconds


class Limits(Frozen):
    """What is bounded, and by how much."""

    message_bytes: Bytes = Field(
        4 * 1024 * 1024 + 64 * 1024, description="A protobuf message: 4 MiB of content and what stands around it."
    )
    json_bytes: Bytes = Field(
        6 * 1024 * 1024, description="A JSON body or an SSE event; base64 makes 5.4 MiB of 4 MiB."
    )
    inline_bytes: Bytes = Field(
        64 * 1024, description="Messages up to this size are converted at once; larger ones in a thread."
    )
    json_depth: Count = Field(
        24, le=30, description="Levels inside one free-form value; protobuf readers stop at 33."
    )
    json_object_keys: Count = Field(1024, description="Members of one JSON object.")
    json_number_chars: Count = Field(
        64, le=300, description="Characters of one number in JSON text; a double has at most 309 digits."
    )
    header_bytes: Bytes = Field(
        8 * 1024, description="All headers or metadata of a call; gRPC peers refuse more than 8 to 16 KiB."
    )
    header_fields: Count = Field(64, description="Header fields of a call.")
    streams: Count = Field(2000, description="Calls under way at once; more are refused, not queued.")
    http2_streams: Count = Field(1000, description="Calls under way at once on one gRPC connection.")
    control_frames: Count = Field(
        1000,
        description="HTTP/2 frames without content that a gRPC agent or caller may send in a minute, beside those that "
        "messages bring along. Each costs up to 100 µs; who sends more is cut off.",
    )
    first_event_s: Seconds = Field(
        1.0, description="How long a stream waits for its first event before its headers go out without it."
    )
    keep_alive_s: Seconds = Field(
        4.0,
        description="A silent SSE stream is sent a comment this often: stock a2a-sdk "
        "clients give up after 5 s, balancers after 60.",
    )
    send_stall_s: Seconds = Field(30.0, description="A caller that takes nothing for this long is cut off.")
    body_s: Seconds = Field(30.0, description="For a request body to arrive.")
    unary_s: Seconds = Field(
        600.0, description="For a unary call without a deadline of its own; a blocking SendMessage takes minutes."
    )
    connect_s: Seconds = Field(5.0, description="To reach an agent.")
    stream_idle_s: Seconds | None = Field(
        None, description="Silence after which an agent's stream counts as dead; keep-alives count as life. Off."
    )
    stream_buffer_bytes: Bytes = Field(
        256 * 1024, description="What may be under way in one direction of one stream, ahead of a slow reader."
    )
    ping_s: Seconds = Field(30.0, description="A silent connection of a caller, or to an HTTP agent, is probed.")
    agent_ping_s: Seconds = Field(
        330.0, description="A silent gRPC connection to an agent is probed; stock servers cut who asks within 5 min."
    )
    ping_answer_s: Seconds = Field(10.0, description="For the answer to such a probe.")
    reconnect_s: Seconds = Field(0.1, description="Before the first new attempt to reach a gRPC agent; it grows.")
    head_s: Seconds = Field(
        10.0, description="For the head of an HTTP request, or the greeting of a gRPC connection, from connecting on."
    )
    idle_connection_s: Seconds = Field(60.0, description="An HTTP connection without a request is kept this long.")
    drain_s: Seconds = Field(20.0, description="From SIGTERM to exit; calls under way may finish until then.")
    retry_ms: Count = Field(
        1000, description="What a stream that a shutdown ends tells its reader to wait; up to twice that, at random."
    )
    card_s: Seconds = Field(300.0, description="How long an agent's card is believed, here and by callers.")
    consoles: Count = Field(8, description="Consoles that watch the wire at once; more are refused.")
    wire_frames: Count = Field(
        2048, description="Frames that wait for a watching console; more are left out, and it is told how many."
    )
    wire_bytes: Bytes = Field(4 * 1024 * 1024, description="The same, in bytes.")
    wire_text_bytes: Bytes = Field(
        64 * 1024, description="Of one frame, what a console is shown; of a longer one, its beginning and its size."
    )
    recording_lines: Count = Field(100_000, description="Lines of a recording that is replayed.")
    recording_bytes: Bytes = Field(64 * 1024 * 1024, description="The same, in bytes.")
    descriptor_files: Count = Field(1000, description="Files that define one mapped service, with their imports.")
    descriptor_bytes: Bytes = Field(8 * 1024 * 1024, description="The same files together, as descriptors.")

    def bounds(self) -> Bounds:
        """The bounds of the codec."""
        return Bounds(
            message_bytes=self.message_bytes,
            json_bytes=self.json_bytes,
            depth=self.json_depth,
            object_keys=self.json_object_keys,
            number_chars=self.json_number_chars,
        )
