"""`check`: reaches every agent of a configuration and says what is wrong and where."""

import asyncio
import uuid

from gateway.agent import CallContext
from gateway.assembly import is_recorded, replayed
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.operations import GET_TASK
from gateway.settings import AgentSettings, ConfigurationError, Limits, Settings
from gateway.southbound.mapped.service import MappedService
from gateway.southbound.upstream import Upstream
from generated.a2a.v1.a2a_pb import GetTaskRequest

_NO_ANSWER = {
    ErrorKind.DEADLINE_EXCEEDED,
    ErrorKind.INVALID_AGENT_RESPONSE,
    ErrorKind.METHOD_NOT_FOUND,
    ErrorKind.UNAVAILABLE,
    ErrorKind.UNKNOWN,
    ErrorKind.VERSION_NOT_SUPPORTED,
}
"""Answers to a question for a task that does not exist that no working A2A agent gives."""

_OTHER = {"1.0": "0.3", "0.3": "1.0"}


async def check(settings: Settings) -> dict[str, list[str]]:
    """The problems of each agent by name; no problem, an empty list."""
    names = [agent.name for agent in settings.agents]
    problems = await asyncio.gather(*(check_agent(agent, settings.limits) for agent in settings.agents))
    return dict(zip(names, problems, strict=True))


async def check_agent(agent: AgentSettings, limits: Limits) -> list[str]:
    """What keeps an agent from being served."""
    if is_recorded(agent):
        try:
            replayed(agent, limits)
        except ConfigurationError as error:
            return [str(error)]
        return []
    if agent.skills is not None:
        return await _check_service(agent, limits)
    try:
        upstream = Upstream(agent, limits)
    except (ConfigurationError, OSError) as error:
        return [str(error)]
    problems: list[str] = []
    try:
        try:
            card = await upstream.card(_briefly(limits))
        except GatewayError as error:
            problems.append(f"card: {error.message}")
        else:
            if agent.push == "relay" and not (card.capabilities and card.capabilities.push_notifications):
                problems.append("push: relay needs push notifications, and its card does not declare them")
        if problem := await _ask(upstream, limits):
            problems.append(await _other_version(agent, upstream.version, limits) or problem)
    finally:
        await upstream.close()
    return list(dict.fromkeys(problems))


async def _check_service(agent: AgentSettings, limits: Limits) -> list[str]:
    try:
        service = MappedService(agent, limits)
    except (ConfigurationError, OSError) as error:
        return [str(error)]
    try:
        return await service.problems()
    finally:
        await service.close()


async def _ask(upstream: Upstream, limits: Limits) -> str:
    """What is wrong with the answer to a question that every agent answers; empty where nothing is."""
    try:
        await upstream.call(GET_TASK, GetTaskRequest(id=f"check-{uuid.uuid4()}"), _briefly(limits))
    except AgentError as error:
        return f"GetTask: {error.kind.reason}: {error.message}" if error.kind in _NO_ANSWER else ""
    except GatewayError as error:
        return f"GetTask: {error.message}"
    return "GetTask: answered a task that does not exist"


async def _other_version(agent: AgentSettings, version: str, limits: Limits) -> str:
    """What to say where the agent speaks another version than its card or its settings say."""
    if (other := _OTHER.get(version)) is None:
        return ""
    upstream = Upstream(agent.model_copy(update={"version": other}), limits)
    try:
        if await _ask(upstream, limits):
            return ""
    finally:
        await upstream.close()
    return f'it is said to speak A2A {version}, but speaks {other}: set `version: "{other}"`'


def _briefly(limits: Limits) -> CallContext:
    return CallContext(deadline=asyncio.get_running_loop().time() + 2 * limits.connect_s)
