"""Which agent a call is for: by the path it came on, by its tenant, or the default one."""

from collections.abc import Iterator, Mapping

from gateway.agent import Agent
from gateway.errors import CallerError, ErrorKind


class NoSuchAgent(CallerError):
    """The call came to the address of an agent that the gateway does not have."""


class Directory:
    """The agents by name; the first one is the default."""

    def __init__(self, agents: Mapping[str, Agent]) -> None:
        self._agents = dict(agents)

    def __iter__(self) -> Iterator[str]:
        return iter(self._agents)

    def __contains__(self, name: str) -> bool:
        return name in self._agents

    @property
    def default(self) -> str:
        """The name of the default agent; empty where there is none."""
        return next(iter(self._agents), "")

    def find(self, tenant: str, name: str = "") -> tuple[str, Agent]:
        """The agent of a call that came for `name` (empty: for the gateway) with this tenant, and its name.

        Raises CallerError; NoSuchAgent where it is the address that names none.
        """
        if name and tenant and tenant != name:
            raise CallerError(ErrorKind.INVALID_PARAMS, f"The tenant {tenant[:64]!r} is not the agent of this address")
        wanted = name or tenant or self.default
        if (agent := self._agents.get(wanted)) is None:
            what = f"There is no agent {wanted[:64]!r}" if wanted else "The gateway has no agent"
            raise (NoSuchAgent if name else CallerError)(ErrorKind.INVALID_PARAMS, what)
        return wanted, agent

    async def close(self) -> None:
        for agent in self._agents.values():
            await agent.close()
