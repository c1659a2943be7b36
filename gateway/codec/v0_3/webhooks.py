"""Push notification configurations on gRPC and HTTP+JSON: flat in 1.0, nested under a resource name in 0.3."""

from gateway.codec.malformed import Malformed
from gateway.codec.v0_3 import names
from gateway.codec.v0_3.choices import Choices
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1 import a2a_pb as a2a


def to_v0_3(config: a2a.TaskPushNotificationConfig, choices: Choices) -> old.TaskPushNotificationConfig:
    """As an answer. One that lacks an id has no name: agents answer so, and the rest is still of use."""
    name = names.config_name(config.task_id, config.id) if config.task_id and config.id else ""
    return old.TaskPushNotificationConfig(name=name, push_notification_config=inner_to_v0_3(config))


def from_v0_3(config: old.TaskPushNotificationConfig, choices: Choices) -> a2a.TaskPushNotificationConfig:
    ids = names.config_ids(config.name) if config.name else ("", "")
    return inner_from_v0_3(config.push_notification_config, *ids)


def request_to_v0_3(
    config: a2a.TaskPushNotificationConfig, choices: Choices
) -> old.CreateTaskPushNotificationConfigRequest:
    """As the request that creates it. The id may be empty, for the agent to choose, as in 1.0."""
    return old.CreateTaskPushNotificationConfigRequest(
        parent=names.task_name(config.task_id, "taskId"),
        config_id=config.id,
        config=to_v0_3(config, choices),
    )


def request_from_v0_3(
    request: old.CreateTaskPushNotificationConfigRequest, choices: Choices
) -> a2a.TaskPushNotificationConfig:
    """The name within the request is not read: it is the agent's to give, and SDKs put odd things there."""
    inner = request.config.push_notification_config if request.config else None
    made = inner_from_v0_3(inner, names.parent_id(request.parent), request.config_id)
    if request.config_id and made.id != request.config_id:
        raise Malformed("is not the id in config.pushNotificationConfig", "configId")
    return made


def inner_to_v0_3(config: a2a.TaskPushNotificationConfig) -> old.PushNotificationConfig:
    return old.PushNotificationConfig(
        id=config.id,
        url=config.url,
        token=config.token,
        authentication=_authentication_to_v0_3(config.authentication),
    )


def inner_from_v0_3(
    config: old.PushNotificationConfig | None, task_id: str = "", id: str = ""
) -> a2a.TaskPushNotificationConfig:
    """`id` counts where the configuration itself says none."""
    config = config or old.PushNotificationConfig()
    return a2a.TaskPushNotificationConfig(
        id=config.id or id,
        task_id=task_id,
        url=config.url,
        token=config.token,
        authentication=_authentication_from_v0_3(config.authentication),
    )


def _authentication_to_v0_3(given: a2a.AuthenticationInfo | None) -> old.AuthenticationInfo | None:
    if given is None:
        return None
    return old.AuthenticationInfo(schemes=[given.scheme] if given.scheme else [], credentials=given.credentials)


def _authentication_from_v0_3(given: old.AuthenticationInfo | None) -> a2a.AuthenticationInfo | None:
    """The first scheme is the one that the credentials are for; 1.0 has room for no other."""
    if given is None:
        return None
    return a2a.AuthenticationInfo(scheme=given.schemes[0] if given.schemes else "", credentials=given.credentials)
