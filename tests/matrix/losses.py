"""What arrives otherwise than it was said, because a version has no room for it: said so, heard so, and why.

This is the whole list of what the protocol itself takes away between the edges of the matrix. Everything is literal:
what one spelling says, and what each spelling then gets.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from gateway.operations import (
    CANCEL_TASK,
    CREATE_PUSH_CONFIG,
    DELETE_PUSH_CONFIG,
    GET_EXTENDED_AGENT_CARD,
    GET_PUSH_CONFIG,
    GET_TASK,
    LIST_PUSH_CONFIGS,
    SEND_MESSAGE,
    SEND_STREAMING_MESSAGE,
    SUBSCRIBE_TO_TASK,
    Operation,
)
from tests.fakes.events import Json, JsonValue
from tests.matrix.meaning import Spelled, Spelling
from tests.matrix.words import (
    A_MESSAGE,
    ADDRESSES,
    BEGUN,
    CANCELED,
    DONE,
    HI,
    NEW_CONFIG,
    NOTHING,
    PUSH_CONFIG,
    PUSH_CONFIGS,
    THE_CONFIG,
    THE_CONFIGS,
    THE_TASK,
)


@dataclass(frozen=True, slots=True)
class Loss:
    """One thing that does not arrive as it was said."""

    why: str
    operation: Operation
    place: Literal["request", "result"]
    spelling: Spelling
    """Of whom says it."""
    says: JsonValue
    arrives: Spelled
    """By the spelling of whom it reaches."""
    request: Spelled = field(default_factory=lambda: Spelled({}, {}, {}))
    """Where it is a result: what is asked."""
    results: tuple[Spelled, ...] = ()
    """Where it is a request: what is answered. Where it is a result: what comes before it."""
    after: tuple[Spelled, ...] = ()
    """What comes after it."""
    of_the_gateway: frozenset[str] = frozenset()


def _message(new: Json, dialect: Json, proto: Json) -> Spelled:
    """A request that sends a message with these members, and waits."""
    return Spelled(
        new={"message": {"messageId": "m", "role": "ROLE_USER", "parts": [{"text": "hi"}], **new}, "configuration": {}},
        dialect={
            "message": {
                "kind": "message",
                "messageId": "m",
                "role": "user",
                "parts": [{"kind": "text", "text": "hi"}],
                **dialect,
            },
            "configuration": {"blocking": True},
        },
        proto={
            "message": {"messageId": "m", "role": "ROLE_USER", "content": [{"text": "hi"}], **proto},
            "configuration": {"blocking": True},
        },
    )


def _configured(new: JsonValue, dialect: Json, proto: Json) -> Spelled:
    """A request that sends a message under a configuration; None for none."""
    assert isinstance(HI.new, dict)
    assert isinstance(HI.dialect, dict)
    assert isinstance(HI.proto, dict)
    return Spelled(
        new=HI.new if new is None else {**HI.new, "configuration": new},
        dialect={**HI.dialect, "configuration": dialect},
        proto={**HI.proto, "configuration": proto},
    )


def _task(new: Json, dialect: Json, proto: Json) -> Spelled:
    """A task with these members."""
    return Spelled(
        new={"id": "task-1", "contextId": "context-1", **new},
        dialect={"kind": "task", "id": "task-1", "contextId": "context-1", **dialect},
        proto={"id": "task-1", "contextId": "context-1", **proto},
    )


def _card(new: Json, dialect: Json, proto: Json) -> Spelled:
    """A card with these members; where it leads is the gateway's to say."""
    least: Json = {
        "name": "Scripted",
        "description": "Does what its script says",
        "version": "1",
        "defaultInputModes": ["text/plain"],
        "defaultOutputModes": ["text/plain"],
        "skills": [{"id": "script", "name": "Script", "description": "Follows it", "tags": ["test"]}],
        "capabilities": {},
    }
    old: Json = {"url": "https://agent.example.com/", "preferredTransport": "JSONRPC", "protocolVersion": "0.3.0"}
    return Spelled(
        new={**least, **new},
        dialect={**least, **old, **dialect},
        proto={**least, **old, **proto},
    )


def _flows(new: Json, dialect: Json, proto: Json) -> Spelled:
    """A card that demands OAuth."""
    return _card(
        {"securitySchemes": {"o": {"oauth2SecurityScheme": {"flows": new}}}},
        {"securitySchemes": {"o": {"type": "oauth2", "flows": dialect}}},
        {"securitySchemes": {"o": {"oauth2SecurityScheme": {"flows": proto}}}},
    )


_NEW, _DIALECT, _PROTO = Spelling.NEW, Spelling.DIALECT, Spelling.PROTO

_MEDIA_TYPE = _message(
    {"parts": [{"text": "a"}, {"data": {}}]},
    {"parts": [{"kind": "text", "text": "a"}, {"kind": "data", "data": {}}]},
    {"content": [{"text": "a"}, {"data": {"data": {}}}]},
)
_MEDIA_TYPE_SAID = _message(
    {
        "parts": [
            {"text": "a", "filename": "a.md", "mediaType": "text/markdown"},
            {"data": {}, "filename": "b.json", "mediaType": "application/json"},
        ]
    },
    {},
    {},
).new
_REFERENCES = _message({"referenceTaskIds": ["task-0"]}, {"referenceTaskIds": ["task-0"]}, {})
_ABOUT: Json = {"metadata": {"a": 1}}
_CANCEL = Spelled(
    {"id": "task-1", **_ABOUT},
    {"id": "task-1", **_ABOUT},
    {"name": "tasks/task-1"},
)
_PAGE = Spelled(
    {"taskId": "task-1", "pageSize": 1, "pageToken": "tökén"},
    {"id": "task-1"},
    {"parent": "tasks/task-1", "pageSize": 1, "pageToken": "tökén"},
)
_ANSWERED = (A_MESSAGE,)
_MANY_SCHEMES: Json = {
    "taskId": "task-1",
    "pushNotificationConfig": {
        "id": "config-1",
        "url": "https://example.com/hook?a=1",
        "token": "tök",
        "authentication": {"schemes": ["Bearer", "Basic"], "credentials": "s3cret"},
    },
}
_WORKING = _task(
    {"status": {"state": "TASK_STATE_WORKING"}},
    {"status": {"state": "working"}},
    {"status": {"state": "TASK_STATE_WORKING"}},
)
_INTERRUPTED = Spelled(
    {"statusUpdate": {"taskId": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_INPUT_REQUIRED"}}},
    {
        "kind": "status-update",
        "taskId": "task-1",
        "contextId": "context-1",
        "status": {"state": "input-required"},
        "final": False,
    },
    {"statusUpdate": {"taskId": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_INPUT_REQUIRED"}}},
)
_CHUNK = Spelled(
    {
        "artifactUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "artifact": {"artifactId": "a", "parts": [{"text": "x"}]},
        }
    },
    {
        "kind": "artifact-update",
        "taskId": "task-1",
        "contextId": "context-1",
        "artifact": {"artifactId": "a", "parts": [{"kind": "text", "text": "x"}]},
    },
    {
        "artifactUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "artifact": {"artifactId": "a", "parts": [{"text": "x"}]},
        }
    },
)
_TOKEN_FLOW: Json = {"tokenUrl": "https://example.com/token", "scopes": {"read": "Reads"}}
_CODE_FLOW: Json = {"authorizationUrl": "https://example.com/login", **_TOKEN_FLOW}


def _said(
    spelling: Spelling, why: str, operation: Operation, says: JsonValue, arrives: Spelled, *results: Spelled
) -> Loss:
    return Loss(why, operation, "request", spelling, says, arrives, results=results)


LOSSES: Mapping[str, Loss] = {
    # In requests
    "media type and file name of text and data": _said(
        _NEW,
        "parts of 0.3 have them for files only",
        SEND_MESSAGE,
        _MEDIA_TYPE_SAID,
        Spelled(_MEDIA_TYPE_SAID, _MEDIA_TYPE.dialect, _MEDIA_TYPE.proto),
        *_ANSWERED,
    ),
    "media type and file name of text and data, streaming": _said(
        _NEW,
        "parts of 0.3 have them for files only",
        SEND_STREAMING_MESSAGE,
        _MEDIA_TYPE_SAID,
        Spelled(_MEDIA_TYPE_SAID, _MEDIA_TYPE.dialect, _MEDIA_TYPE.proto),
        *_ANSWERED,
    ),
    "referenceTaskIds from 1.0": _said(
        _NEW, "a2a.v1.Message has no such field", SEND_MESSAGE, _REFERENCES.new, _REFERENCES, *_ANSWERED
    ),
    "referenceTaskIds from 0.3": _said(
        _DIALECT, "a2a.v1.Message has no such field", SEND_MESSAGE, _REFERENCES.dialect, _REFERENCES, *_ANSWERED
    ),
    "metadata of CancelTask from 1.0": _said(
        _NEW, "a2a.v1.CancelTaskRequest has no such field", CANCEL_TASK, _CANCEL.new, _CANCEL, CANCELED
    ),
    "metadata of CancelTask from 0.3": _said(
        _DIALECT, "a2a.v1.CancelTaskRequest has no such field", CANCEL_TASK, _CANCEL.dialect, _CANCEL, CANCELED
    ),
    "metadata of GetTask": _said(
        _DIALECT, "no request of 1.0 but two has metadata", GET_TASK, {"id": "task-1", **_ABOUT}, THE_TASK, CANCELED
    ),
    "metadata of SubscribeToTask": _said(
        _DIALECT,
        "no request of 1.0 but two has metadata",
        SUBSCRIBE_TO_TASK,
        {"id": "task-1", **_ABOUT},
        THE_TASK,
        BEGUN,
        DONE,
    ),
    "metadata of GetTaskPushNotificationConfig": _said(
        _DIALECT,
        "no request of 1.0 but two has metadata",
        GET_PUSH_CONFIG,
        {"id": "task-1", "pushNotificationConfigId": "config-1", **_ABOUT},
        THE_CONFIG,
        PUSH_CONFIG,
    ),
    "metadata of ListTaskPushNotificationConfigs": _said(
        _DIALECT,
        "no request of 1.0 but two has metadata",
        LIST_PUSH_CONFIGS,
        {"id": "task-1", **_ABOUT},
        THE_CONFIGS,
        PUSH_CONFIGS,
    ),
    "metadata of DeleteTaskPushNotificationConfig": _said(
        _DIALECT,
        "no request of 1.0 but two has metadata",
        DELETE_PUSH_CONFIG,
        {"id": "task-1", "pushNotificationConfigId": "config-1", **_ABOUT},
        THE_CONFIG,
        NOTHING,
    ),
    "no configuration": _said(
        _NEW,
        "what that means is open in 0.3, so it is said",
        SEND_MESSAGE,
        HI.new,
        _configured(None, {"blocking": True}, {"blocking": True}),
        *_ANSWERED,
    ),
    "a history of length 0 from 0.3 on JSON-RPC": _said(
        _DIALECT,
        "0 is all of it in 0.3, which 1.0 says by saying nothing",
        GET_TASK,
        {"id": "task-1", "historyLength": 0},
        THE_TASK,
        _WORKING,
    ),
    "a history of length 0 in a configuration of 0.3": _said(
        _DIALECT,
        "0 is all of it in 0.3, which 1.0 says by saying nothing",
        SEND_MESSAGE,
        _configured({}, {"blocking": True, "historyLength": 0}, {}).dialect,
        _configured({}, {"blocking": True}, {"blocking": True}),
        *_ANSWERED,
    ),
    "task and tenant of a configuration's webhook": _said(
        _NEW,
        "the webhook of a configuration belongs to its message in 0.3",
        SEND_MESSAGE,
        _configured(
            {"taskPushNotificationConfig": {"url": "https://x.example", "taskId": "t", "tenant": "n"}}, {}, {}
        ).new,
        _configured(
            {"taskPushNotificationConfig": {"url": "https://x.example", "taskId": "t", "tenant": "n"}},
            {"blocking": True, "pushNotificationConfig": {"url": "https://x.example"}},
            {"blocking": True, "pushNotification": {"url": "https://x.example"}},
        ),
        *_ANSWERED,
    ),
    "the second scheme of a webhook": _said(
        _DIALECT,
        "1.0 has room for one, the one that the credentials are for",
        CREATE_PUSH_CONFIG,
        _MANY_SCHEMES,
        NEW_CONFIG,
        PUSH_CONFIG,
    ),
    "a page of webhooks from 1.0": _said(
        _NEW, "JSON-RPC of 0.3 has no pages", LIST_PUSH_CONFIGS, _PAGE.new, _PAGE, PUSH_CONFIGS
    ),
    "a page of webhooks from 0.3": _said(
        _PROTO, "JSON-RPC of 0.3 has no pages", LIST_PUSH_CONFIGS, _PAGE.proto, _PAGE, PUSH_CONFIGS
    ),
    # In results
    "a part without content": Loss(
        "a part of the dialect always has a kind; the smallest is an empty text",
        SEND_MESSAGE,
        "result",
        _NEW,
        {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{}]}},
        Spelled(
            {"message": {"messageId": "m", "role": "ROLE_AGENT", "parts": [{}]}},
            {"kind": "message", "messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": ""}]},
            {"message": {"messageId": "m", "role": "ROLE_AGENT", "content": [{}]}},
        ),
        request=HI,
    ),
    "no role": Loss(
        "the dialect has no word for it",
        SEND_MESSAGE,
        "result",
        _NEW,
        {"message": {"messageId": "m", "parts": [{"text": "x"}]}},
        Spelled(
            {"message": {"messageId": "m", "parts": [{"text": "x"}]}},
            {"kind": "message", "messageId": "m", "role": "agent", "parts": [{"kind": "text", "text": "x"}]},
            {"message": {"messageId": "m", "content": [{"text": "x"}]}},
        ),
        request=HI,
    ),
    "a time with an offset": Loss(
        "1.0 writes times in UTC",
        GET_TASK,
        "result",
        _DIALECT,
        _task({}, {"status": {"state": "working", "timestamp": "2026-01-31T13:00:00.5+01:00"}}, {}).dialect,
        _task(
            {"status": {"state": "TASK_STATE_WORKING", "timestamp": "2026-01-31T12:00:00.500Z"}},
            {"status": {"state": "working", "timestamp": "2026-01-31T12:00:00.500Z"}},
            {"status": {"state": "TASK_STATE_WORKING", "timestamp": "2026-01-31T12:00:00.500Z"}},
        ),
        request=THE_TASK,
    ),
    "a time that is none": Loss(
        "1.0 has times only",
        GET_TASK,
        "result",
        _DIALECT,
        _task({}, {"status": {"state": "working", "timestamp": "yesterday"}}, {}).dialect,
        _WORKING,
        request=THE_TASK,
    ),
    "a final that is not": Loss(
        "1.0 has none: it is made from the state, and that is not the last",
        SEND_STREAMING_MESSAGE,
        "result",
        _DIALECT,
        {
            "kind": "status-update",
            "taskId": "task-1",
            "contextId": "context-1",
            "status": {"state": "input-required"},
            "final": True,
        },
        _INTERRUPTED,
        request=HI,
        results=(BEGUN,),
    ),
    "flags that are false": Loss(
        "1.0 does not tell false from unsaid",
        SEND_STREAMING_MESSAGE,
        "result",
        _DIALECT,
        {
            "kind": "artifact-update",
            "taskId": "task-1",
            "contextId": "context-1",
            "artifact": {"artifactId": "a", "parts": [{"kind": "text", "text": "x"}]},
            "append": False,
            "lastChunk": False,
        },
        _CHUNK,
        request=HI,
        results=(BEGUN,),
        after=(DONE,),
    ),
    "a webhook without an id": Loss(
        "both ids are one name in a2a.v1, which needs both",
        CREATE_PUSH_CONFIG,
        "result",
        _NEW,
        {"taskId": "task-1", "url": "https://x.example"},
        Spelled(
            {"taskId": "task-1", "url": "https://x.example"},
            {"taskId": "task-1", "pushNotificationConfig": {"url": "https://x.example"}},
            {"pushNotificationConfig": {"url": "https://x.example"}},
        ),
        request=NEW_CONFIG,
    ),
    "the tenant of a webhook": Loss(
        "0.3 has no tenants",
        GET_PUSH_CONFIG,
        "result",
        _NEW,
        {"tenant": "n", "taskId": "task-1", "id": "config-1", "url": "https://x.example"},
        Spelled(
            {"tenant": "n", "taskId": "task-1", "id": "config-1", "url": "https://x.example"},
            {"taskId": "task-1", "pushNotificationConfig": {"id": "config-1", "url": "https://x.example"}},
            {
                "name": "tasks/task-1/pushNotificationConfigs/config-1",
                "pushNotificationConfig": {"id": "config-1", "url": "https://x.example"},
            },
        ),
        request=THE_CONFIG,
    ),
    "whether a capability is false or not said": Loss(
        "a2a.v1.AgentCapabilities does not tell them apart",
        GET_EXTENDED_AGENT_CARD,
        "result",
        _NEW,
        _card({"capabilities": {"streaming": False, "extendedAgentCard": False}}, {}, {}).new,
        _card(
            {"capabilities": {"streaming": False, "extendedAgentCard": False}},
            {"capabilities": {"streaming": False}, "supportsAuthenticatedExtendedCard": False},
            {},
        ),
        of_the_gateway=ADDRESSES,
    ),
    "the history of states": Loss(
        "1.0 has no such capability",
        GET_EXTENDED_AGENT_CARD,
        "result",
        _DIALECT,
        _card({}, {"capabilities": {"stateTransitionHistory": True, "streaming": True}}, {}).dialect,
        _card(
            {"capabilities": {"streaming": True}},
            {"capabilities": {"streaming": True}},
            {"capabilities": {"streaming": True}},
        ),
        of_the_gateway=ADDRESSES,
    ),
    "that PKCE is required": Loss(
        "flows of 0.3 have no such member",
        GET_EXTENDED_AGENT_CARD,
        "result",
        _NEW,
        _flows({"authorizationCode": {**_CODE_FLOW, "pkceRequired": True}}, {}, {}).new,
        _flows(
            {"authorizationCode": {**_CODE_FLOW, "pkceRequired": True}},
            {"authorizationCode": _CODE_FLOW},
            {"authorizationCode": _CODE_FLOW},
        ),
        of_the_gateway=ADDRESSES,
    ),
    "the device flow": Loss(
        "0.3 has no such flow",
        GET_EXTENDED_AGENT_CARD,
        "result",
        _NEW,
        _flows({"deviceCode": {"deviceAuthorizationUrl": "https://example.com/device", **_TOKEN_FLOW}}, {}, {}).new,
        _flows(
            {"deviceCode": {"deviceAuthorizationUrl": "https://example.com/device", **_TOKEN_FLOW}},
            {},
            {},
        ),
        of_the_gateway=ADDRESSES,
    ),
    "the second flow": Loss(
        "1.0 and a2a.v1 have room for one",
        GET_EXTENDED_AGENT_CARD,
        "result",
        _DIALECT,
        _flows({}, {"clientCredentials": _TOKEN_FLOW, "authorizationCode": _CODE_FLOW}, {}).dialect,
        _flows({"authorizationCode": _CODE_FLOW}, {"authorizationCode": _CODE_FLOW}, {"authorizationCode": _CODE_FLOW}),
        of_the_gateway=ADDRESSES,
    ),
}
