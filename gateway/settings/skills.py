"""How a gRPC service that knows nothing of A2A becomes an agent: its methods as skills, and its descriptors."""

from pathlib import Path
from typing import Annotated, Literal, Self, cast

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from gateway.codec.expression import expression
from gateway.settings.values import Frozen, Seconds


def _expression(text: str) -> str:
    expression(text)
    return text


def _file(path: Path) -> Path:
    if not path.is_file():
        raise ValueError(f"there is no file {path}")
    return path


def _folder(path: Path) -> Path:
    if not path.is_dir():
        raise ValueError(f"there is no folder {path}")
    return path


JmesPath = Annotated[str, AfterValidator(_expression)]
"""The text of a JMESPath expression."""
ExistingFile = Annotated[Path, AfterValidator(_file)]
ExistingFolder = Annotated[Path, AfterValidator(_folder)]


class ArtifactMapping(Frozen):
    """The artifact that a response's parts go to."""

    id: JmesPath | None = Field(None, description="Its id; parts of the same id are one artifact. `result` if absent.")
    name: JmesPath | None = Field(None, description="Its name, which counts in the response that begins it.")


class ResponseMapping(Frozen):
    """What a response message becomes. An expression that gives null gives nothing."""

    text: JmesPath | None = Field(None, description="Text that is appended to the artifact.")
    data: JmesPath | None = Field(None, description="A data part of the artifact.")
    file: JmesPath | None = Field(
        None,
        description="A file part: base64 text, as of a bytes field, or `{bytes, url, name, media_type}`; or a list.",
    )
    status: JmesPath | None = Field(None, description="What the task says while it works; no part of the artifact.")
    artifact: ArtifactMapping = Field(
        default_factory=lambda: ArtifactMapping.model_validate({}), description="Which artifact the parts go to."
    )
    ask: JmesPath | None = Field(
        None,
        description="If true, it is the caller's turn: INPUT_REQUIRED; a text is what is asked. "
        "For methods that take several messages.",
    )
    done: JmesPath | None = Field(None, description="If true, the task is COMPLETED and the call is over.")
    failed: JmesPath | None = Field(None, description="If true, the task FAILED; a text is the reason.")


class SkillSettings(Frozen):
    """A method of a gRPC service as a skill."""

    method: str = Field(
        pattern=r"^[A-Za-z_][\w.]*/[A-Za-z_]\w*$", description="The full name: `package.Service/Method`."
    )
    id: str | None = Field(None, min_length=1, max_length=128, description="Its id; the method's name where absent.")
    name: str | None = Field(None, min_length=1, description="Its name; the method's, in words, where absent.")
    description: str | None = Field(None, min_length=1, description="What it does; the proto's comment where absent.")
    tags: tuple[str, ...] = Field((), description="Words to find it by; the service's name where absent.")
    examples: tuple[str, ...] = Field((), description="What one could say to it.")
    request: JmesPath | None = Field(
        None, description="Makes the request of `text`, `data`, `files`, `metadata`, `message`, `task`; else inferred."
    )
    response: ResponseMapping | None = Field(None, description="What responses become; inferred where absent.")
    messages: Literal["one", "many"] | None = Field(
        None, description="How many messages a task takes: `many` where the method streams requests, unless told."
    )
    quiet_s: Seconds = Field(
        0.5, description="With `many`: silence of the service after which it is the caller's turn."
    )
    timeout_s: Seconds | None = Field(None, description="For the whole call to the service; unbounded where absent.")


ALL_METHODS: tuple[SkillSettings, ...] = ()
"""What `auto` means: a skill for every method, with everything inferred."""


def _skills(value: object) -> object:
    if value == "auto":
        return ALL_METHODS
    if not isinstance(value, list | tuple) or not value:
        raise ValueError("expected a list of at least one skill, or auto")
    return cast(object, value)


Skills = Annotated[tuple[SkillSettings, ...], BeforeValidator(_skills)]
"""The skills of a mapped service."""


class DescriptorSource(Frozen):
    """Where the definitions of a service come from; it is asked by server reflection where nothing is named."""

    set: ExistingFile | None = Field(
        None, description="A descriptor set, as `protoc --include_imports --include_source_info` writes it."
    )
    protos: tuple[ExistingFile, ...] = Field((), description="`.proto` files; needs the extra `protos`, or `protoc`.")
    includes: tuple[ExistingFolder, ...] = Field(
        (), description="Folders that imports are looked for in; the folder of each file where absent."
    )

    @model_validator(mode="after")
    def _one_source(self) -> Self:
        if self.set is not None and self.protos:
            raise ValueError("expected set or protos, not both")
        if self.includes and not self.protos:
            raise ValueError("includes belong to protos")
        return self
