"""One agent that the gateway stands in front of: where it is, how it is spoken to."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field, field_validator, model_validator

from gateway.codec.v0_3.choices import Choices
from gateway.settings.skills import DescriptorSource, Skills
from gateway.settings.values import Frozen, HeaderName, HeaderValue, Speed, agent_url, keys_source

RESERVED_PATHS = frozenset(
    {"livez", "readyz", "metrics", "console", "push", "tasks", "extendedAgentCard", "v1", ".well-known"}
)
"""First path segments that no agent can be named after."""


_A2A_SCHEMES = ("grpc", "grpcs", "http", "https")


class Tls(Frozen):
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


class OldPeers(Frozen):
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


class AgentSettings(Frozen):
    """One agent that the gateway stands in front of."""

    name: str = Field(
        pattern=r"^[A-Za-z0-9][A-Za-z0-9_.~-]{0,62}$",
        description="Its path under the HTTP address, and the tenant that names it on gRPC.",
    )
    url: Annotated[str, AfterValidator(agent_url)] = Field(
        description="`grpc://` or `grpcs://HOST:PORT`: A2A over gRPC. `http(s)://…`: its card is read there. "
        "`python:MODULE:NAME`: a worker in Python, whose tasks the gateway owns. `recording:FILE`: what was recorded."
    )
    card: str | dict[str, Any] | None = Field(
        None, description="Where its card comes from instead: a file, an http(s) URL, or the card itself."
    )
    card_keys: Annotated[str, AfterValidator(keys_source)] | None = Field(
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
    deltas: Literal["auto", "off"] = Field(
        "auto",
        description="`auto`: token deltas for callers that speak the extension, whether or not the agent does, and "
        "for no others. `off`: events pass as they are.",
    )
    without_deltas: Literal["message", "chunks"] = Field(
        "message",
        description="What callers without the extension get of an agent's messages that grow: each whole, or `chunks` "
        "of an artifact as it grows.",
    )
    push: Literal["pass", "relay"] = Field(
        "pass",
        description="`pass`: it calls its callers' webhooks itself, in its own version. `relay`: it calls the "
        "gateway, which calls them, in theirs.",
    )
    resume: bool = Field(
        False,
        description="Whether its streams are recorded in the store, so that callers can resume them "
        "and breaks are mended.",
    )
    tls: Tls = Field(default_factory=lambda: Tls.model_validate({}), description="For `grpcs://` and `https://`.")
    skills: Skills | None = Field(
        None,
        description="For a gRPC service that speaks no A2A: its methods as skills, the first one being the default. "
        "`auto`: all of them, with inferred mappings.",
    )
    descriptors: DescriptorSource = Field(
        default_factory=lambda: DescriptorSource.model_validate({}),
        description="Where the definitions of such a service come from.",
    )
    replay_speed: Literal["instant"] | Speed = Field(
        1.0, description="How many times as fast a recording is played; `instant` does not wait."
    )
    trailers: tuple[HeaderName, ...] = Field(
        (), description="Trailing metadata of such a service that the last status of a task repeats."
    )
    transport: Literal["native", "library"] = Field(
        "native",
        description="What carries bytes to it. `native`: the gateway's own HTTP/2 and HTTP/1.1, at a tenth of the "
        "CPU per event. `library`: grpcio and httpx, should an agent not get on with those.",
    )

    @field_validator("name")
    @classmethod
    def _not_taken(cls, name: str) -> str:
        if name in RESERVED_PATHS:
            raise ValueError(f"{name!r} is a path of the gateway's own")
        return name

    @model_validator(mode="after")
    def _one_binding(self) -> Self:
        scheme = urlsplit(self.url).scheme
        if self.resume and scheme not in _A2A_SCHEMES:
            raise ValueError("resume: for agents that speak A2A; tasks that the gateway owns are always resumable")
        if scheme.startswith("grpc") and self.binding not in (None, "GRPC"):
            raise ValueError(f"binding: {scheme}:// is GRPC and not {self.binding}; expected GRPC, or no binding")
        return self

    @model_validator(mode="after")
    def _pushes_itself(self) -> Self:
        if self.push == "relay" and (self.skills is not None or urlsplit(self.url).scheme == "python"):
            raise ValueError("push: relay is for agents that speak A2A; webhooks of owned tasks are called anyway")
        return self

    @model_validator(mode="after")
    def _mapped(self) -> Self:
        if self.skills is None:
            return self
        if not urlsplit(self.url).scheme.startswith("grpc"):
            raise ValueError("skills: methods of a gRPC service; expected a grpc:// or grpcs:// url")
        for name in ("tenant", "version", "card_keys"):
            if getattr(self, name) is not None:
                raise ValueError(f"{name}: means nothing to a service that speaks no A2A, as skills says")
        if isinstance(self.card, str):
            raise ValueError("card: a mapped service has none to be read; expected members that replace the made ones")
        ids = [skill.id for skill in self.skills if skill.id is not None]
        for one in ids:
            if ids.count(one) > 1:
                raise ValueError(f"skills: two have the id {one!r}")
        return self
