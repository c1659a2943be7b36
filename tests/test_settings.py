"""Settings: who overrides whom, what the file may say, and that every mistake is named with its place."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from gateway.codec.malformed import Bounds
from gateway.errors import StatusProfile
from gateway.settings import RESERVED_PATHS, ConfigurationError, Limits, Settings, agent_flag, load

WriteFile = Callable[[str], Path]


@pytest.fixture(autouse=True)
def _clean_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    for name in [name for name in os.environ if name.upper().startswith("A2A_GATEWAY_")]:
        monkeypatch.delenv(name)


@pytest.fixture
def write(tmp_path: Path) -> WriteFile:
    def write_file(text: str) -> Path:
        path = tmp_path / "gateway.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    return write_file


PLANNER = "agents: [{name: planner, url: 'grpc://planner:50051'}]"

PRECEDENCE: list[tuple[str, dict[str, Any], dict[str, str], str, str]] = [
    ("default", {}, {}, "", "127.0.0.1:8080"),
    ("file over default", {}, {}, "http: file:1", "file:1"),
    ("environment over default", {}, {"A2A_GATEWAY_HTTP": "env:2"}, "", "env:2"),
    ("environment over file", {}, {"A2A_GATEWAY_HTTP": "env:2"}, "http: file:1", "env:2"),
    ("flag over default", {"http": "flag:3"}, {}, "", "flag:3"),
    ("flag over file", {"http": "flag:3"}, {}, "http: file:1", "flag:3"),
    ("flag over environment", {"http": "flag:3"}, {"A2A_GATEWAY_HTTP": "env:2"}, "", "flag:3"),
    ("flag over all", {"http": "flag:3"}, {"A2A_GATEWAY_HTTP": "env:2"}, "http: file:1", "flag:3"),
    ("a flag that was not given", {"http": None}, {"A2A_GATEWAY_HTTP": "env:2"}, "http: file:1", "env:2"),
    ("names of variables in any case", {}, {"a2a_gateway_http": "env:2"}, "http: file:1", "env:2"),
    ("another flag", {"grpc": "flag:3"}, {"A2A_GATEWAY_HTTP": "env:2"}, "http: file:1", "env:2"),
]


@pytest.mark.parametrize(
    ("flags", "environment", "text", "http"), [row[1:] for row in PRECEDENCE], ids=[row[0] for row in PRECEDENCE]
)
def test_precedence(
    flags: dict[str, Any],
    environment: dict[str, str],
    text: str,
    http: str,
    write: WriteFile,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert load(write(text), flags).http == http


def test_without_a_file_the_defaults_hold() -> None:
    settings = load(None, {})
    assert settings == Settings()
    assert (settings.http, settings.grpc, settings.agents) == ("127.0.0.1:8080", "127.0.0.1:50050", ())


def test_an_empty_file_says_nothing(write: WriteFile) -> None:
    assert load(write("# nothing yet\n"), {}) == Settings()


def test_the_environment_reaches_into_groups_and_leaves_the_rest_of_them(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A2A_GATEWAY_LIMITS__STREAMS", "7")
    limits = load(write("limits: {streams: 5, json_depth: 10}"), {}).limits
    assert (limits.streams, limits.json_depth, limits.json_object_keys) == (7, 10, 1024)
    assert load(None, {"http": "flag:3"}).limits.streams == 7


def test_the_environment_gives_lists_as_json(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("A2A_GATEWAY_AGENTS", json.dumps([{"name": "a", "url": "grpc://a:1"}]))
    monkeypatch.setenv("A2A_GATEWAY_FORWARD_HEADERS", '["X-Api-Key"]')
    settings = load(None, {})
    assert [agent.name for agent in settings.agents] == ["a"]
    assert settings.forward_headers == ("x-api-key",)


def test_variables_that_an_orchestrator_makes_up_for_a_service_of_our_name_are_nobody_s(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    for name, value in {
        "A2A_GATEWAY_PORT": "tcp://10.0.0.1:8080",
        "A2A_GATEWAY_SERVICE_HOST": "10.0.0.1",
        "A2A_GATEWAY_SERVICE_PORT_HTTP": "8080",
        "A2A_GATEWAY_PORT_8080_TCP_ADDR": "10.0.0.1",
    }.items():
        monkeypatch.setenv(name, value)
    assert load(None, {}) == Settings()


def test_agents_of_the_command_line_follow_those_of_the_file_and_replace_their_namesakes(write: WriteFile) -> None:
    file = write("agents: [{name: a, url: 'grpc://a:1'}, {name: b, url: 'grpc://b:1', tenant: t}]")
    flags = {"agents": [agent_flag("c=http://c"), agent_flag("b=https://b/x")]}
    agents = load(file, flags).agents
    assert [(agent.name, agent.url, agent.tenant) for agent in agents] == [
        ("a", "grpc://a:1", None),
        ("b", "https://b/x", None),
        ("c", "http://c", None),
    ]


def test_an_agent_flag_is_a_name_and_a_url() -> None:
    assert agent_flag("a=http://h/?x=y") == {"name": "a", "url": "http://h/?x=y"}
    with pytest.raises(ConfigurationError, match="--agent http://h: expected NAME=URL"):
        agent_flag("http://h")


def test_variables_in_the_file(write: WriteFile, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOST", "planner.internal")
    monkeypatch.setenv("TOKEN", "s3cr3t: ${HOST}")
    monkeypatch.setenv("STREAMS", "12")
    settings = load(
        write(
            "agents: [{name: a, url: 'grpc://${HOST}:50051', headers: {Authorization: 'Bearer ${TOKEN}'}}]\n"
            "limits: {streams: '${STREAMS}'}\n"
        ),
        {},
    )
    agent = settings.agents[0]
    assert agent.url == "grpc://planner.internal:50051"
    assert agent.headers == {"authorization": "Bearer s3cr3t: ${HOST}"}  # read once, whatever it holds
    assert settings.limits.streams == 12


def test_a_variable_that_is_not_there_is_named_with_the_file(write: WriteFile) -> None:
    file = write("agents: [{name: a, url: 'grpc://${NO_SUCH_HOST}:1'}]")
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    assert str(caught.value) == f"{file}: the environment has no NO_SUCH_HOST"


ACCEPTED: list[tuple[str, str, Callable[[Settings], object], object]] = [
    ("IPv6 address", "http: '[::]:8080'", lambda settings: settings.http, "[::]:8080"),
    ("any free port", "grpc: 0.0.0.0:0", lambda settings: settings.grpc, "0.0.0.0:0"),
    (
        "public address without its slash",
        "public_url: https://a.example.com/x/",
        lambda settings: settings.public_url,
        "https://a.example.com/x",
    ),
    (
        "networks",
        "trusted_proxies: [10.0.0.0/8, '::1/128']",
        lambda settings: [str(network) for network in settings.trusted_proxies],
        ["10.0.0.0/8", "::1/128"],
    ),
    ("headers in any case", "forward_headers: [X-Api-Key]", lambda settings: settings.forward_headers, ("x-api-key",)),
    ("edition", "status_profile: '1.0.0'", lambda settings: settings.status_profile, StatusProfile.V1_0_0),
    (
        "a card in the file",
        "agents: [{name: a, url: 'grpc://a:1', card: {name: A}}]",
        lambda settings: settings.agents[0].card,
        {"name": "A"},
    ),
    (
        "a lenient agent",
        "agents: [{name: a, url: 'http://a', stream_contract: lenient}]",
        lambda settings: settings.agents[0].stream_contract,
        "lenient",
    ),
    (
        "a mapped service with every method",
        "agents: [{name: a, url: 'grpc://a:1', skills: auto}]",
        lambda settings: settings.agents[0].skills,
        (),
    ),
    (
        "a mapped service with one method",
        "agents: [{name: a, url: 'grpc://a:1', skills: [{method: p.S/M, response: {text: a.b}}]}]",
        lambda settings: [(one.method, one.response and one.response.text) for one in settings.agents[0].skills or ()],
        [("p.S/M", "a.b")],
    ),
    ("a limit that is off", "limits: {stream_idle_s: null}", lambda settings: settings.limits.stream_idle_s, None),
    (
        "names with every character",
        "agents: [{name: A-1_b.c~, url: 'http://a'}]",
        lambda settings: settings.agents[0].name,
        "A-1_b.c~",
    ),
]


@pytest.mark.parametrize(("text", "look", "seen"), [row[1:] for row in ACCEPTED], ids=[row[0] for row in ACCEPTED])
def test_what_the_file_may_say(text: str, look: Callable[[Settings], object], seen: object, write: WriteFile) -> None:
    assert look(load(write(text), {})) == seen


REFUSED = [
    ("unknown setting", "htpp: a:1", "htpp: unknown setting"),
    ("unknown limit", "limits: {streems: 1}", "limits.streems: unknown setting"),
    ("unknown setting of an agent", "agents: [{name: a, url: 'http://a', uri: x}]", "agents.0.uri: unknown setting"),
    (
        "unknown setting of TLS",
        "agents: [{name: a, url: 'http://a', tls: {verify: false}}]",
        "agents.0.tls.verify: unknown setting",
    ),
    ("address without a port", "http: localhost", "http: expected HOST:PORT"),
    ("address without a host", "grpc: ':50050'", "grpc: expected HOST:PORT"),
    ("port that is a word", "http: 'localhost:http'", "http: expected HOST:PORT"),
    ("port beyond the last", "http: 'localhost:65536'", "http: expected HOST:PORT"),
    ("negative port", "http: 'localhost:-1'", "http: expected HOST:PORT"),
    (
        "public address that is no URL",
        "public_url: agents.example.com",
        "public_url: expected http://HOST or https://HOST",
    ),
    ("public address of another kind", "public_url: grpc://a:1", "public_url: expected http://HOST or https://HOST"),
    ("public gRPC address that is a URL", "public_grpc: https://a", "public_grpc: expected HOST:PORT"),
    ("no network", "trusted_proxies: [example.com]", "trusted_proxies.0"),
    ("a network with a host in it", "trusted_proxies: [10.0.0.1/8]", "trusted_proxies.0"),
    (
        "a header that may not pass",
        "forward_headers: [x-ok, Cookie]",
        "forward_headers.1: 'Cookie' may not be forwarded",
    ),
    (
        "a header of the protocol",
        "forward_headers: [a2a-version]",
        "forward_headers.0: 'a2a-version' may not be forwarded",
    ),
    ("unknown policy", "version_policy: relaxed", "version_policy"),
    ("unknown edition", "status_profile: 2.0.0", "status_profile"),
    ("unknown level", "log_level: loud", "log_level"),
    ("unknown format", "log_format: xml", "log_format"),
    ("agents that are no list", "agents: planner", "agents"),
    ("an agent without a name", "agents: [{url: 'http://a'}]", "agents.0.name"),
    ("an agent without an address", "agents: [{name: a}]", "agents.0.url"),
    ("an empty name", "agents: [{name: '', url: 'http://a'}]", "agents.0.name"),
    ("a name with a slash", "agents: [{name: a/b, url: 'http://a'}]", "agents.0.name"),
    ("a name of 64 letters", f"agents: [{{name: {'a' * 64}, url: 'http://a'}}]", "agents.0.name"),
    ("a name with a line feed", 'agents: [{name: "a\\n", url: "http://a"}]', "agents.0.name"),
    (
        "two of one name",
        "agents: [{name: a, url: 'http://a'}, {name: b, url: 'http://b'}, {name: a, url: 'http://c'}]",
        "two agents are named 'a'",
    ),
    (
        "an address of another kind",
        "agents: [{name: a, url: 'ftp://a'}]",
        "agents.0.url: expected a URL that begins with grpc://",
    ),
    (
        "an address without a kind",
        "agents: [{name: a, url: 'a:1'}]",
        "agents.0.url: expected a URL that begins with grpc://",
    ),
    (
        "a gRPC address without a port",
        "agents: [{name: a, url: 'grpc://a'}]",
        "agents.0.url: expected grpc://HOST:PORT",
    ),
    (
        "a gRPC address with a path",
        "agents: [{name: a, url: 'grpcs://a:1/x'}]",
        "agents.0.url: expected grpcs://HOST:PORT",
    ),
    ("a gRPC address with a port beyond the last", "agents: [{name: a, url: 'grpc://a:65536'}]", "agents.0.url"),
    ("an HTTP address with a port beyond the last", "agents: [{name: a, url: 'http://a:65536'}]", "agents.0.url"),
    ("an HTTP address with a port that is a word", "agents: [{name: a, url: 'http://a:http/'}]", "agents.0.url"),
    ("an address without a host", "agents: [{name: a, url: 'https:///x'}]", "agents.0.url: expected a host"),
    (
        "a password in an address",
        "agents: [{name: a, url: 'https://u:p@a'}]",
        "agents.0.url: expected a host and no user name",
    ),
    (
        "a header of an agent that may not pass",
        "agents: [{name: a, url: 'http://a', headers: {Host: b}}]",
        "agents.0.headers.Host",
    ),
    ("a header that is no text", "agents: [{name: a, url: 'http://a', headers: {x-a: [1]}}]", "agents.0.headers.x-a"),
    ("unknown contract", "agents: [{name: a, url: 'http://a', stream_contract: loose}]", "agents.0.stream_contract"),
    (
        "a certificate without its key",
        "agents: [{name: a, url: 'grpcs://a:1', tls: {cert: /etc/hostname}}]",
        "agents.0.tls: cert and key belong together",
    ),
    (
        "an authority that is not there",
        "agents: [{name: a, url: 'grpcs://a:1', tls: {ca: /no/such/file}}]",
        "agents.0.tls: there is no file /no/such/file",
    ),
    *(
        (f"skills: {name}", f"agents: [{{name: a, url: 'grpc://a:1', {text}}}]", f"agents.0{says}")
        for name, text, says in (
            ("none", "skills: []", ".skills: expected a list of at least one skill, or auto"),
            ("another word", "skills: all", ".skills: expected a list of at least one skill, or auto"),
            ("no method", "skills: [{id: x}]", ".skills.0.method"),
            ("no name of a method", "skills: [{method: Translate}]", ".skills.0.method"),
            (
                "no expression",
                "skills: [{method: p.S/M, request: 'a..b'}]",
                ".skills.0.request: not JMESPath at character 2",
            ),
            (
                "no expression, deeper",
                "skills: [{method: p.S/M, response: {artifact: {id: 'a['}}}]",
                ".skills.0.response.artifact.id: the expression ends too early, at character 2",
            ),
            ("an unknown part", "skills: [{method: p.S/M, response: {txt: a}}]", ".skills.0.response.txt: unknown"),
            ("one id twice", "skills: [{method: p.S/M, id: x}, {method: p.S/N, id: x}]", ": skills: two have the id 'x'"),
            ("a tenant", "skills: auto, tenant: x", ": tenant: means nothing"),
            ("a version", "skills: auto, version: '0.3'", ": version: means nothing"),
            ("a card from elsewhere", "skills: auto, card: 'https://x/'", ": card: a mapped service has none"),
            ("no set", "skills: auto, descriptors: {set: /no/such/file}", ".descriptors.set: there is no file"),
            ("no proto", "skills: auto, descriptors: {protos: [/no/such]}", ".descriptors.protos.0: there is no file"),
            ("no folder", "skills: auto, descriptors: {includes: [/no/such]}", ".descriptors.includes.0: there is no"),
            ("trailers of gRPC's own", "skills: auto, trailers: [grpc-status]", ".trailers.0: 'grpc-status' may not"),
        )
    ),
    (
        "skills over HTTP",
        "agents: [{name: a, url: 'http://a', skills: auto}]",
        "agents.0: skills: methods of a gRPC service; expected a grpc:// or grpcs:// url",
    ),
    (
        "notifications relayed for an agent that is elsewhere",
        "agents: [{name: a, url: 'https://a.example.com', push: relay}]",
        "public_url: agent 'a' with `push: relay` must be told where it reaches the gateway",
    ),
    (
        "notifications relayed for an agent that is elsewhere, from everywhere",
        "http: 0.0.0.0:80\nagents: [{name: a, url: 'grpc://10.0.0.1:1', push: relay}]",
        "public_url: ",
    ),
    (
        "notifications relayed for a mapped service",
        "agents: [{name: a, url: 'grpc://localhost:1', skills: auto, push: relay}]",
        "agents.0: push: relay is for agents that speak A2A",
    ),
    (
        "notifications relayed for a worker",
        "agents: [{name: a, url: 'python:a:A', push: relay}]",
        "agents.0: push: relay is for agents that speak A2A",
    ),
    ("a limit of zero", "limits: {streams: 0}", "limits.streams"),
    ("a negative limit", "limits: {json_bytes: -1}", "limits.json_bytes"),
    ("a limit that is a word", "limits: {unary_s: long}", "limits.unary_s"),
    ("a limit that is not a number", "limits: {unary_s: .nan}", "limits.unary_s"),
    ("a limit without an end", "limits: {drain_s: .inf}", "limits.drain_s"),
    ("a limit that is a fraction", "limits: {streams: 1.5}", "limits.streams"),
    ("a depth that protobuf readers do not follow", "limits: {json_depth: 31}", "limits.json_depth"),
    ("numbers longer than Python reads", "limits: {json_number_chars: 5000}", "limits.json_number_chars"),
    ("limits that are no group", "limits: 5", "limits"),
]


@pytest.mark.parametrize(("text", "says"), [row[1:] for row in REFUSED], ids=[row[0] for row in REFUSED])
def test_a_mistake_is_named_with_its_place(text: str, says: str, write: WriteFile) -> None:
    file = write(text)
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    assert str(caught.value).startswith(f"{file}: ")
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("public_url: https://gateway.example.com", "https://a.example.com"),
        ("", "http://localhost:1"),
        ("http: 0.0.0.0:80", "grpc://127.0.0.1:1"),
        ("http: '[::]:80'", "http://[::1]:1"),
        ("http: 10.0.0.1:80", "http://10.0.0.1:1"),
    ],
)
def test_an_agent_that_surely_reaches_the_gateway_may_post_to_it(text: str, url: str, write: WriteFile) -> None:
    settings = load(write(f"{text}\nagents: [{{name: a, url: '{url}', push: relay}}]"), {})
    assert settings.agents[0].push == "relay"


def test_every_mistake_has_its_line(write: WriteFile) -> None:
    file = write("http: localhost\nlimits: {streams: 0}\nhtpp: x\n")
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    places = {line.removeprefix(f"{file}: ").partition(":")[0] for line in str(caught.value).splitlines()}
    assert places == {"http", "limits.streams", "htpp"}


@pytest.mark.parametrize("name", sorted(RESERVED_PATHS - {".well-known"}))
def test_paths_of_the_gateway_are_no_names(name: str, write: WriteFile) -> None:
    with pytest.raises(ConfigurationError, match=rf"agents\.0\.name: '{name}' is a path of the gateway's own"):
        load(write(f"agents: [{{name: {name}, url: 'http://a'}}]"), {})


NOT_A_CONFIGURATION = [
    ("a list", b"- http: a:1\n", "expected settings by name"),
    ("a text", b"http", "expected settings by name"),
    ("no YAML", b"http: [a\n", "line 2"),
    ("no text", b"http: \xff\n", ""),
    ("a tag that makes objects", b"http: !!python/object/apply:os.getcwd []\n", ""),
    ("a number for a name", b"1: a\n", ""),
]


@pytest.mark.parametrize(
    ("content", "says"), [row[1:] for row in NOT_A_CONFIGURATION], ids=[row[0] for row in NOT_A_CONFIGURATION]
)
def test_a_file_that_is_no_configuration(content: bytes, says: str, tmp_path: Path) -> None:
    file = tmp_path / "gateway.yaml"
    file.write_bytes(content)
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    assert str(caught.value).startswith(f"{file}: ")
    assert says in str(caught.value)


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    for path in (tmp_path / "none.yaml", tmp_path):
        with pytest.raises(ConfigurationError) as caught:
            load(path, {})
        assert str(caught.value).startswith(f"{path}: ")


BAD_VARIABLES = [
    ("an address", "A2A_GATEWAY_HTTP", "localhost", "http: expected HOST:PORT"),
    ("a limit", "A2A_GATEWAY_LIMITS__STREAMS", "many", "limits.streams"),
    ("an unknown limit", "A2A_GATEWAY_LIMITS__STREEMS", "1", "limits.streems: unknown setting"),
    ("a list that is no JSON", "A2A_GATEWAY_AGENTS", "planner", "agents"),
    ("an agent", "A2A_GATEWAY_AGENTS", '[{"name": "a", "url": "a"}]', "agents.0.url"),
]


@pytest.mark.parametrize(
    ("name", "value", "says"), [row[1:] for row in BAD_VARIABLES], ids=[row[0] for row in BAD_VARIABLES]
)
def test_a_mistake_in_the_environment_is_named_with_its_place(
    name: str, value: str, says: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    with pytest.raises(ConfigurationError) as caught:
        load(None, {})
    assert says in str(caught.value)


def test_a_mistake_in_the_environment_is_not_blamed_on_the_file(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("A2A_GATEWAY_HTTP", "localhost")
    file = write("http: localhost:8080")
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    assert "http: expected HOST:PORT" in str(caught.value)
    assert str(file) not in str(caught.value)


BAD_FLAGS: list[tuple[str, dict[str, Any], str]] = [
    ("an address", {"http": "localhost"}, "http: expected HOST:PORT"),
    ("the address of an agent", {"agents": [{"name": "a", "url": "a"}]}, "url: expected a URL"),
    ("the name of an agent", {"agents": [{"name": "a/b", "url": "http://a"}]}, "name"),
    ("a name of the gateway's own", {"agents": [{"name": "livez", "url": "http://a"}]}, "'livez' is a path"),
]


@pytest.mark.parametrize(("flags", "says"), [row[1:] for row in BAD_FLAGS], ids=[row[0] for row in BAD_FLAGS])
def test_a_mistake_on_the_command_line_is_named_with_its_place(
    flags: dict[str, Any], says: str, write: WriteFile
) -> None:
    with pytest.raises(ConfigurationError) as caught:
        load(write(PLANNER), flags)
    assert says in str(caught.value)


def test_no_secret_of_the_environment_is_in_the_message_of_a_mistake(
    write: WriteFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TOKEN", "s3cr3t")
    file = write("agents: [{name: a, url: 'https://user:${TOKEN}@a', headers: {x-a: '${TOKEN}', Host: '${TOKEN}'}}]")
    with pytest.raises(ConfigurationError) as caught:
        load(file, {})
    assert "agents.0" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)


def test_settings_do_not_change() -> None:
    settings = load(None, {})
    with pytest.raises(ValidationError):
        settings.http = "other:1"
    with pytest.raises(ValidationError):
        settings.limits.streams = 1


def test_the_bounds_of_the_codec_are_the_limits() -> None:
    assert Limits.model_validate({}).bounds() == Bounds()
    limits = Limits.model_validate(
        {"message_bytes": 1, "json_bytes": 2, "json_depth": 3, "json_object_keys": 4, "json_number_chars": 5}
    )
    assert limits.bounds() == Bounds(message_bytes=1, json_bytes=2, depth=3, object_keys=4, number_chars=5)


def test_every_setting_says_what_it_is_for() -> None:
    for model in (Settings, Limits):
        assert [name for name, field in model.model_fields.items() if not field.description] == []
