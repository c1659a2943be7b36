"""TLS towards agents: whom the gateway trusts, how it proves itself, what callers are told when that fails."""

import datetime
import json
import ssl
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import trustme

from gateway.errors import AgentError, ErrorKind
from gateway.settings import AgentSettings
from generated.a2a.v1 import a2a_pb as a2a
from tests.fakes import events, scripted_grpc
from tests.fakes.http_steps import JSON_HEAD, json_reply, reply
from tests.fakes.loopback import HOST
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.southbound.reaching import interface, leading_to, limits, reaching, task_id
from tests.southbound.tls_front import TlsFront

# uvloop leaves the transport of a connection that fails its handshake at the server, the fake here, to the collector.
UNCLOSED = pytest.mark.filterwarnings("ignore:unclosed resource <TCPTransport:ResourceWarning")

pytestmark = [pytest.mark.anyio, pytest.mark.usefixtures("transport"), UNCLOSED]

SCHEMES = ("grpcs", "https")
LONG_AGO = datetime.datetime(2001, 1, 1, tzinfo=datetime.UTC)


@dataclass(frozen=True, slots=True)
class Papers:
    """Authorities and certificates, as files."""

    folder: Path
    ours: trustme.CA
    theirs: trustme.CA

    def authority(self, ca: trustme.CA) -> str:
        path = self.folder / f"{id(ca)}.pem"
        ca.cert_pem.write_to_path(str(path))
        return str(path)

    def of_gateway(self, ca: trustme.CA) -> dict[str, str]:
        """A certificate for the gateway and its key, from an authority."""
        issued = ca.issue_cert(common_name="the gateway")
        chain, key = self.folder / f"chain-{id(issued)}.pem", self.folder / f"key-{id(issued)}.pem"
        chain.write_bytes(b"".join(blob.bytes() for blob in issued.cert_chain_pems))
        issued.private_key_pem.write_to_path(str(key))
        return {"cert": str(chain), "key": str(key)}

    def server(self, *names: str, wants_clients_of: trustme.CA | None = None, expired: bool = False) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self.ours.issue_cert(*(names or (HOST,)), not_after=LONG_AGO if expired else None).configure_cert(context)
        if wants_clients_of is not None:
            wants_clients_of.configure_trust(context)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


@pytest.fixture(scope="module")
def papers(tmp_path_factory: pytest.TempPathFactory) -> Papers:
    return Papers(tmp_path_factory.mktemp("papers"), trustme.CA(), trustme.CA())


@asynccontextmanager
async def agent(scheme: str, context: ssl.SSLContext) -> AsyncGenerator[TlsFront]:
    """An agent behind TLS."""
    if scheme == "grpcs":
        context.set_alpn_protocols(["h2"])
        scripts = {"GetTask": [scripted_grpc.answer(events.bare_task("secured"), a2a.Task)]}
        async with ScriptedGrpcAgent(scripts) as plain, TlsFront(plain.address, context) as front:
            yield front
    else:
        context.set_alpn_protocols(["http/1.1"])
        async with (
            ScriptedHttpAgent({"GetTask": [json_reply(events.bare_task("secured"))]}) as plain,
            TlsFront(plain.address, context) as front,
        ):
            plain.advertised = f"https://{front.address}/"
            yield front


async def asked(scheme: str, front: TlsFront, **tls: str) -> str:
    async with reaching(f"{scheme}://{front.address}", tls=tls) as upstream:
        return await task_id(upstream)


def unreached(error: AgentError, front: TlsFront) -> None:
    """What a caller may know of it."""
    assert error.kind is ErrorKind.UNAVAILABLE
    assert error.message in ("The agent cannot be reached", "The connection to the agent broke")
    assert HOST not in str(error)
    assert str(front.port) not in str(error)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_an_agent_of_a_private_authority_is_reached(papers: Papers, scheme: str) -> None:
    async with agent(scheme, papers.server()) as front:
        assert await asked(scheme, front, ca=papers.authority(papers.ours)) == "secured"
        assert set(front.alpn) == {"h2" if scheme == "grpcs" else "http/1.1"}


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_an_agent_that_wants_to_know_the_gateway_is_reached(papers: Papers, scheme: str) -> None:
    own = papers.of_gateway(papers.ours)
    async with agent(scheme, papers.server(wants_clients_of=papers.ours)) as front:
        assert await asked(scheme, front, ca=papers.authority(papers.ours), **own) == "secured"
        assert set(front.names) == {"the gateway"}


UNTRUSTED = ("another authority", "the system's authorities", "another host", "an expired certificate")


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("why", UNTRUSTED)
async def test_an_agent_that_is_not_trusted_is_not_reached(papers: Papers, scheme: str, why: str) -> None:
    server = papers.server("other.example.com") if why == "another host" else papers.server()
    if why == "an expired certificate":
        server = papers.server(expired=True)
    tls = {"ca": papers.authority(papers.theirs if why == "another authority" else papers.ours)}
    async with agent(scheme, server) as front:
        with pytest.raises(AgentError) as failed:
            await asked(scheme, front, **({} if why == "the system's authorities" else tls))
    unreached(failed.value, front)


@pytest.mark.parametrize("scheme", SCHEMES)
@pytest.mark.parametrize("why", ["no certificate", "a certificate of another authority"])
async def test_a_gateway_that_is_not_trusted_reaches_nobody(papers: Papers, scheme: str, why: str) -> None:
    own = {} if why == "no certificate" else papers.of_gateway(papers.theirs)
    async with agent(scheme, papers.server(wants_clients_of=papers.ours)) as front:
        with pytest.raises(AgentError) as failed:
            await asked(scheme, front, ca=papers.authority(papers.ours), **own)
    unreached(failed.value, front)


@pytest.mark.parametrize("scheme", SCHEMES)
async def test_an_agent_that_speaks_no_tls_is_not_reached(papers: Papers, scheme: str) -> None:
    async with ScriptedHttpAgent({}) as plain:
        tls = {"ca": papers.authority(papers.ours)}
        bounds = limits(connect_s=0.5)  # the agent waits for a request that never comes
        async with reaching(f"{scheme}://{plain.address}", bounds=bounds, tls=tls) as upstream:
            with pytest.raises(AgentError) as failed:
                await task_id(upstream)
    assert failed.value.kind is ErrorKind.UNAVAILABLE
    assert plain.address not in str(failed.value)
    assert plain.requests == []


@pytest.mark.parametrize("scheme", ["grpc", "http"])
async def test_a_plain_call_does_not_pass_where_tls_is_wanted(papers: Papers, scheme: str) -> None:
    async with agent(f"{scheme}s", papers.server()) as front, reaching(f"{scheme}://{front.address}") as upstream:
        with pytest.raises(AgentError) as failed:
            await task_id(upstream)
    assert failed.value.kind is ErrorKind.UNAVAILABLE
    assert front.address not in str(failed.value)


@pytest.mark.parametrize("written", ["{}", "https://{}", "https://{}/", "grpcs://{}"])
async def test_a_card_over_https_leads_to_grpc_over_tls(papers: Papers, written: str) -> None:
    async with agent("grpcs", papers.server()) as over_grpc:
        card = leading_to(interface(written.format(over_grpc.address), "GRPC"))
        async with ScriptedHttpAgent({}, card=[reply(200, JSON_HEAD, json.dumps(card).encode())]) as plain:
            context = papers.server()
            async with TlsFront(plain.address, context) as front:
                assert await asked("https", front, ca=papers.authority(papers.ours)) == "secured"
        assert over_grpc.alpn == ["h2"]


BAD_PAPERS: dict[str, Any] = {
    "a key alone": {"key": "key.pem"},
    "a certificate alone": {"cert": "cert.pem"},
    "an authority that is not there": {"ca": "none.pem"},
    "a folder for an authority": {"ca": "."},
    "a key that is not there": {"cert": "cert.pem", "key": "none.pem"},
    "an unknown paper": {"password": "x"},
}


@pytest.mark.parametrize("given", BAD_PAPERS)
def test_papers_that_cannot_be_used_are_refused(tmp_path: Path, given: str) -> None:
    for name in ("key.pem", "cert.pem"):
        (tmp_path / name).touch()
    tls = {name: str(tmp_path / value) for name, value in BAD_PAPERS[given].items()}
    with pytest.raises(ValueError, match="tls"):
        AgentSettings.model_validate({"name": "a", "url": "https://127.0.0.1:1/", "tls": tls})
