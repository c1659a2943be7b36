"""The translator, a service that knows nothing of A2A, as a worker of the gateway."""

from collections.abc import Iterator

import pytest

from gateway.worker import Chunk
from tests.examples.conftest import Running, running
from tests.southbound.mapped.services import mapped, ran, said, shown, work

pytestmark = pytest.mark.anyio


@pytest.fixture(scope="module")
def translator() -> Iterator[Running]:
    with running("examples.translator.server", 0.01) as started:
        yield started


async def test_it_streams_words(translator: Running) -> None:
    async with mapped(translator[1]) as service:
        assert shown(await ran(service, work(said("Good morning")))) == ["guten", " Morgen", "COMPLETED"]
        french = work(said("Good morning", {"target_language": "fr"}))
        assert shown(await ran(service, french)) == ["bon", " matin", "COMPLETED"]


async def test_it_refuses_what_it_has_no_words_of(translator: Running) -> None:
    async with mapped(translator[1]) as service:
        ((state, words),) = shown(await ran(service, work(said("Good morning", {"target_language": "xx"}))))  # type: ignore[misc]
    assert state == "REJECTED"
    assert words == "The service does not accept this request: no words of 'xx'; try de, fr, es"


async def test_cancelling_reaches_it(translator: Running) -> None:
    process, url = translator
    async with mapped(url) as service:
        run = service.run(work(said("one " * 1000)))
        assert isinstance(await run.asend(None), Chunk)
        await run.aclose()
    assert process.stdout is not None
    assert process.stdout.readline() == "cancelled\n"
