"""`check`: reaches every agent of a configuration and says what is wrong and where."""

import asyncio
import uuid

from gateway.agent import Agent, CallContext
from gateway.errors import AgentError, ErrorKind, GatewayError
from gateway.operations import GET_TASK
from gateway.settings import AgentSettings, ConfigurationError, Settings
from gateway.southbound.upstream import Upstream
from generated.a2a.v1.a2a_pb import GetTaskRequest

_SILENT = {ErrorKind.UNAVAILABLE, ErrorKind.DEADLINE_EXCEEDED, ErrorKind.METHOD_NOT_FOUND, ErrorKind.UNKNOWN}
"""Answers to a question for a task that does not exist that no working A2A agent gives."""


async def check(settings: Settings) -> dict[str, list[str]]:
    """The problems of each agent by name; no problem, an empty list."""
    names = [agent.name for agent in settings.agents]
    problems = await asyncio.gather(*(check_agent(agent, settings) for agent in settings.agents))
    return dict(zip(names, problems, strict=True))


async def check_agent(agent_settings: AgentSettings, settings: Settings) -> list[str]:
    """What keeps an agent from being served."""
    limits = settings.limits
    try:
        upstream: Agent = Upstream(agent_settings, limits)
    except (ConfigurationError, OSError) as error:
        return [str(error)]
    context = CallContext(deadline=asyncio.get_running_loop().time() + 2 * limits.connect_s)
    problems: list[str] = []
    try:
        await upstream.card(context)
    except GatewayError as error:
        problems.append(f"card: {error.message}")
    try:
        await upstream.call(GET_TASK, GetTaskRequest(id=f"check-{uuid.uuid4()}"), context)
        problems.append("GetTask: answered a task that does not exist")
    except AgentError as error:
        if error.kind in _SILENT or error.kind is ErrorKind.INVALID_AGENT_RESPONSE:
            problems.append(f"GetTask: {error.kind.reason}: {error.message}")
    except GatewayError as error:
        problems.append(f"GetTask: {error.message}")
    finally:
        await upstream.close()
    return list(dict.fromkeys(problems))
