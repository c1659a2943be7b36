"""What comes on one stream: counted against its window as it comes, credited as its reader takes it.

That is the back-pressure. Only a reader that waits for a message larger than the window gets more
than was taken.
"""

from collections.abc import Callable, Sequence

from gateway.codec.grpc_http2 import MessageReader
from gateway.codec.malformed import Malformed
from gateway.news import News


class Inbound:
    """The messages of a stream. The connection feeds it, one reader reads it.

    `credit` lets the peer send so much more on the stream of a number.
    """

    __slots__ = ("_credit", "_failure", "_full", "_held", "_messages", "_news", "_owed", "ended", "stream_id", "window")

    def __init__(self, stream_id: int, window: int, message_bytes: int, credit: Callable[[int, int], None]) -> None:
        self.stream_id = stream_id
        self.window = window
        """Bytes that the peer may send."""
        self.ended = False
        self._credit = credit
        self._full = window
        self._held = 0
        """Bytes that came and are not to be credited yet."""
        self._owed = 0
        """Bytes that were taken and not credited yet."""
        self._messages = MessageReader(message_bytes)
        self._failure: Exception | None = None
        self._news = News()

    def compressed_as(self, encoding: str) -> None:
        """How compressed messages are, as `grpc-encoding` says."""
        self._messages.encoding = encoding

    def receive(self, content: bytes, cost: int) -> bool:
        """Takes the content of a DATA frame that counts as `cost` bytes; False where the peer may not send it."""
        self.window -= cost
        if self.window < 0:
            return False
        self._held += cost
        messages = self._messages
        if content:
            messages.feed(content)
        if self._news.awaited:
            if messages.ready:
                self._news.tell()
            else:
                self._give_back()
        return True

    def end(self, failure: Exception | None = None) -> None:
        """Nothing comes any more. The first end counts."""
        if not self.ended:
            self.ended, self._failure = True, failure
            self._news.tell()

    async def burst(self) -> Sequence[bytes] | None:
        """The messages that have arrived, at least one, in order; None once the stream has ended well.

        What came before a failure is given before it is raised. Raises the failure that the stream
        ended with, Malformed and UnknownCompression.
        """
        reader = self._messages
        while True:
            while not (reader.ready or self.ended):
                self._give_back()
                await self._news.wait()
            messages = reader.take() if reader.ready else ()
            if messages:
                self._give_back(keep=reader.buffered)
                return messages
            if self.ended:
                if self._failure is not None:
                    raise self._failure
                if reader.buffered:
                    raise Malformed("a message that is shorter than it says")
                return None

    def _give_back(self, keep: int = 0) -> None:
        """Credits what is held but for so much, once it is worth a frame."""
        if self._held > keep:
            self._owed += self._held - keep
            self._held = keep
        if 2 * self._owed >= self._full and not self.ended:
            self._credit(self.stream_id, self._owed)
            self.window += self._owed
            self._owed = 0
