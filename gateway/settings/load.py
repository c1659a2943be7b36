"""Settings from a file, the environment and the command line, and what is wrong with them in words."""

import os
import re
from pathlib import Path
from typing import Any, cast

import yaml
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource

from gateway.settings.root import Settings
from gateway.settings.values import ConfigurationError


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
