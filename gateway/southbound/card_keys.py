"""Whether an agent's cards are its own: their signatures, held against the keys that the settings name.

The keys are a JWK Set in a file, read once, or at an https URL, read without the agent's headers
and believed as long as a card.
"""

from collections.abc import Awaitable, Callable
from pathlib import Path

from gateway.codec import jsontext
from gateway.codec.malformed import Bounds, Malformed
from gateway.codec.signature import PublicKeys, Verdict, public_keys, verify
from gateway.errors import AgentError, ErrorKind
from gateway.settings import AgentSettings, ConfigurationError, Limits
from gateway.southbound.cached import Cached
from gateway.southbound.cards import ReadCard, fetch_document
from gateway.southbound.request import READING_ANSWER
from gateway.southbound.transport.http import HttpClient
from generated.a2a.v1.a2a_pb import AgentCard


class CardKeys:
    """Lets pass the cards that one of the agent's keys has signed; every card where no keys are configured.

    Raises ConfigurationError for a configured file that holds no keys.
    """

    def __init__(self, settings: AgentSettings, client: HttpClient, limits: Limits) -> None:
        self._keys: Cached[PublicKeys] | None = None
        if settings.card_keys is not None:
            read = keys_reader(settings.card_keys, client, limits)
            self._keys = Cached(read, limits.card_s, limits.connect_s)

    async def verified(self, card: AgentCard) -> AgentCard:
        """The same card. Raises AgentError for one that may not be passed on."""
        if self._keys is not None:
            verdict = verify(card, await self._keys.get())
            if verdict is not Verdict.VALID:
                raise AgentError(ErrorKind.INVALID_AGENT_RESPONSE, f"The agent's card is refused: {verdict.value}")
        return card

    def verifying(self, read: ReadCard) -> ReadCard:
        """Reads a card as `read` does, and lets it pass or not."""

        async def read_verified() -> AgentCard:
            return await self.verified(await read())

        return read_verified

    async def close(self) -> None:
        if self._keys is not None:
            await self._keys.close()


def keys_reader(source: str, client: HttpClient, limits: Limits) -> Callable[[], Awaitable[PublicKeys]]:
    """How keys are read anew: over HTTP, or from a file once and for all. Raises ConfigurationError."""
    if source.startswith("https://"):
        return lambda: _fetch_keys(client, source, limits)
    keys = _keys_file(source, limits.bounds())

    async def ready() -> PublicKeys:
        return keys

    return ready


async def _fetch_keys(client: HttpClient, url: str, limits: Limits) -> PublicKeys:
    wanted = {"Accept": "application/jwk-set+json, application/json"}
    text = await fetch_document(client, url, wanted, limits, "keys")
    with READING_ANSWER:
        return public_keys(jsontext.load(text, limits.bounds()))


def _keys_file(path: str, bounds: Bounds) -> PublicKeys:
    try:
        return public_keys(jsontext.load(Path(path).read_bytes(), bounds))
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except Malformed as error:
        raise ConfigurationError(f"{path}: {error}") from None
