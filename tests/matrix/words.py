"""What is said in the calls of the matrix, once in each spelling: parts, a message, a task, events, a webhook, a card.

Contents are chosen for what bindings disagree about: scripts and emoji, the separators that some readers of lines
know, bytes, free-form values of every kind, numbers that are whole, times. What one of the spellings cannot hold is
in `losses`.
"""

import base64

from tests.fakes.events import Json
from tests.matrix.meaning import Spelled

TIME = "2026-01-31T12:00:00.123Z"
EXTENSION = "https://example.com/ext/v1"
ANYTHING: Json = {
    "text": 'Zürich, 東京 👩‍🚀 "quoted" back\\slash tab\t',
    "separators": "one\u2028two\u2029three\u0085four\r\nfive",
    "numbers": [0, -1, 2.5, 1e21, 9007199254740992, 1e-7],
    "others": [True, False, None, "", [], {}],
    "deep": {"er": {"still": [[["x"]]]}},
}
BYTES = bytes(range(256))
BASE64 = base64.b64encode(BYTES).decode()
BASE64_OF_BASE64 = base64.b64encode(BASE64.encode()).decode()
"""What the SDKs of Python and Go put on the wire of 0.3 for those bytes, as JSON writes it."""

PARTS = Spelled(
    new=[
        {"text": "line one\nline two\u2028three", "metadata": ANYTHING},
        {"raw": BASE64, "filename": "räw bytes.bin", "mediaType": "application/octet-stream"},
        {"url": "https://example.com/a b?q=1&r=ü", "mediaType": "text/html", "metadata": ANYTHING},
        {"data": ANYTHING},
        {"data": None},
        {"data": [1, "two", None], "metadata": {"a": 1}},
        {"text": ""},
    ],
    dialect=[
        {"kind": "text", "text": "line one\nline two\u2028three", "metadata": ANYTHING},
        {
            "kind": "file",
            "file": {"bytes": BASE64, "name": "räw bytes.bin", "mimeType": "application/octet-stream"},
        },
        {
            "kind": "file",
            "file": {"uri": "https://example.com/a b?q=1&r=ü", "mimeType": "text/html"},
            "metadata": ANYTHING,
        },
        {"kind": "data", "data": ANYTHING},
        {"kind": "data", "data": {"value": None}, "metadata": {"data_part_compat": True}},
        {"kind": "data", "data": {"value": [1, "two", None]}, "metadata": {"a": 1, "data_part_compat": True}},
        {"kind": "text", "text": ""},
    ],
    proto=[
        {"text": "line one\nline two\u2028three", "metadata": ANYTHING},
        {
            "file": {
                "fileWithBytes": BASE64_OF_BASE64,
                "name": "räw bytes.bin",
                "mimeType": "application/octet-stream",
            }
        },
        {"file": {"fileWithUri": "https://example.com/a b?q=1&r=ü", "mimeType": "text/html"}, "metadata": ANYTHING},
        {"data": {"data": ANYTHING}},
        {"data": {"data": {"value": None}}, "metadata": {"data_part_compat": True}},
        {"data": {"data": {"value": [1, "two", None]}}, "metadata": {"a": 1, "data_part_compat": True}},
        {"text": ""},
    ],
)
SAID = Spelled(
    new={
        "messageId": "message-1",
        "contextId": "context-1",
        "taskId": "task-1",
        "role": "ROLE_AGENT",
        "parts": PARTS.new,
        "metadata": ANYTHING,
        "extensions": [EXTENSION],
    },
    dialect={
        "kind": "message",
        "messageId": "message-1",
        "contextId": "context-1",
        "taskId": "task-1",
        "role": "agent",
        "parts": PARTS.dialect,
        "metadata": ANYTHING,
        "extensions": [EXTENSION],
    },
    proto={
        "messageId": "message-1",
        "contextId": "context-1",
        "taskId": "task-1",
        "role": "ROLE_AGENT",
        "content": PARTS.proto,
        "metadata": ANYTHING,
        "extensions": [EXTENSION],
    },
)
ASKED = Spelled(
    new={
        "messageId": "request-1",
        "contextId": "context-1",
        "taskId": "task-1",
        "role": "ROLE_USER",
        "parts": PARTS.new,
    },
    dialect={
        "kind": "message",
        "messageId": "request-1",
        "contextId": "context-1",
        "taskId": "task-1",
        "role": "user",
        "parts": PARTS.dialect,
    },
    proto={
        "messageId": "request-1",
        "contextId": "context-1",
        "taskId": "task-1",
        "role": "ROLE_USER",
        "content": PARTS.proto,
    },
)
ARTIFACT = Spelled(
    new={
        "artifactId": "artifact-1",
        "name": "Näme",
        "description": "What it is",
        "parts": PARTS.new,
        "metadata": ANYTHING,
        "extensions": [EXTENSION],
    },
    dialect={
        "artifactId": "artifact-1",
        "name": "Näme",
        "description": "What it is",
        "parts": PARTS.dialect,
        "metadata": ANYTHING,
        "extensions": [EXTENSION],
    },
    proto={
        "artifactId": "artifact-1",
        "name": "Näme",
        "description": "What it is",
        "parts": PARTS.proto,
        "metadata": ANYTHING,
        "extensions": [EXTENSION],
    },
)
TASK = Spelled(
    new={
        "id": "task-1",
        "contextId": "context-1",
        "status": {"state": "TASK_STATE_COMPLETED", "message": SAID.new, "timestamp": TIME},
        "artifacts": [ARTIFACT.new],
        "history": [SAID.new, ASKED.new],
        "metadata": ANYTHING,
    },
    dialect={
        "kind": "task",
        "id": "task-1",
        "contextId": "context-1",
        "status": {"state": "completed", "message": SAID.dialect, "timestamp": TIME},
        "artifacts": [ARTIFACT.dialect],
        "history": [SAID.dialect, ASKED.dialect],
        "metadata": ANYTHING,
    },
    proto={
        "id": "task-1",
        "contextId": "context-1",
        "status": {"state": "TASK_STATE_COMPLETED", "message": SAID.proto, "timestamp": TIME},
        "artifacts": [ARTIFACT.proto],
        "history": [SAID.proto, ASKED.proto],
        "metadata": ANYTHING,
    },
)
CANCELED = Spelled(
    new={"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_CANCELED"}},
    dialect={"kind": "task", "id": "task-1", "contextId": "context-1", "status": {"state": "canceled"}},
    proto={"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_CANCELLED"}},
)
STATELESS = Spelled(
    new={"id": "task-1", "status": {}},
    dialect={"kind": "task", "id": "task-1", "contextId": "", "status": {"state": "unknown"}},
    proto={"id": "task-1", "status": {}},
)
"""Of no context and in no known state."""

# Stream events

BEGUN = Spelled(
    new={"task": {"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_SUBMITTED"}}},
    dialect={"kind": "task", "id": "task-1", "contextId": "context-1", "status": {"state": "submitted"}},
    proto={"task": {"id": "task-1", "contextId": "context-1", "status": {"state": "TASK_STATE_SUBMITTED"}}},
)
WORKS = Spelled(
    new={
        "statusUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "status": {"state": "TASK_STATE_WORKING", "message": SAID.new},
            "metadata": ANYTHING,
        }
    },
    dialect={
        "kind": "status-update",
        "taskId": "task-1",
        "contextId": "context-1",
        "status": {"state": "working", "message": SAID.dialect},
        "final": False,
        "metadata": ANYTHING,
    },
    proto={
        "statusUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "status": {"state": "TASK_STATE_WORKING", "message": SAID.proto},
            "metadata": ANYTHING,
        }
    },
)
MADE = Spelled(
    new={
        "artifactUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "artifact": ARTIFACT.new,
            "metadata": ANYTHING,
        }
    },
    dialect={
        "kind": "artifact-update",
        "taskId": "task-1",
        "contextId": "context-1",
        "artifact": ARTIFACT.dialect,
        "metadata": ANYTHING,
    },
    proto={
        "artifactUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "artifact": ARTIFACT.proto,
            "metadata": ANYTHING,
        }
    },
)
MORE = Spelled(
    new={
        "artifactUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "artifact": {"artifactId": "artifact-1", "parts": [{"text": "the end"}]},
            "append": True,
            "lastChunk": True,
        }
    },
    dialect={
        "kind": "artifact-update",
        "taskId": "task-1",
        "contextId": "context-1",
        "artifact": {"artifactId": "artifact-1", "parts": [{"kind": "text", "text": "the end"}]},
        "append": True,
        "lastChunk": True,
    },
    proto={
        "artifactUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "artifact": {"artifactId": "artifact-1", "parts": [{"text": "the end"}]},
            "append": True,
            "lastChunk": True,
        }
    },
)
DONE = Spelled(
    new={
        "statusUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "status": {"state": "TASK_STATE_COMPLETED", "timestamp": TIME},
        }
    },
    dialect={
        "kind": "status-update",
        "taskId": "task-1",
        "contextId": "context-1",
        "status": {"state": "completed", "timestamp": TIME},
        "final": True,
    },
    proto={
        "statusUpdate": {
            "taskId": "task-1",
            "contextId": "context-1",
            "status": {"state": "TASK_STATE_COMPLETED", "timestamp": TIME},
            "final": True,
        }
    },
)
STREAM = (BEGUN, WORKS, MADE, MORE, DONE)

A_TASK = Spelled(new={"task": TASK.new}, dialect=TASK.dialect, proto={"task": TASK.proto})
"""As sending a message answers it, and as a stream does."""
A_MESSAGE = Spelled(new={"message": SAID.new}, dialect=SAID.dialect, proto={"message": SAID.proto})

# Requests

HI = Spelled(
    new={"message": {"messageId": "request-1", "role": "ROLE_USER", "parts": [{"text": "hi"}]}},
    dialect={
        "message": {
            "kind": "message",
            "messageId": "request-1",
            "role": "user",
            "parts": [{"kind": "text", "text": "hi"}],
        }
    },
    proto={"message": {"messageId": "request-1", "role": "ROLE_USER", "content": [{"text": "hi"}]}},
)
"""A message to send, and nothing else."""
THE_TASK = Spelled(new={"id": "task-1"}, dialect={"id": "task-1"}, proto={"name": "tasks/task-1"})
THE_CONFIG = Spelled(
    new={"taskId": "task-1", "id": "config-1"},
    dialect={"id": "task-1", "pushNotificationConfigId": "config-1"},
    proto={"name": "tasks/task-1/pushNotificationConfigs/config-1"},
)
THE_CONFIGS = Spelled(new={"taskId": "task-1"}, dialect={"id": "task-1"}, proto={"parent": "tasks/task-1"})

# Webhooks

PUSH_CONFIG = Spelled(
    new={
        "id": "config-1",
        "taskId": "task-1",
        "url": "https://example.com/hook?a=1",
        "token": "tök",
        "authentication": {"scheme": "Bearer", "credentials": "s3cret"},
    },
    dialect={
        "taskId": "task-1",
        "pushNotificationConfig": {
            "id": "config-1",
            "url": "https://example.com/hook?a=1",
            "token": "tök",
            "authentication": {"schemes": ["Bearer"], "credentials": "s3cret"},
        },
    },
    proto={
        "name": "tasks/task-1/pushNotificationConfigs/config-1",
        "pushNotificationConfig": {
            "id": "config-1",
            "url": "https://example.com/hook?a=1",
            "token": "tök",
            "authentication": {"schemes": ["Bearer"], "credentials": "s3cret"},
        },
    },
)
NEW_CONFIG = Spelled(
    new=PUSH_CONFIG.new,
    dialect=PUSH_CONFIG.dialect,
    proto={"parent": "tasks/task-1", "configId": "config-1", "config": PUSH_CONFIG.proto},
)
"""The request that makes it."""
PUSH_CONFIGS = Spelled(
    new={"configs": [PUSH_CONFIG.new, {"id": "config-2", "taskId": "task-1", "url": "https://example.com/2"}]},
    dialect=[
        PUSH_CONFIG.dialect,
        {"taskId": "task-1", "pushNotificationConfig": {"id": "config-2", "url": "https://example.com/2"}},
    ],
    proto={
        "configs": [
            PUSH_CONFIG.proto,
            {
                "name": "tasks/task-1/pushNotificationConfigs/config-2",
                "pushNotificationConfig": {"id": "config-2", "url": "https://example.com/2"},
            },
        ]
    },
)
NOTHING = Spelled(new={}, dialect=None, proto={})
"""The result of what answers nothing."""

# The card

_NEW_AND_OLD: Json = {
    "name": "Scripted",
    "description": "Does what its script says",
    "version": "1.2.3",
    "provider": {"organization": "Example", "url": "https://example.com"},
    "documentationUrl": "https://example.com/docs",
    "iconUrl": "https://example.com/icon.png",
    "defaultInputModes": ["text/plain"],
    "defaultOutputModes": ["text/plain", "application/json"],
}
_SKILL: Json = {
    "id": "script",
    "name": "Script",
    "description": "Follows it",
    "tags": ["test"],
    "examples": ["do it"],
    "inputModes": ["text/plain"],
    "outputModes": ["application/json"],
}
_EXTENSIONS: Json = {"extensions": [{"uri": EXTENSION, "description": "More", "required": True, "params": ANYTHING}]}
_SCHEMES: Json = {
    "key": {"apiKeySecurityScheme": {"location": "header", "name": "X-Key", "description": "A key"}},
    "bearer": {"httpAuthSecurityScheme": {"scheme": "Bearer", "bearerFormat": "JWT"}},
    "open": {"openIdConnectSecurityScheme": {"openIdConnectUrl": "https://example.com/id"}},
    "oauth": {
        "oauth2SecurityScheme": {
            "flows": {
                "clientCredentials": {"tokenUrl": "https://example.com/token", "scopes": {"read": "Reads"}},
            },
            "oauth2MetadataUrl": "https://example.com/oauth",
        }
    },
    "mutual": {"mtlsSecurityScheme": {"description": "Certificates"}},
}
CARD = Spelled(
    new={
        **_NEW_AND_OLD,
        "supportedInterfaces": [
            {"url": "https://agent.example.com/", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"},
            {"url": "https://agent.example.com/", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"},
        ],
        "capabilities": {"streaming": True, "pushNotifications": True, "extendedAgentCard": True, **_EXTENSIONS},
        "securitySchemes": _SCHEMES,
        "securityRequirements": [{"schemes": {"key": {"list": ["read", "write"]}, "mutual": {}}}],
        "skills": [{**_SKILL, "securityRequirements": [{"schemes": {"oauth": {"list": ["read"]}}}]}],
    },
    dialect={
        **_NEW_AND_OLD,
        "url": "https://agent.example.com/",
        "preferredTransport": "JSONRPC",
        "protocolVersion": "0.3.0",
        "capabilities": {"streaming": True, "pushNotifications": True, **_EXTENSIONS},
        "supportsAuthenticatedExtendedCard": True,
        "securitySchemes": {
            "key": {"type": "apiKey", "in": "header", "name": "X-Key", "description": "A key"},
            "bearer": {"type": "http", "scheme": "Bearer", "bearerFormat": "JWT"},
            "open": {"type": "openIdConnect", "openIdConnectUrl": "https://example.com/id"},
            "oauth": {
                "type": "oauth2",
                "flows": {"clientCredentials": {"tokenUrl": "https://example.com/token", "scopes": {"read": "Reads"}}},
                "oauth2MetadataUrl": "https://example.com/oauth",
            },
            "mutual": {"type": "mutualTLS", "description": "Certificates"},
        },
        "security": [{"key": ["read", "write"], "mutual": []}],
        "skills": [{**_SKILL, "security": [{"oauth": ["read"]}]}],
    },
    proto={
        **_NEW_AND_OLD,
        "url": "https://agent.example.com/",
        "preferredTransport": "JSONRPC",
        "protocolVersion": "0.3.0",
        "capabilities": {"streaming": True, "pushNotifications": True, **_EXTENSIONS},
        "supportsAuthenticatedExtendedCard": True,
        "securitySchemes": _SCHEMES,
        "security": [{"schemes": {"key": {"list": ["read", "write"]}, "mutual": {}}}],
        "skills": [{**_SKILL, "security": [{"schemes": {"oauth": {"list": ["read"]}}}]}],
    },
)
ADDRESSES = frozenset({"supportedInterfaces", "url", "preferredTransport", "additionalInterfaces", "protocolVersion"})
"""Members of cards that are the gateway's to say."""
