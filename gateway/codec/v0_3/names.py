"""The resource names of 0.3 on gRPC and HTTP+JSON: `tasks/{id}` and the configurations below it.

An id stands in its name as it is: there is no escape for a slash, so an id that has one cannot be
said in 0.3, and is refused rather than read as something else on the other side.
"""

import re

from gateway.codec.malformed import Malformed

_TASK = re.compile(r"tasks/([^/]+)")
_PARENT = re.compile(r"tasks/([^/]+)(?:/pushNotificationConfigs)?")
_CONFIG = re.compile(r"tasks/([^/]+)/pushNotificationConfigs/([^/]+)")


def task_name(id: str, field: str = "id") -> str:
    """`field` is what to blame. Raises Malformed."""
    return f"tasks/{_segment(id, field)}"


def config_name(task_id: str, id: str) -> str:
    """Raises Malformed."""
    return f"tasks/{_segment(task_id, 'taskId')}/pushNotificationConfigs/{_segment(id, 'id')}"


def task_id(name: str) -> str:
    """Raises Malformed."""
    return _parsed(_TASK, name, "name", "tasks/{id}")[1]


def parent_id(parent: str) -> str:
    """The task whose configurations `parent` holds; some name the collection, as the routes do. Raises Malformed."""
    return _parsed(_PARENT, parent, "parent", "tasks/{id}")[1]


def config_ids(name: str) -> tuple[str, str]:
    """The ids of the task and of the configuration. Raises Malformed."""
    found = _parsed(_CONFIG, name, "name", "tasks/{id}/pushNotificationConfigs/{id}")
    return found[1], found[2]


def _segment(id: str, field: str) -> str:
    if not id:
        raise Malformed("is required", field)
    if "/" in id:
        raise Malformed("has a slash, which an id in A2A 0.3 cannot have", field)
    return id


def _parsed(pattern: re.Pattern[str], name: str, field: str, wanted: str) -> re.Match[str]:
    if (found := pattern.fullmatch(name)) is None:
        raise Malformed(f"expected {wanted}", field)
    return found
