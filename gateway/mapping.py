"""`map`: asks a gRPC service for its methods and writes the configuration that makes them skills."""

from collections.abc import Mapping, Sequence
from typing import Any

from gateway.settings import AgentSettings, ConfigurationError, load
from gateway.southbound.mapped.draft import agent_name, draft
from gateway.southbound.mapped.service import MappedService

_NAMELESS = "service"


async def drafted(url: str, source: Mapping[str, Any], methods: Sequence[str], name: str) -> str:
    """A configuration file for the service at a URL, with all of its methods or with those that are named.

    `source` is the agent's `descriptors`. Raises ConfigurationError, also for a method that is not
    there, and AgentError.
    """
    skills: Any = tuple({"method": method} for method in methods) or "auto"
    agent: dict[str, Any] = {"name": name or _NAMELESS, "url": url, "skills": skills, "descriptors": source}
    settings = load(None, {"agents": [agent]})
    own = settings.agents[-1]
    service = MappedService(own, settings.limits)
    try:
        found = await service.read()
    finally:
        await service.close()
    if found.problems:
        raise ConfigurationError("\n".join(found.problems))
    return draft(_named(own, name or agent_name(found.descriptors)), found)


def _named(settings: AgentSettings, name: str) -> AgentSettings:
    return settings.model_copy(update={"name": name})
