"""The whole configuration."""

import ipaddress
from typing import Annotated, Literal, Self
from urllib.parse import urlsplit

from pydantic import BeforeValidator, Field, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.errors import StatusProfile
from gateway.settings.agents import AgentSettings
from gateway.settings.limits import Limits
from gateway.settings.push import PushSettings
from gateway.settings.signing import Signing
from gateway.settings.tasks import TaskSettings
from gateway.settings.values import Address, Count, HeaderName, HttpUrl, is_loopback

_EVERYWHERE = ("0.0.0.0", "::")  # noqa: S104 # compared, not bound


def _switch(value: object) -> object:
    """YAML takes `on` and `off` for truth values."""
    return {True: "on", False: "off"}.get(value, value) if isinstance(value, bool) else value


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="A2A_GATEWAY_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    http: Address = Field(
        "127.0.0.1:8080", description="Where JSON-RPC, SSE and cards are served. Port 0: any free one."
    )
    grpc: Address = Field("127.0.0.1:50050", description="Where gRPC is served.")
    grpc_server: Literal["native", "library"] = Field(
        "native",
        description="What serves gRPC: `native`, our own HTTP/2, or `library`, grpcio, which costs far more.",
    )
    workers: Count = Field(
        1, le=64, description="Processes that share both ports; one for each core that the gateway may use."
    )
    public_url: HttpUrl | None = Field(
        None, description="What cards give as the HTTP address; else the address that the caller used."
    )
    public_grpc: Address | None = Field(
        None, description="What cards give as the gRPC address; else the host of the HTTP one and the gRPC port."
    )
    trusted_proxies: tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...] = Field(
        (), description="Networks whose `Forwarded` and `X-Forwarded-*` headers are believed."
    )
    forward_headers: tuple[HeaderName, ...] = Field(
        (), description="Headers that pass to agents beside the credentials and the trace context."
    )
    unversioned_card: Literal["1.0", "0.3", "hybrid"] = Field(
        "1.0",
        description="The form of a card that is asked for without a version; `hybrid` has the members of both.",
    )
    version_policy: Literal["lenient", "strict"] = Field(
        "lenient", description="Calls that name no version: `lenient` takes the method's, `strict` refuses them."
    )
    status_profile: StatusProfile = Field(
        StatusProfile.V1_0_1, description="Edition of A2A 1.0 whose gRPC and HTTP statuses are answered."
    )
    log_format: Literal["auto", "json", "console"] = Field(
        "auto", description="`auto`: console on a terminal, JSON elsewhere."
    )
    log_level: Literal["debug", "info", "warning", "error"] = Field("info", description="The least that is logged.")
    console: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)] = Field(
        "auto",
        description="The page `/console`, which shows what crosses the wire. `auto`: only where HTTP is served on "
        "loopback.",
    )
    signing: Signing | None = Field(
        None, description="The key that published cards are signed with; they are unsigned where absent."
    )
    agents: tuple[AgentSettings, ...] = Field((), description="The agents; the first one is the default.")
    store: str = Field(
        "sqlite:///a2a.db",
        description="Where tasks and webhooks are kept: `sqlite:///FILE`, or `postgresql://…` for several gateways. "
        "Opened only if an agent needs it.",
    )
    tasks: TaskSettings = Field(
        default_factory=lambda: TaskSettings.model_validate({}), description="Tasks that the gateway owns."
    )
    push: PushSettings = Field(
        default_factory=lambda: PushSettings.model_validate({}), description="Push notifications; see below."
    )
    limits: Limits = Field(default_factory=lambda: Limits.model_validate({}), description="See below.")

    @property
    def serves_console(self) -> bool:
        """Whether `/console` is there."""
        return self.console == "on" or (self.console == "auto" and is_loopback(self.http.rpartition(":")[0]))

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [agent.name for agent in self.agents]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two agents are named {name!r}")
        return self

    @model_validator(mode="after")
    def _is_reached_by_agents(self) -> Self:
        for agent in self.agents:
            if agent.push == "relay" and self.public_url is None and not _on_this_machine(agent.url, self.http):
                raise ValueError(
                    f"public_url: agent {agent.name!r} with `push: relay` must be told where it reaches the gateway"
                )
        return self

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        # `load` passes the file's content as initial values, below the environment.
        return env_settings, init_settings


def _on_this_machine(agent_url: str, http: str) -> bool:
    """Whether an agent surely reaches the address that HTTP is served at: over the same interface, or loopback."""
    agent, served = (urlsplit(url).hostname or "" for url in (agent_url, f"//{http}"))
    return agent == served or (is_loopback(agent) and (is_loopback(served) or served in _EVERYWHERE))
