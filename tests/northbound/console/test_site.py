"""Where the console is, for whom, and what it may do: by settings, addresses, origins and its own policy."""

import re
import tomllib
from collections.abc import AsyncIterator
from pathlib import Path

import httpx
import pytest

from gateway.northbound.console.guard import POLICY, refusal
from gateway.settings import Settings
from tests.northbound.console.places import serving

pytestmark = pytest.mark.anyio

FOLDER = Path(__file__).parents[3] / "gateway/northbound/console"
MODULES = sorted(FOLDER.glob("*.js"))


@pytest.fixture(scope="module")
async def root(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[str]:
    """The address of a gateway with a console."""
    async with serving(tmp_path_factory.mktemp("store")) as gateway:
        yield f"http://{gateway.http}"


def settings(**given: object) -> Settings:
    return Settings.model_validate(given)


# Whether it is there


@pytest.mark.parametrize(
    ("http", "console", "there"),
    [
        ("127.0.0.1:8080", "auto", True),
        ("127.0.0.9:8080", "auto", True),
        ("localhost:8080", "auto", True),
        ("[::1]:8080", "auto", True),
        ("0.0.0.0:8080", "auto", False),
        ("[::]:8080", "auto", False),
        ("10.0.0.1:8080", "auto", False),
        ("gateway.internal:8080", "auto", False),
        ("0.0.0.0:8080", "on", True),
        ("127.0.0.1:8080", "off", False),
        ("0.0.0.0:8080", True, True),
        ("127.0.0.1:8080", False, False),
    ],
)
def test_where_the_console_is_by_default(http: str, console: object, there: bool) -> None:
    """YAML reads `on` and `off` as truth values."""
    assert settings(http=http, console=console).serves_console is there


@pytest.mark.parametrize("path", ["/console", "/console/", "/console/wire", "/console/console.js"])
async def test_a_console_that_is_off_is_nowhere(tmp_path: Path, path: str) -> None:
    async with serving(tmp_path, console="off") as gateway, httpx.AsyncClient(trust_env=False) as client:
        answer = await client.get(f"http://{gateway.http}{path}")
    assert answer.status_code == 404
    assert "console: on" in answer.text


# For whom

LOOPBACK = {"http": "127.0.0.1:8080"}
PUBLISHED = {"http": "127.0.0.1:8080", "public_url": "https://agents.example.com"}
OPEN = {"http": "0.0.0.0:8080", "console": "on"}
OPEN_PUBLISHED = {**OPEN, "public_url": "https://agents.example.com"}


@pytest.mark.parametrize(
    ("given", "host", "let_in"),
    [
        (LOOPBACK, "localhost:8080", True),
        (LOOPBACK, "127.0.0.1:8080", True),
        (LOOPBACK, "[::1]:8080", True),
        (LOOPBACK, "LocalHost", True),
        (LOOPBACK, "evil.example:8080", False),
        (LOOPBACK, "localhost.evil.example", False),
        (LOOPBACK, "127.0.0.1.evil.example", False),
        (LOOPBACK, "10.0.0.7:8080", False),
        (LOOPBACK, "", False),
        (LOOPBACK, "[::1", False),
        (LOOPBACK, "evil.example@127.0.0.1", True),
        (PUBLISHED, "agents.example.com", True),
        (PUBLISHED, "evil.example", False),
        (OPEN, "10.0.0.7:8080", True),
        (OPEN, "[2001:db8::7]:8080", True),
        (OPEN, "gateway.internal", False),
        (OPEN_PUBLISHED, "agents.example.com", True),
        (OPEN_PUBLISHED, "gateway.internal", False),
    ],
)
@pytest.mark.parametrize("page", [True, False])
def test_a_name_that_was_made_to_lead_here_is_refused(given: dict[str, str], host: str, let_in: bool, page: bool) -> None:
    assert (refusal({"host": host}, settings(**given), page=page) is None) is let_in


HERE = {"host": "127.0.0.1:8080"}


@pytest.mark.parametrize(
    ("headers", "let_in"),
    [
        ({}, True),
        ({"sec-fetch-site": "same-origin"}, True),
        ({"sec-fetch-site": "none"}, True),
        ({"sec-fetch-site": "same-site"}, False),
        ({"sec-fetch-site": "cross-site"}, False),
        ({"origin": "http://127.0.0.1:8080"}, True),
        ({"origin": "http://127.0.0.1:9090"}, False),
        ({"origin": "https://evil.example"}, False),
        ({"origin": "null"}, False),
        ({"sec-fetch-site": "same-origin", "origin": "https://evil.example"}, False),
    ],
)
def test_a_page_from_elsewhere_reads_nothing(headers: dict[str, str], let_in: bool) -> None:
    assert (refusal({**HERE, **headers}, settings(**LOOPBACK), page=False) is None) is let_in


@pytest.mark.parametrize(("origin", "let_in"), [("https://agents.example.com", True), ("https://evil.example", False)])
def test_a_proxy_may_change_the_host_where_the_public_url_is_known(origin: str, let_in: bool) -> None:
    assert (refusal({**HERE, "origin": origin}, settings(**PUBLISHED), page=False) is None) is let_in


def test_a_link_from_elsewhere_leads_to_the_page() -> None:
    assert refusal({**HERE, "sec-fetch-site": "cross-site"}, settings(**LOOPBACK), page=True) is None


async def test_the_guard_stands_before_the_feed_and_the_files(root: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in ("/console/wire", "/console/console.js"):
            foreign = await client.get(f"{root}{path}", headers={"sec-fetch-site": "cross-site"})
            rebound = await client.get(f"{root}{path}", headers={"host": "evil.example"})
            assert (foreign.status_code, rebound.status_code) == (403, 403)
        assert (await client.get(f"{root}/console", headers={"host": "evil.example"})).status_code == 403


# What is served


async def test_every_file_is_served_as_what_it_is_and_under_the_policy(root: str) -> None:
    types = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml", ".html": "text/html"}
    async with httpx.AsyncClient(trust_env=False) as client:
        for path in [file for file in FOLDER.iterdir() if file.suffix in types]:
            answer = await client.get(f"{root}/console/{path.name}")
            assert (answer.status_code, answer.content) == (200, path.read_bytes()), path.name
            assert answer.headers["content-type"] == f"{types[path.suffix]}; charset=utf-8"
            assert answer.headers["content-security-policy"] == POLICY
            assert answer.headers["x-content-type-options"] == "nosniff"
            same = await client.get(answer.url, headers={"if-none-match": answer.headers["etag"]})
            assert (same.status_code, same.content) == (304, b"")


@pytest.mark.parametrize(
    "path", ["/console/site.py", "/console/..%2fsite.py", "/console/%2e%2e/http.py", "/console/nothing.js"]
)
async def test_nothing_else_is_served(root: str, path: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        assert (await client.get(f"{root}{path}")).status_code == 404


async def test_the_page_is_at_one_address_and_only_to_be_read(root: str) -> None:
    async with httpx.AsyncClient(trust_env=False) as client:
        moved = await client.get(f"{root}/console/")
        assert (moved.status_code, moved.headers["location"]) == (307, "../console")
        refused = await client.post(f"{root}/console")
        assert (refused.status_code, refused.headers["allow"]) == (405, "GET, HEAD")
        page = await client.get(f"{root}/console")
        assert (await client.head(f"{root}/console")).headers["etag"] == page.headers["etag"]


# What the page may do


def test_the_policy_allows_no_more_than_the_page_needs() -> None:
    rules = dict(rule.split(" ", 1) for rule in POLICY.split("; "))
    assert rules.pop("img-src") == "'self' blob: data:"
    own = {"script-src", "style-src", "connect-src"}
    assert {name for name, value in rules.items() if value == "'self'"} == own
    assert {value for name, value in rules.items() if name not in own} == {"'none'"}
    assert {"default-src", "base-uri", "form-action", "frame-ancestors"} <= set(rules)


@pytest.mark.parametrize("module", MODULES, ids=lambda path: path.name)
def test_no_module_writes_html_or_runs_text(module: Path) -> None:
    text = re.sub(r"^\s*//.*$", "", module.read_text(), flags=re.MULTILINE)
    forbidden = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|DOMParser|createContextualFragment|srcdoc"
    assert not re.search(forbidden + r"|\beval\(|new Function|import\(|setAttribute\(.style", text)


def test_the_page_has_nothing_in_line_and_nothing_from_elsewhere() -> None:
    page = (FOLDER / "index.html").read_text()
    assert not re.search(r"\sstyle=|\son[a-z]+=|<style|javascript:|https?://", page)
    assert re.findall(r"<script([^>]*)>([^<]*)<", page) == [(' type="module" src="console/console.js"', "")]
    assert not re.search(r"url\(|@import", (FOLDER / "console.css").read_text())


def test_every_module_is_small_and_imports_only_its_neighbours() -> None:
    names = {path.name for path in MODULES}
    for module in MODULES:
        assert {name.removeprefix("./") for name in re.findall(r'from "([^"]+)"', module.read_text())} <= names


def test_the_files_are_part_of_what_is_installed() -> None:
    """Hatch takes every file of a package that is under version control; nothing leaves these out."""
    hatch = tomllib.loads((FOLDER.parents[2] / "pyproject.toml").read_text())["tool"]["hatch"]["build"]
    assert "gateway" in hatch["targets"]["wheel"]["packages"]
    assert not any("exclude" in part for part in (hatch, *hatch["targets"].values()))
