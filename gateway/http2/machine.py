"""h2's state machine, set up as both sides want it, and kept from growing with what a peer does.

It is shown neither DATA nor credit. Its owner counts the streams, and tells of each that is over.
"""

import h2.config
import h2.connection
import h2.events
import h2.settings
from h2.settings import SettingCodes
from h2.stream import StreamClosedBy

from gateway.codec import http2

FRAME_BYTES = 16_384
"""The longest frame that is taken, and that is sent (RFC 9113 section 4.2)."""
TABLE_BYTES = 4096
"""Of HPACK's dynamic table towards a peer, whatever it offers: it is searched for every field."""


class Machine(h2.connection.H2Connection):
    """One end of a connection. `streams` is how many the peer may open at once."""

    MAX_CLOSED_STREAMS = 1024
    """Whose end is remembered. Of others, what comes late is a breach."""

    def __init__(self, *, client: bool, window_bytes: int, header_bytes: int, streams: int = 0) -> None:
        # An invalid field is its stream's concern and not every stream's, so h2 does not judge them.
        config = h2.config.H2Configuration(
            client_side=client, validate_inbound_headers=False, normalize_inbound_headers=False
        )
        super().__init__(config)
        values = {
            SettingCodes.INITIAL_WINDOW_SIZE: window_bytes,
            SettingCodes.MAX_FRAME_SIZE: FRAME_BYTES,
            SettingCodes.MAX_HEADER_LIST_SIZE: header_bytes,
        }
        values |= {SettingCodes.ENABLE_PUSH: 0} if client else {SettingCodes.MAX_CONCURRENT_STREAMS: streams}
        self.local_settings = h2.settings.Settings(client=client, initial_values=values)
        self.decoder.max_header_list_size = header_bytes

    @property
    def open_inbound_streams(self) -> int:
        """None: the owner counts. h2 would walk over all of them for every new one."""
        return 0

    @property
    def open_outbound_streams(self) -> int:
        """None, as above."""
        return 0

    def receive(self, kind: int, flags: int, stream_id: int, payload: bytes) -> list[h2.events.Event]:
        """What one frame comes to. Raises h2's ProtocolError; Malformed for SETTINGS of no length."""
        if kind == http2.SETTINGS and not flags & http2.ACK:
            payload = http2.known_settings(payload, TABLE_BYTES)
        return self.receive_data(http2.head(len(payload), kind, flags, stream_id) + payload)

    def forget(self, stream_id: int, end: StreamClosedBy | None = None) -> None:
        """The stream is over; `end` says how, where h2 was not shown it."""
        if (stream := self.streams.pop(stream_id, None)) is not None:
            self._closed_streams[stream_id] = end or stream.closed_by
