"""Settings in, agents out: each with everything that the gateway wraps around it, and the tasks that it owns."""

import importlib
import inspect
import sys
from contextlib import AsyncExitStack
from copy import copy
from dataclasses import dataclass
from pathlib import Path
from typing import cast
from urllib.parse import urlsplit

from prometheus_client import CollectorRegistry

from gateway.agent import Agent, CallContext
from gateway.codec import recording
from gateway.codec.recording import Recording
from gateway.relay.contract import Contracted
from gateway.relay.deltas import WithDeltas
from gateway.relay.directory import Directory
from gateway.settings import AgentSettings, ConfigurationError, Limits, Settings
from gateway.southbound.cards import configured_card
from gateway.southbound.mapped.service import MappedService
from gateway.southbound.trust import ssl_context
from gateway.southbound.upstream import Upstream
from gateway.tasks.cursor import RESUME_URI
from gateway.tasks.cursor import declaration as resume_declaration
from gateway.tasks.owned import OwnedAgent
from gateway.tasks.push import Admission, Delivery, Guard, PushTelemetry, Sender, SystemResolver
from gateway.tasks.push.relayed import Forwarding, Place, PushRelayed, Receiver, Substitution
from gateway.tasks.relayed import RelayedAgent
from gateway.tasks.replay import Replay
from gateway.tasks.runtime import Runtime
from gateway.tasks.sql import open_store
from gateway.tasks.store import Record
from gateway.tasks.subscriptions import Keeping
from gateway.tasks.webhooks import Webhooks
from gateway.worker import Worker
from generated.a2a.v1.a2a_pb import AgentCapabilities, AgentCard, AgentSkill


@dataclass(frozen=True, slots=True)
class Relaying:
    """What relays the notifications of agents with `push: relay`."""

    place: Place
    substitution: Substitution
    forwarding: Forwarding
    receiver: Receiver
    agents: dict[str, Agent]
    """Whom to ask for whole tasks."""


@dataclass(frozen=True, slots=True)
class Assembly:
    """Everything behind the edges."""

    directory: Directory
    relaying: Relaying | None
    """None where no agent posts to the gateway."""


async def assemble(settings: Settings, registry: CollectorRegistry, stack: AsyncExitStack) -> Assembly:
    """The agents, ready to be asked; `stack` gives them back. Raises ConfigurationError."""
    runtime = relaying = None
    if any(needs_store(agent) for agent in settings.agents):
        runtime, relaying = make_runtime(settings, registry, stack)
    agents: dict[str, Agent] = {}
    for agent in settings.agents:
        if is_recorded(agent):
            agents[agent.name] = replayed(agent, settings.limits)
            continue
        if runtime is not None and owns_tasks(agent):
            asked = _owned(agent, settings, runtime)
        elif runtime is not None and agent.resume:
            asked = _resumable(agent, settings, runtime)
        else:
            asked = connect(agent, settings)
        if relaying is not None and agent.push == "relay":
            relaying.agents[agent.name] = asked
            asked = PushRelayed(agent.name, asked, relaying.substitution)
        agents[agent.name] = _with_deltas(asked, agent, settings)
    directory = Directory(agents)
    stack.push_async_callback(directory.close)
    if runtime is not None:
        stack.push_async_callback(runtime.stop)
        await runtime.start()
    if relaying is None or not relaying.agents:
        return Assembly(directory, None)
    stack.push_async_callback(relaying.forwarding.close)
    await relaying.forwarding.start()
    return Assembly(directory, relaying)


def _with_deltas(asked: Agent, agent: AgentSettings, settings: Settings) -> Agent:
    if agent.deltas == "off":
        return asked
    return WithDeltas(
        asked, settings.limits.bounds(), agent.v0_3.choices(), without=agent.without_deltas, cursors=RESUME_URI
    )


def connect(agent: AgentSettings, settings: Settings) -> Agent:
    """An agent that speaks A2A itself."""
    return Contracted(Upstream(agent, settings.limits), lenient=agent.stream_contract == "lenient")


def _resumable(agent: AgentSettings, settings: Settings, runtime: Runtime) -> Agent:
    """An agent that speaks A2A itself, its streams recorded."""
    upstream = Upstream(agent, settings.limits)
    lenient = agent.stream_contract == "lenient"
    return RelayedAgent(agent.name, upstream, runtime, lenient=lenient, replaced=agent.headers)


def is_recorded(agent: AgentSettings) -> bool:
    """Whether an agent is a recording."""
    return urlsplit(agent.url).scheme == "recording"


def replayed(agent: AgentSettings, limits: Limits) -> Agent:
    """An agent that plays a recording. Raises ConfigurationError, which names the line, for a file that is none."""
    path = Path(agent.url.removeprefix("recording:"))
    played = read_recording(path, limits)
    described = f"A recording of {played.agent or 'an agent'}"
    card = configured_card(agent, limits.bounds()) or _made_card(agent.name, described, "recording")
    capabilities = copy(card.capabilities) if card.capabilities is not None else AgentCapabilities()
    capabilities.streaming, capabilities.push_notifications = True, False
    card = copy(card)
    card.capabilities = capabilities
    speed = None if agent.replay_speed == "instant" else agent.replay_speed
    return Contracted(Replay(played, card, speed), lenient=True)


def read_recording(path: Path, limits: Limits) -> Recording:
    """Raises ConfigurationError, which names the line, for a file that is no recording."""
    most_bytes = limits.json_bytes + 1
    try:
        if path.stat().st_size > limits.recording_bytes:
            raise ConfigurationError(f"{path}: a recording has at most {limits.recording_bytes} bytes")
        with path.open("rb") as file:
            lines = iter(lambda: file.readline(most_bytes), b"")
            return recording.read(lines, limits.bounds(), limits.recording_lines)
    except OSError as error:
        raise ConfigurationError(f"{path}: {error.strerror}") from None
    except recording.BadRecording as error:
        raise ConfigurationError(f"{path}: {error}") from None


def owns_tasks(agent: AgentSettings) -> bool:
    """Whether the gateway owns an agent's tasks: it speaks no A2A itself."""
    return _is_python(agent) or agent.skills is not None


def needs_store(agent: AgentSettings) -> bool:
    """Whether something is kept for an agent."""
    return owns_tasks(agent) or agent.resume or agent.push == "relay"


def make_runtime(settings: Settings, registry: CollectorRegistry, stack: AsyncExitStack) -> tuple[Runtime, Relaying]:
    """Not started yet. Raises ConfigurationError where the store's URL cannot be used."""
    store = open_store(settings.store)
    push, tasks, bounds = settings.push, settings.tasks, settings.limits.bounds()
    resolver = SystemResolver()
    stack.callback(resolver.close)
    guard = Guard(push, resolver)
    sender = Sender(push, guard, ssl_context(push.tls))

    async def load(id: str) -> Record | None:
        return await (forwarding.load(id) if forwarding.delivers(id) else store.load(id))

    telemetry = PushTelemetry(registry)
    delivery = Delivery(push, sender, load, telemetry, bounds)
    admission = Admission(push, guard)
    runtime = Runtime(store, tasks, Webhooks(store, admission, delivery))
    agents: dict[str, Agent] = {}
    forwarding = Forwarding(store.subscriptions, delivery, agents, tasks, runtime.gateway, push.timeout_s)
    place = Place(lambda: store.secret)
    substitution = Substitution(store.subscriptions, admission, delivery, place, push)
    keeping = Keeping(push.relayed_waiting, push.relayed_kept_s, tasks.kept_s)
    receiver = Receiver(store.subscriptions, place, forwarding, keeping, telemetry, bounds)
    return runtime, Relaying(place, substitution, forwarding, receiver, agents)


def _owned(agent: AgentSettings, settings: Settings, runtime: Runtime) -> Agent:
    if _is_python(agent):
        worker = load_worker(agent.url)
        card = _card_of(agent, worker, settings.limits)
        employed, read_card = worker, lambda: _ready(card)
    else:
        service = MappedService(agent, settings.limits)
        employed, read_card = service, lambda: service.card(CallContext())
    runtime.employ(agent.name, employed)

    async def completed() -> AgentCard:
        return _with_capabilities(await read_card())

    # What a mapped service streams is an artifact, which grows for callers as any agent's does.
    return OwnedAgent(
        agent.name, runtime, completed, employed.close, settings.limits.unary_s, has_drafts=_is_python(agent)
    )


def _is_python(agent: AgentSettings) -> bool:
    return urlsplit(agent.url).scheme == "python"


def load_worker(url: str) -> Worker:
    """The worker that `python:MODULE:NAME` names: an instance, or a class to be made. Raises ConfigurationError."""
    module_name, _, name = url.removeprefix("python:").partition(":")
    # As for `python -m`: what stands in the folder where the gateway was started can be named.
    if str(Path.cwd()) not in sys.path:
        sys.path.insert(0, str(Path.cwd()))
    try:
        module = importlib.import_module(module_name)
    except ImportError as error:
        raise ConfigurationError(f"{url}: {error}") from None
    found = getattr(module, name, None)
    if found is None:
        raise ConfigurationError(f"{url}: the module {module_name} has no {name}")
    worker = found() if inspect.isclass(found) else found
    for method in ("run", "admit", "close"):
        if not callable(getattr(worker, method, None)):
            raise ConfigurationError(f"{url}: {name} is no worker: it has no method `{method}`; derive it from Worker")
    return cast(Worker, worker)


def _card_of(agent: AgentSettings, worker: Worker, limits: Limits) -> AgentCard:
    """The configured card, or what the worker's class says of itself. Raises ConfigurationError."""
    if (card := configured_card(agent, limits.bounds())) is not None:
        return card
    return _made_card(agent.name, inspect.getdoc(type(worker)) or f"The agent {agent.name}", "worker")


def _made_card(name: str, described: str, tag: str) -> AgentCard:
    return AgentCard(
        name=name,
        description=described,
        version="1.0.0",
        default_input_modes=["text/plain"],
        default_output_modes=["text/plain"],
        skills=[AgentSkill(id=name, name=name, description=described, tags=[tag])],
    )


async def _ready(card: AgentCard) -> AgentCard:
    return card


def _with_capabilities(card: AgentCard) -> AgentCard:
    """The card with what the task runtime adds to any worker."""
    card = copy(card)
    capabilities = copy(card.capabilities) if card.capabilities is not None else AgentCapabilities()
    capabilities.extensions = list(capabilities.extensions)
    capabilities.streaming = capabilities.push_notifications = True
    named = {extension.uri for extension in capabilities.extensions}
    if RESUME_URI not in named:
        capabilities.extensions.append(resume_declaration())
    card.capabilities = capabilities
    return card
