"""Every knob and limit of the gateway: name, unit, default and reason.

`docs/settings.md` is generated from here. Precedence: command line, environment (`A2A_GATEWAY_…`,
nested with `__`), configuration file, default.
"""

import ipaddress
import os
import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self, cast
from urllib.parse import urlsplit

import yaml
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, field_validator, model_validator
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict

from gateway.codec.malformed import Bounds
from gateway.codec.metadata import is_forwardable, is_sendable
from gateway.codec.v0_3.choices import Choices
from gateway.errors import StatusProfile

if TYPE_CHECKING:
    from gateway.codec.signature import SigningKey


class ConfigurationError(Exception):
    """The configuration cannot be used; the message names the place and the mend."""


def _address(value: str) -> str:
    host, colon, port = value.rpartition(":")
    if not colon or not host or not port.isdecimal() or int(port) > 65535:
        raise ValueError("expected HOST:PORT")
    return value


def _agent_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("grpc", "grpcs", "http", "https"):
        raise ValueError("expected a URL that begins with grpc://, grpcs://, http:// or https://")
    if parts.scheme.startswith("grpc") and (parts.port is None or parts.path.strip("/")):
        raise ValueError(f"expected {parts.scheme}://HOST:PORT")
    _ = parts.port  # raises ValueError for one that is none
    if not parts.hostname or parts.username is not None:
        raise ValueError("expected a host and no user name")
    return value


def _http_url(value: str) -> str:
    parts = urlsplit(value)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError("expected http://HOST or https://HOST")
    return value.rstrip("/")


def _keys_source(value: str) -> str:
    if value.startswith("http://"):
        raise ValueError("expected https://, since keys that anyone on the way can replace prove nothing")
    if not value.startswith("https://") and not Path(value).is_file():
        raise ValueError(f"there is no file {value}")
    return value


def _header_name(value: str) -> str:
    if not is_forwardable(value.lower()):
        raise ValueError(f"{value!r} may not be forwarded")
    return value.lower()


def _header_value(value: str) -> str:
    if not is_sendable(value):
        raise ValueError("expected printable ASCII")
    return value


Address = Annotated[str, AfterValidator(_address)]
HttpUrl = Annotated[str, AfterValidator(_http_url)]
HeaderName = Annotated[str, AfterValidator(_header_name)]
HeaderValue = Annotated[str, AfterValidator(_header_value)]
Seconds = Annotated[float, Field(gt=0, allow_inf_nan=False)]
Bytes = Annotated[int, Field(gt=0)]
Count = Annotated[int, Field(gt=0)]


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(_Frozen):
    """What is bounded, and by how much."""

    message_bytes: Bytes = Field(
        4 * 1024 * 1024 + 64 * 1024, description="A protobuf message: 4 MiB of content and what stands around it."
    )
    json_bytes: Bytes = Field(
        6 * 1024 * 1024, description="A JSON body or an SSE event; base64 makes 5.4 MiB of 4 MiB."
    )
    json_depth: Count = Field(
        24, le=30, description="Levels inside one free-form value; protobuf readers stop at 33."
    )
    json_object_keys: Count = Field(1024, description="Members of one JSON object.")
    json_number_chars: Count = Field(
        64, le=300, description="Characters of one number in JSON text; a double has at most 309 digits."
    )
    header_bytes: Bytes = Field(
        8 * 1024, description="All headers or metadata of a call; gRPC peers refuse more than 8 to 16 KiB."
    )
    header_fields: Count = Field(64, description="Header fields of a call.")
    streams: Count = Field(2000, description="Calls under way at once; more are refused, not queued.")
    http2_streams: Count = Field(1000, description="Calls under way at once on one gRPC connection.")
    first_event_s: Seconds = Field(
        1.0, description="How long a stream waits for its first event before its headers go out without it."
    )
    keep_alive_s: Seconds = Field(
        4.0,
        description="A silent SSE stream is sent a comment this often: stock a2a-sdk "
        "clients give up after 5 s, balancers after 60.",
    )
    send_stall_s: Seconds = Field(30.0, description="A caller that takes nothing for this long is cut off.")
    body_s: Seconds = Field(30.0, description="For a request body to arrive.")
    unary_s: Seconds = Field(
        600.0, description="For a unary call without a deadline of its own; a blocking SendMessage takes minutes."
    )
    connect_s: Seconds = Field(5.0, description="To reach an agent.")
    stream_idle_s: Seconds | None = Field(
        None, description="Silence after which an agent's stream counts as dead; keep-alives count as life. Off."
    )
    stream_buffer_bytes: Bytes = Field(
        256 * 1024, description="What may be under way in one direction of one stream, ahead of a slow reader."
    )
    ping_s: Seconds = Field(30.0, description="A silent connection of a caller, or to an HTTP agent, is probed.")
    agent_ping_s: Seconds = Field(
        330.0, description="A silent gRPC connection to an agent is probed; stock servers cut who asks within 5 min."
    )
    ping_answer_s: Seconds = Field(10.0, description="For the answer to such a probe.")
    reconnect_s: Seconds = Field(0.1, description="Before the first new attempt to reach a gRPC agent; it grows.")
    head_s: Seconds = Field(10.0, description="For the head of an HTTP request to arrive, from connecting on.")
    idle_connection_s: Seconds = Field(60.0, description="An HTTP connection without a request is kept this long.")
    drain_s: Seconds = Field(20.0, description="From SIGTERM to exit; calls under way may finish until then.")
    retry_ms: Count = Field(
        1000, description="What a stream that a shutdown ends tells its reader to wait; up to twice that, at random."
    )
    card_s: Seconds = Field(300.0, description="How long an agent's card is believed, here and by callers.")

    def bounds(self) -> Bounds:
        """The bounds of the codec."""
        return Bounds(
            message_bytes=self.message_bytes,
            json_bytes=self.json_bytes,
            depth=self.json_depth,
            object_keys=self.json_object_keys,
            number_chars=self.json_number_chars,
        )


class Tls(_Frozen):
    """Files that prove an agent to the gateway and the gateway to an agent (PEM)."""

    ca: Path | None = Field(None, description="Certificates to trust; the system's where absent.")
    cert: Path | None = Field(None, description="The gateway's own certificate chain, for mutual TLS.")
    key: Path | None = Field(None, description="Its private key.")

    @model_validator(mode="after")
    def _pair(self) -> Self:
        if (self.cert is None) != (self.key is None):
            raise ValueError("cert and key belong together")
        for path in (self.ca, self.cert, self.key):
            if path is not None and not path.is_file():
                raise ValueError(f"there is no file {path}")
        return self


class OldPeers(_Frozen):
    """Where the SDKs of A2A 0.3 disagree."""

    file_bytes: Literal["base64_text", "raw"] = Field(
        "base64_text",
        description="What a file's bytes hold on gRPC and HTTP+JSON; Python's and Go's SDKs put text there.",
    )
    blocking_when_absent: bool = Field(
        True, description="Whether a message that does not say `blocking` waits for the task; JavaScript's does not."
    )
    final_on_interrupted: bool = Field(
        False, description="Whether an update to input-required or auth-required is `final`, as the Go SDK says it is."
    )

    def choices(self) -> Choices:
        """For the codec."""
        return Choices(self.file_bytes, self.blocking_when_absent, self.final_on_interrupted)


class Signing(_Frozen):
    """The key that the gateway signs the cards with that it publishes."""

    key: Path = Field(
        description="The private key, as PEM without a password: on P-256 (signs as ES256), Ed25519 (EdDSA), "
        "or RSA of at least 2,048 bits (RS256)."
    )
    kid: str = Field("", description="Its id in signatures and in the JWK Set; its thumbprint (RFC 7638) where absent.")
    jku: bool | HttpUrl = Field(
        False, description="Where signatures say that the key is: `true` for the gateway's own JWK Set, or a URL."
    )

    @model_validator(mode="after")
    def _usable(self) -> Self:
        self.signing_key()
        return self

    def signing_key(self) -> "SigningKey":
        """Raises ValueError, which names the file."""
        from gateway.codec.signature import SigningKey  # heavy, and few gateways sign

        try:
            return SigningKey.from_pem(self.key.read_bytes(), self.kid)
        except OSError as error:
            raise ValueError(f"{self.key}: {error.strerror}") from None
        except ValueError as error:
            raise ValueError(f"{self.key}: {error}") from None


class AgentSettings(_Frozen):
    """One agent that the gateway stands in front of."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.~-]{0,62}$",
        description="Its path under the HTTP address, and the tenant that names it on gRPC.",
    )
    url: Annotated[str, AfterValidator(_agent_url)] = Field(
        description="`grpc://` or `grpcs://HOST:PORT`: A2A over gRPC. `http(s)://…`: its card is read there."
    )
    card: str | dict[str, Any] | None = Field(
        None, description="Where its card comes from instead: a file, an http(s) URL, or the card itself."
    )
    card_keys: Annotated[str, AfterValidator(_keys_source)] | None = Field(
        None,
        description="The keys that its cards must be signed with: a JWK Set in a file or at an `https://` URL. "
        "Nothing is verified where absent.",
    )
    tenant: str | None = Field(
        None, description="The tenant that it expects in every request; its card says so where absent."
    )
    headers: dict[HeaderName, HeaderValue] = Field(
        default_factory=dict[str, str],
        description="Headers that every call to it carries; they replace the caller's. "
        "`${NAME}` reads the environment.",
    )
    binding: Literal["GRPC", "JSONRPC", "HTTP+JSON"] | None = Field(
        None, description="The binding to speak to it, of those that its card offers; the card's first where absent."
    )
    version: Literal["1.0", "0.3"] | None = Field(
        None, description="The version to speak to it; its card says so where absent, and gRPC without one is 1.0."
    )
    v0_3: OldPeers = Field(
        default_factory=lambda: OldPeers.model_validate({}),
        description="What A2A 0.3 leaves open, as this agent and its callers mean it.",
    )
    stream_contract: Literal["strict", "lenient"] = Field(
        "strict",
        description="`lenient` lets its streams begin with an update instead of the task.",
    )
    tls: Tls = Field(default_factory=lambda: Tls.model_validate({}), description="For `grpcs://` and `https://`.")

    @field_validator("name")
    @classmethod
    def _not_taken(cls, name: str) -> str:
        if name in RESERVED_PATHS:
            raise ValueError(f"{name!r} is a path of the gateway's own")
        return name

    @model_validator(mode="after")
    def _one_binding(self) -> Self:
        scheme = urlsplit(self.url).scheme
        if scheme.startswith("grpc") and self.binding not in (None, "GRPC"):
            raise ValueError(f"binding: {scheme}:// is GRPC and not {self.binding}; expected GRPC, or no binding")
        return self


RESERVED_PATHS = frozenset(
    {"livez", "readyz", "metrics", "console", "tasks", "extendedAgentCard", "v1", ".well-known"}
)
"""First path segments that no agent can be named after."""


class Settings(BaseSettings):
    """The whole configuration."""

    model_config = SettingsConfigDict(
        env_prefix="A2A_GATEWAY_", env_nested_delimiter="__", extra="forbid", frozen=True
    )

    http: Address = Field(
        "127.0.0.1:8080", description="Where JSON-RPC, SSE and cards are served. Port 0: any free one."
    )
    grpc: Address = Field("127.0.0.1:50050", description="Where gRPC is served.")
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
    signing: Signing | None = Field(
        None, description="The key that published cards are signed with; they are unsigned where absent."
    )
    agents: tuple[AgentSettings, ...] = Field((), description="The agents; the first one is the default.")
    limits: Limits = Field(default_factory=lambda: Limits.model_validate({}), description="See below.")

    @model_validator(mode="after")
    def _names_are_unique(self) -> Self:
        names = [agent.name for agent in self.agents]
        for name in names:
            if names.count(name) > 1:
                raise ValueError(f"two agents are named {name!r}")
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


def load(file: Path | None, flags: dict[str, Any]) -> Settings:
    """The settings from a file, the environment and the command line.

    `flags` holds what the command line gave, by setting; its agents replace the file's of the same
    name and follow the others. Raises ConfigurationError.
    """
    values = _read(file) if file else {}
    settings = _validate(values, file)
    given = {name: value for name, value in flags.items() if value}
    if agents := given.pop("agents", None):
        named = {agent.name: agent for agent in settings.agents}
        named |= {agent["name"]: agent for agent in agents}
        given["agents"] = tuple(named.values())
    if not given:
        return settings
    # What is already validated passes unread; the environment must not be read a second time.
    return _construct({**{name: getattr(settings, name) for name in Settings.model_fields}, **given})


def agent_flag(text: str) -> dict[str, str]:
    """`NAME=URL` as the command line takes it. Raises ConfigurationError."""
    name, equals, url = text.partition("=")
    if not equals:
        raise ConfigurationError(f"--agent {text}: expected NAME=URL")
    return {"name": name, "url": url}


class _Given(Settings):
    """Settings from what is given alone."""

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        return (init_settings,)


def _validate(values: dict[str, Any], file: Path | None) -> Settings:
    try:
        return Settings(**values)
    except ValueError as error:
        raise ConfigurationError(_explain(error, file if _is_wrong_alone(values) else None)) from None


def _is_wrong_alone(values: dict[str, Any]) -> bool:
    """Whether the file is at fault and not the environment."""
    try:
        _Given(**values)
    except ValueError:
        return True
    return False


def _construct(values: dict[str, Any]) -> Settings:
    try:
        return _Given(**values)
    except ValueError as error:
        raise ConfigurationError(_explain(error, None)) from None


def _explain(error: ValueError, file: Path | None) -> str:
    place = f"{file}: " if file else ""
    problems = getattr(error, "errors", None)
    if problems is None:
        return f"{place}{error}"
    lines: list[str] = []
    for problem in problems(include_url=False, include_input=False):
        where = ".".join(str(step) for step in problem["loc"]) or "the settings"
        what = str(problem["msg"]).removeprefix("Value error, ")
        lines.append(f"{place}{where}: {'unknown setting' if problem['type'] == 'extra_forbidden' else what}")
    return "\n".join(lines)


def _read(file: Path) -> dict[str, Any]:
    try:
        values = yaml.safe_load(file.read_text())
    except OSError as error:
        raise ConfigurationError(f"{file}: {error.strerror}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        raise ConfigurationError(f"{file}: {error}") from None
    if values is None:
        return {}
    if not isinstance(values, dict) or not all(isinstance(name, str) for name in cast(dict[Any, Any], values)):
        raise ConfigurationError(f"{file}: expected settings by name")
    return _with_environment(values, file)


_VARIABLE = re.compile(r"\$\{(\w+)\}")


def _with_environment(value: Any, file: Path) -> Any:
    """`${NAME}` in any text of the file is that environment variable, which must exist."""

    def variable(match: re.Match[str]) -> str:
        if match[1] not in os.environ:
            raise ConfigurationError(f"{file}: the environment has no {match[1]}")
        return os.environ[match[1]]

    if isinstance(value, str):
        return _VARIABLE.sub(variable, value)
    if isinstance(value, list):
        return [_with_environment(item, file) for item in cast(list[Any], value)]
    if isinstance(value, dict):
        return {name: _with_environment(item, file) for name, item in cast(dict[str, Any], value).items()}
    return value
