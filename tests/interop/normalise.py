"""PURE: makes what two runs of the same check saw equal if, and only if, nothing but ids and clocks differed.

`Names` replaces ids and page tokens by placeholders in order of appearance; times become a fixed word. What a user
wrote (`data`, `metadata`, the content of parts) is never touched. `outline` gives a result in short lines, for tables.
"""

from typing import Any

Json = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

TIME = "<time>"
OPAQUE = {
    "taskId": "task",
    "contextId": "context",
    "messageId": "message",
    "artifactId": "artifact",
    "nextPageToken": "page",
}
USER_CONTENT = frozenset({"data", "metadata", "text", "raw", "url"})
# The gateway addresses an agent by tenant, so a caller's tenant differs with the route.
DROPPED = frozenset({"tenant"})


class Names:
    """Placeholders for the ids of one check: the same id always gets the same one, numbered within its kind."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._counts: dict[str, int] = {}

    def name(self, kind: str, value: str) -> str:
        if not value:
            return value
        if value not in self._names:
            self._counts[kind] = self._counts.get(kind, 0) + 1
            self._names[value] = f"<{kind} {self._counts[kind]}>"
        return self._names[value]

    def text(self, text: str) -> str:
        """A sentence with every id that is known by now replaced, the longest first."""
        for value in sorted(self._names, key=len, reverse=True):
            text = text.replace(value, self._names[value])
        return text

    def apply(self, value: Json) -> Any:
        """A ProtoJSON value (or a list or dict of them) with placeholders in it."""
        match value:
            case dict():
                return {key: self._member(key, member, value) for key, member in value.items() if key not in DROPPED}
            case list():
                return [self.apply(item) for item in value]
            case _:
                return value

    def _member(self, key: str, member: Json, owner: dict[str, Json]) -> Any:
        if key in USER_CONTENT:
            return member
        if key == "timestamp":
            return TIME
        if key in OPAQUE and isinstance(member, str):
            return self.name(OPAQUE[key], member)
        if key == "id" and isinstance(member, str) and ("status" in owner or "taskId" in owner):
            return self.name("task" if "status" in owner else "config", member)
        return self.apply(member)


def outline(value: Any) -> Any:
    """A normalised result in short: an event, task, message or error becomes one line, everything else stays."""
    match value:
        case {"error": str(name), "message": str(text)}:
            reason = f" {value['reason']}" if "reason" in value else ""
            fields = f" {sorted(v['field'] for v in value['violations'])}" if value.get("violations") else ""
            return f"{name}{reason}{fields}: {text}"
        case {"statusUpdate": {"status": {"state": str(state)}}}:
            return f"status {_short(state)}{_said(value['statusUpdate']['status'])}"
        case {"artifactUpdate": {"artifact": artifact}}:
            update = value["artifactUpdate"]
            flags = "".join(f" {flag}" for flag in ("append", "lastChunk") if update.get(flag))
            return f"artifact{flags} {_parts(artifact)}"
        case {"task": {"status": _} as task} if len(value) == 1:
            return f"task {outline(task)}"
        case {"message": {"parts": _} as message} if len(value) == 1:
            return f"message {_parts(message)}"
        case {"id": _, "status": {"state": str(state)}}:
            artifacts = [f"[{_parts(artifact)}]" for artifact in value.get("artifacts", [])]
            history = len(value.get("history", []))
            return " ".join([_short(state), *artifacts, f"history {history}"])
        case _:
            return _outline_members(value)


def _outline_members(value: Json) -> Any:
    match value:
        case dict():
            return {key: outline(member) for key, member in value.items()}
        case list():
            return [outline(item) for item in value]
        case _:
            return value


def _short(state: str) -> str:
    return state.removeprefix("TASK_STATE_")


def _said(status: dict[str, Any]) -> str:
    return f": {_parts(status['message'])}" if "message" in status else ""


def _parts(owner: dict[str, Any]) -> str:
    return " | ".join(part.get("text") or next(iter(part)) for part in owner.get("parts", []))
