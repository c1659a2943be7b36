"""Webhooks and the configuration of a sent message in the 0.3 JSON-RPC dialect, as tables."""

from dataclasses import dataclass

from gateway.codec.jsontext import JsonValue
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.members import FLAG, NUMBER, TEXT, Each, JsonObject, Member, Shape, Terms, an_object, plain


def _one_scheme(authentication: JsonObject, choices: Choices) -> None:
    schemes = authentication.pop("schemes", None)
    if isinstance(schemes, list) and schemes:
        authentication["scheme"] = schemes[0]


def _scheme_list(authentication: JsonObject, choices: Choices) -> None:
    if scheme := authentication.get("scheme"):
        authentication["schemes"] = [scheme]


_AUTHENTICATION = Shape(
    Member("schemes", Each(TEXT), demanded=True),
    Member("credentials", TEXT),
    reading=_one_scheme,
    writing=_scheme_list,
)
WEBHOOK = Shape(
    Member("url", TEXT, demanded=True),
    *plain(TEXT, "id", "token"),
    Member("authentication", _AUTHENTICATION),
)


def _flat(config: JsonObject, choices: Choices) -> None:
    config |= an_object(config.pop("pushNotificationConfig", None) or {})


def _nested(config: JsonObject, choices: Choices) -> None:
    config["pushNotificationConfig"] = dict(config)


TASK_WEBHOOK = Shape(
    Member("taskId", TEXT, demanded=True),
    Member("pushNotificationConfig", WEBHOOK, demanded=True),
    reading=_flat,
    writing=_nested,
)


@dataclass(frozen=True, slots=True)
class _HistoryLength:
    """0 means all of it to 0.3, as its definition says for gRPC, and nothing of it to 1.0."""

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        NUMBER.check(value, terms.bounds)
        return None if value in (0, "0") else value

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        return value

    def empty(self, choices: Choices) -> JsonValue:
        return None


HISTORY_LENGTH = Member("historyLength", _HistoryLength())


def _return_immediately(configuration: JsonObject, choices: Choices) -> None:
    if not configuration.pop("blocking", choices.blocking_when_absent):
        configuration["returnImmediately"] = True


def _blocking(configuration: JsonObject, choices: Choices) -> None:
    configuration["blocking"] = not configuration.get("returnImmediately", False)


CONFIGURATION = Shape(
    Member("acceptedOutputModes", Each(TEXT)),
    Member("pushNotificationConfig", WEBHOOK, "taskPushNotificationConfig"),
    HISTORY_LENGTH,
    Member("blocking", FLAG, demanded=True),
    reading=_return_immediately,
    writing=_blocking,
)
