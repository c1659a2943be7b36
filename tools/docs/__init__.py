"""Writes the generated regions of `docs/` and of the README from the code's own tables.

A region is what stands between `<!-- generated: NAME -->` and `<!-- end -->`; all else on a page is
written by hand. `TABLES` says what each region holds. Where the code decides by more than a table,
the code itself is asked.
"""

import re
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path

from gateway.errors import A2A_DOMAIN, GRPC_DOMAIN
from gateway.settings import (
    AgentSettings,
    ArtifactMapping,
    DescriptorSource,
    Limits,
    OldPeers,
    PushSettings,
    ResponseMapping,
    Settings,
    Signing,
    SkillSettings,
    TaskSettings,
    Tls,
)
from tools.docs.conversions import conversions, losses
from tools.docs.errors import (
    errors,
    grpc_statuses,
    http_statuses,
    jsonrpc_codes,
    jsonrpc_http,
    old_http_statuses,
    rest_http,
)
from tools.docs.forms import matrix, operation_names, operations
from tools.docs.judgements import json_inputs, protobuf_inputs, versions
from tools.docs.mapping import inferred_names, outcomes
from tools.docs.names import always_forwarded, metrics
from tools.docs.settings import settings_of

ROOT = Path(__file__).resolve().parent.parent.parent
DOCS = ROOT / "docs"
README = ROOT / "README.md"

TABLES: Mapping[str, Callable[[], str]] = {
    "errors-protocol": partial(errors, A2A_DOMAIN),
    "errors-grpc": partial(errors, GRPC_DOMAIN),
    "jsonrpc-codes": jsonrpc_codes,
    "grpc-statuses": grpc_statuses,
    "http-statuses": http_statuses,
    "old-http-statuses": old_http_statuses,
    "jsonrpc-http": jsonrpc_http,
    "rest-http": rest_http,
    "matrix": matrix,
    "operations": operations,
    "names-1-0": partial(operation_names, "1.0"),
    "names-0-3": partial(operation_names, "0.3"),
    "conversions": conversions,
    "losses": losses,
    "settings": partial(settings_of, Settings, "A2A_GATEWAY_"),
    "agents": partial(settings_of, AgentSettings),
    "tls": partial(settings_of, Tls),
    "v0-3": partial(settings_of, OldPeers),
    "skills": partial(settings_of, SkillSettings),
    "responses": partial(settings_of, ResponseMapping),
    "artifacts": partial(settings_of, ArtifactMapping),
    "descriptors": partial(settings_of, DescriptorSource),
    "outcomes": outcomes,
    "inference": inferred_names,
    "signing": partial(settings_of, Signing),
    "tasks": partial(settings_of, TaskSettings, "A2A_GATEWAY_TASKS__"),
    "push": partial(settings_of, PushSettings, "A2A_GATEWAY_PUSH__"),
    "limits": partial(settings_of, Limits, "A2A_GATEWAY_LIMITS__"),
    "forwarded": always_forwarded,
    "versions": versions,
    "json-inputs": json_inputs,
    "protobuf-inputs": protobuf_inputs,
    "metrics": metrics,
}
"""What each generated region holds."""

_REGION = re.compile(r"(?<=<!-- generated: )(?P<name>[a-z0-9-]+) -->\n.*?<!-- end -->", re.DOTALL)


def regenerated(page: str) -> str:
    """A page with its generated regions written anew. Raises KeyError for a region that no table fills."""
    return _REGION.sub(lambda match: f"{match['name']} -->\n{TABLES[match['name']]()}\n<!-- end -->", page)


def regions(page: str) -> list[str]:
    """The names of a page's generated regions."""
    return [match["name"] for match in _REGION.finditer(page)]


def pages(*places: Path) -> list[Path]:
    """The pages at places, of which a folder stands for every page below it."""
    return [page for place in places for page in (sorted(place.rglob("*.md")) if place.is_dir() else [place])]


def write(*places: Path) -> None:
    """Rewrites the generated regions of every page at `places`; where none is named, of all that there are."""
    for path in pages(*(places or (DOCS, README))):
        path.write_text(regenerated(path.read_text()))
