"""PURE: writes an object of A2A 0.3 as 1.0 would, so that one table and one `normalise` serve the results of both.

Only what means the same is renamed. What 0.3 alone has (`final`) stays, and so does every member not known here. Left
out is what says nothing: over gRPC and HTTP+JSON the SDK makes up every absent list, struct, flag and even message.
"""

from collections.abc import Callable
from typing import Any

Object = dict[str, Any]


def result(value: Object) -> Object:
    """What a call or a stream gave: a task, a message or an event, told apart by `kind` and wrapped by it."""
    match value.get("kind"):
        case "task":
            return {"task": task(value)}
        case "message":
            return {"message": message(value)}
        case "status-update":
            return {"statusUpdate": _members(value, status=status)}
        case "artifact-update":
            return {"artifactUpdate": _members(value, artifact=artifact)}
        case other:
            raise ValueError(f"no kind of result: {other!r}")


def task(value: Object) -> Object:
    return _members(value, status=status, artifacts=_each(artifact), history=_each(message))


def message(value: Object) -> Object:
    return _members(value, role=lambda role: f"ROLE_{role.upper()}", parts=_each(part))


def status(value: Object) -> Object:
    said = value.get("message")
    if said and not said["parts"] and not said["messageId"]:
        value = {key: member for key, member in value.items() if key != "message"}
    return _members(value, state=lambda state: f"TASK_STATE_{state.upper().replace('-', '_')}", message=message)


def artifact(value: Object) -> Object:
    return _members(value, parts=_each(part))


def part(value: Object) -> Object:
    """A file keeps its content in `raw` or `url`, with its name and type beside it."""
    file = value.get("file")
    if file is None:
        return _members(value, text=_as_is, data=_as_is)
    names = {"bytes": "raw", "uri": "url", "name": "filename", "mimeType": "mediaType"}
    content_first = sorted(file, key=lambda key: key not in ("bytes", "uri"))
    return {names.get(key, key): file[key] for key in content_first} | _members(value, file=None)


def push_config(value: Object) -> Object:
    """Of a task: flat, and with the first scheme alone where there is one."""
    config = value["pushNotificationConfig"]
    return {"taskId": value["taskId"], **_members(config, authentication=_authentication)}


def _authentication(value: Object) -> Object:
    match value:
        case {"schemes": [scheme], **others}:
            return {"scheme": scheme, **others}
        case _:
            return value


def _members(value: Object, **convert: Callable[[Any], Any] | None) -> Object:
    """Every member that says something, converted where there is a function for it, dropped where that is None."""
    written: Object = {}
    for key, member in value.items():
        if key in convert:
            if (function := convert[key]) is not None:
                written[key] = function(member)
        elif key != "kind" and member not in ({}, [], "", False):
            written[key] = member
    return {key: member for key, member in written.items() if member != []}


def _each(convert: Callable[[Object], Object]) -> Callable[[list[Object]], list[Object]]:
    return lambda values: [convert(value) for value in values]


def _as_is(value: Any) -> Any:
    return value
