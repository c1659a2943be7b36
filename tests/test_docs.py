"""The documentation is what the code says: generated regions are current, links lead somewhere, nothing is left out."""

import re
import tomllib
from pathlib import Path

import pytest
from pydantic import BaseModel

from gateway.codec.v0_3.table import CONVERSIONS
from gateway.errors import ErrorKind, GrpcStatus
from gateway.operations import OPERATIONS
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
from gateway.southbound.upstream import SPOKEN
from tools import docs

ROOT = Path(__file__).resolve().parent.parent
PAGES = docs.pages(docs.DOCS, docs.README)
LINKING = [*PAGES, ROOT / "CHANGELOG.md"]

_FENCED = re.compile(r"^```.*?^```", re.DOTALL | re.MULTILINE)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\]\(([^()\s]+)\)")
_HEADING = re.compile(r"^#{1,6} +(.+?) *$", re.MULTILINE)


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def prose(path: Path) -> str:
    """A page without what stands in code blocks."""
    return _FENCED.sub("", path.read_text())


def anchors(path: Path) -> set[str]:
    """The anchors of a page's headings, made as GitHub makes them."""
    headings = (re.sub(r"\[([^]]*)\]\([^)]*\)", r"\1", found) for found in _HEADING.findall(prose(path)))
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


def broken_links(path: Path) -> list[str]:
    """The relative links of a page that lead nowhere, or to a heading that is not there."""
    broken: list[str] = []
    for link in _LINK.findall(_CODE.sub("", prose(path))):
        if re.match(r"[a-z]+:", link):
            continue
        file, _, anchor = link.partition("#")
        target = path.parent / file if file else path
        if not target.exists() or (anchor and anchor not in anchors(target)):
            broken.append(link)
    return broken


def rows_of(page: str, region: str) -> list[str]:
    """The first cell of each row of a generated table."""
    text = (docs.DOCS / page).read_text()
    table = text.split(f"<!-- generated: {region} -->\n")[1].split("<!-- end -->")[0]
    return [line.split("|")[1].strip(" `") for line in table.splitlines()[2:]]


@pytest.mark.parametrize("path", PAGES, ids=name_of)
def test_a_page_is_what_make_generate_writes(path: Path) -> None:
    text = path.read_text()
    assert docs.regenerated(text) == text


def test_every_generated_table_stands_on_one_page() -> None:
    assert sorted(name for path in PAGES for name in docs.regions(path.read_text())) == sorted(docs.TABLES)


def test_generating_changes_only_what_is_generated(tmp_path: Path) -> None:
    page = tmp_path / "folder" / "page.md"
    page.parent.mkdir()
    page.write_text("# Before\n\n<!-- generated: forwarded -->\nstale\n<!-- end -->\nafter\n")
    docs.write(tmp_path)
    once = page.read_text()
    assert once.startswith("# Before\n\n<!-- generated: forwarded -->\n* `authorization`\n")
    assert once.endswith("<!-- end -->\nafter\n")
    assert "stale" not in once
    docs.write(tmp_path)
    assert page.read_text() == once


def test_a_region_that_no_table_fills_is_refused() -> None:
    with pytest.raises(KeyError, match="nothing"):
        docs.regenerated("<!-- generated: nothing -->\n<!-- end -->")


@pytest.mark.parametrize("path", LINKING, ids=name_of)
def test_links_lead_somewhere(path: Path) -> None:
    assert broken_links(path) == []


def test_broken_links_are_found(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("# One two\n[a](#one-two) [b](#three) [c](none.md) [d](page.md#one-two) [e](https://example.com)\n")
    assert broken_links(page) == ["#three", "none.md"]


def test_every_page_is_reached_from_the_readme() -> None:
    reached = docs.README.read_text()
    missing = [name_of(path) for path in PAGES if path.parent == docs.DOCS and name_of(path) not in reached]
    assert missing == []


@pytest.mark.parametrize("kind", ErrorKind, ids=lambda kind: kind.reason)
def test_every_kind_of_error_is_documented(kind: ErrorKind) -> None:
    rows = rows_of("errors.md", "errors-protocol") + rows_of("errors.md", "errors-grpc")
    assert rows.count(kind.reason) == 1


@pytest.mark.parametrize(
    ("page", "region", "model"),
    [
        ("settings.md", "settings", Settings),
        ("settings.md", "agents", AgentSettings),
        ("settings.md", "v0-3", OldPeers),
        ("settings.md", "tls", Tls),
        ("settings.md", "signing", Signing),
        ("settings.md", "tasks", TaskSettings),
        ("settings.md", "push", PushSettings),
        ("settings.md", "limits", Limits),
        ("mapping.md", "skills", SkillSettings),
        ("mapping.md", "responses", ResponseMapping),
        ("mapping.md", "artifacts", ArtifactMapping),
        ("mapping.md", "descriptors", DescriptorSource),
    ],
)
def test_every_setting_is_documented(page: str, region: str, model: type[BaseModel]) -> None:
    assert rows_of(page, region) == list(model.model_fields)
    assert [name for name, field in model.model_fields.items() if not field.description] == []


def test_every_grpc_status_of_a_mapped_service_is_documented() -> None:
    assert rows_of("mapping.md", "outcomes") == [status.name for status in GrpcStatus]


@pytest.mark.parametrize("region", ["operations", "names-1-0", "names-0-3"])
def test_every_operation_is_documented(region: str) -> None:
    assert rows_of("operations.md", region) == [operation.name for operation in OPERATIONS]


def test_every_conversion_is_documented_and_every_loss() -> None:
    losses = [one.new for one in CONVERSIONS if one.lost_to_0_3 or one.lost_to_1_0]
    assert rows_of("conversion.md", "conversions") == [one.new for one in CONVERSIONS]
    assert rows_of("conversion.md", "losses") == losses


def test_the_matrix_has_every_caller_and_every_agent() -> None:
    _, head, *rows, _ = docs.README.read_text().split("<!-- generated: matrix -->")[1].split("<!-- end -->")[0].split("\n")
    callers = [re.sub(r"\W*\*\*(.+?)\*\*.*", r"\1", row) for row in rows[1:]]
    assert callers == [agent.strip() for agent in head.split("|")[2:-1]]
    assert len(set(callers)) == len(callers) == len(SPOKEN)


@pytest.mark.parametrize(("title", "group"), [("At run time", None), ("For development", "dev"), ("For benchmarks", "bench")])
def test_every_dependency_has_its_reason(title: str, group: str | None) -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    wanted = project["optional-dependencies"][group] if group else project["dependencies"]
    section = (docs.DOCS / "dependencies.md").read_text().split(f"## {title}\n")[1].split("\n## ")[0]
    reasons = dict(re.findall(r"^\| `([^`]+)` \| (.+) \|$", section, re.MULTILINE))
    names = {match[0] for requirement in wanted if (match := re.match(r"[A-Za-z0-9-]+", requirement))}
    assert set(reasons) == names
