"""The files of deploy/ agree with the gateway's settings, its command line and one another."""

import importlib.metadata
import importlib.util
import os
import re
import shlex
import subprocess
import tomllib
from pathlib import Path
from typing import Any

import pytest
import typer.main
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from gateway import __version__
from gateway.cli import app
from gateway.settings import Settings, load
from tests.deploy import dockerfile
from tests.deploy.dockerfile import Instruction

ROOT = Path(__file__).parents[2]
DEPLOY = ROOT / "deploy"
UID = 65532
CONFIG = "/etc/a2a-gateway/gateway.yaml"
IMAGE = f"a2a-gateway:{__version__}"

PREAMBLE, *STAGES = dockerfile.read(DEPLOY / "Dockerfile")
FINAL = STAGES[-1]
EVERYTHING = [instruction for stage in STAGES for instruction in stage]


@pytest.fixture(autouse=True)
def _no_settings_around(monkeypatch: pytest.MonkeyPatch) -> None:
    """The settings of whoever runs the tests are not those of the files."""
    for name in os.environ:
        if name.startswith("A2A_GATEWAY_"):
            monkeypatch.delenv(name)


def default(setting: str) -> Any:
    return Settings.model_fields[setting].default


def port(address: str) -> int:
    return int(address.rpartition(":")[2])


HTTP_PORT, GRPC_PORT = port(default("http")), port(default("grpc"))
DRAIN_S: float = Settings.model_fields["limits"].get_default(call_default_factory=True).drain_s


def only(name: str, stage: list[Instruction] = FINAL) -> Instruction:
    """The one instruction of this name in a stage."""
    (instruction,) = [instruction for instruction in stage if instruction.name == name]
    return instruction


def pairs(instruction: Instruction) -> dict[str, str]:
    """`NAME=value …` of ENV, LABEL and ARG."""
    return dict(word.split("=", 1) for word in shlex.split(instruction.argument))


def environment() -> dict[str, str]:
    return {name: value for one in FINAL if one.name == "ENV" for name, value in pairs(one).items()}


def parsed(words: list[str]) -> dict[str, Any]:
    """What the command line makes of these words; a usage error fails the test."""
    verb, *arguments = words
    command = typer.main.get_command(app).commands[verb]  # pyright: ignore[reportAttributeAccessIssue] - a group
    return command.make_context(verb, list(arguments)).params


# ── Dockerfile ──────────────────────────────────────────────────────────────────────────────────


def test_the_base_is_an_argument_with_a_default_that_names_no_registry() -> None:
    (base,) = pairs(only("ARG", PREAMBLE)).items()
    assert base[0] == "BASE"
    assert re.fullmatch(r"[a-z][a-z0-9_-]*:[\w.-]+", base[1])
    known = {"${BASE}"}
    for stage in STAGES:
        origin, *named = only("FROM", stage).words()
        assert origin in known
        known.update(named[1:])


def test_it_runs_as_a_number_that_is_not_root() -> None:
    # Only a number lets Kubernetes prove runAsNonRoot.
    assert only("USER").argument == f"{UID}:{UID}"


def test_nothing_changes_the_image_after_it_has_left_root() -> None:
    names = [instruction.name for instruction in FINAL]
    assert not {"RUN", "COPY", "ADD"} & set(names[names.index("USER") :])


def test_signals_reach_the_gateway_itself() -> None:
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    (program,) = only("ENTRYPOINT").exec_form()
    assert program in scripts
    assert only("STOPSIGNAL").argument == "SIGTERM"


def test_unless_told_it_serves_the_configuration_that_is_mounted() -> None:
    words = only("CMD").exec_form()
    assert words[0] == "serve"
    assert parsed(words) == parsed(["serve"]) | {"config": Path(CONFIG)}


def test_where_nothing_is_mounted_there_is_a_configuration_without_agents() -> None:
    (source,) = [one.words()[0] for one in FINAL if one.name == "COPY" and one.words()[1] == CONFIG]
    assert load(ROOT / source, {}) == load(None, {})


def test_its_health_is_asked_by_the_command_line_at_the_port_that_is_served() -> None:
    check = Instruction("CMD", only("HEALTHCHECK").argument.partition("CMD ")[2])
    program, *words = check.exec_form()
    assert [program] == only("ENTRYPOINT").exec_form()
    assert words[0] == "health"
    assert port(parsed(words)["url"]) == HTTP_PORT


def test_it_listens_on_every_address_at_the_ports_that_it_exposes(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in environment().items():
        if name.startswith("A2A_GATEWAY_"):
            monkeypatch.setenv(name, value)
    settings = load(None, {})
    assert (settings.http, settings.grpc) == (f"0.0.0.0:{HTTP_PORT}", f"0.0.0.0:{GRPC_PORT}")
    assert {int(number) for number in only("EXPOSE").words()} == {HTTP_PORT, GRPC_PORT}


def test_its_programs_are_found() -> None:
    (installed,) = [one.words()[1] for one in FINAL if one.name == "COPY" and "--from=builder" in one.flags()]
    assert environment()["PATH"].startswith(f"{installed}/bin:")


def test_what_is_installed_is_pinned_and_without_the_tools_of_developers() -> None:
    (install,) = [one.argument for one in EVERYTHING if one.name == "RUN" and "bin/pip" in one.argument]
    assert "-c constraints.txt ." in install
    assert "[dev]" not in install
    assert "pip" not in " ".join(one.argument for one in FINAL if one.name == "RUN")


@pytest.mark.parametrize("key", ["title", "description", "licenses", "version", "revision"])
def test_it_says_what_it_is(key: str) -> None:
    assert pairs(only("LABEL"))[f"org.opencontainers.image.{key}"]


def test_what_it_says_is_what_the_package_says() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    labels = pairs(only("LABEL"))
    assert labels["org.opencontainers.image.title"] == project["name"]
    assert labels["org.opencontainers.image.description"] == project["description"]
    assert labels["org.opencontainers.image.licenses"] == project["license"]


SOURCES = [
    source
    for one in EVERYTHING
    if one.name == "COPY" and not any(flag.startswith("--from") for flag in one.flags())
    for source in one.words()[:-1]
]


@pytest.mark.parametrize("source", SOURCES)
def test_what_is_copied_is_there_and_sent_to_the_builder(source: str) -> None:
    assert (ROOT / source).exists()
    assert f"!{source}" in (ROOT / ".dockerignore").read_text().splitlines()


def test_nothing_else_is_sent_to_the_builder() -> None:
    lines = [line for line in (ROOT / ".dockerignore").read_text().splitlines() if line and not line.startswith("#")]
    assert lines[0] == "*"
    assert {line[1:] for line in lines if line.startswith("!")} == set(SOURCES)
    assert "**/__pycache__" in lines


@pytest.mark.parametrize("run", [one for one in EVERYTHING if one.name == "RUN"], ids=lambda one: one.argument[:40])
def test_every_step_is_a_script_that_a_shell_can_read(run: Instruction) -> None:
    script = run.argument
    while script.startswith("--"):
        script = script.partition(" ")[2].lstrip()
    subprocess.run(["sh", "-n", "-c", script], check=True, timeout=30)


def test_every_package_of_the_image_is_pinned() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = {canonicalize_name(name): version for name, _, version in (line.partition("==") for line in lines)}
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    waiting = [Requirement(text) for text in pyproject["project"]["dependencies"]]
    seen: set[tuple[str, frozenset[str]]] = set()
    while waiting:
        requirement = waiting.pop()
        name, extras = canonicalize_name(requirement.name), frozenset(requirement.extras)
        wanted = [{"extra": extra} for extra in extras] or [{"extra": ""}]
        if (name, extras) in seen or (requirement.marker and not requirement.marker.evaluate({"extra": ""})):
            continue
        seen.add((name, extras))
        assert name in pins, f"constraints.txt has no {name}"
        assert pins[name] in requirement.specifier, f"constraints.txt has {name} {pins[name]}, wanted {requirement}"
        for text in importlib.metadata.requires(requirement.name) or ():
            needed = Requirement(text)
            if needed.marker is None or any(needed.marker.evaluate(extra) for extra in wanted):
                needed.marker = None
                waiting.append(needed)
    assert len(seen) > len(pyproject["project"]["dependencies"]) / 2


# ── compose ─────────────────────────────────────────────────────────────────────────────────────

COMPOSE: dict[str, Any] = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
SERVICES: dict[str, Any] = COMPOSE["services"]
GATEWAY = SERVICES["gateway"]
AGENTS = {name: service for name, service in SERVICES.items() if name != "gateway"}


@pytest.mark.parametrize("name", SERVICES)
def test_every_service_runs_the_image_of_this_version_with_nothing_it_does_not_need(name: str) -> None:
    service = SERVICES[name]
    assert service["image"] == IMAGE
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]


def test_the_ports_are_published_to_this_machine_alone() -> None:
    assert GATEWAY["ports"] == [f"127.0.0.1:{number}:{number}" for number in (HTTP_PORT, GRPC_PORT)]
    assert not any("ports" in agent for agent in AGENTS.values())


def test_the_configuration_is_mounted_where_the_image_reads_it() -> None:
    ((source, target, mode),) = [volume.split(":") for volume in GATEWAY["volumes"]]
    assert (DEPLOY / source).is_file()
    assert (target, mode) == (CONFIG, "ro")


def test_compose_asks_for_health_as_the_image_does() -> None:
    check = only("HEALTHCHECK")
    kind, *words = GATEWAY["healthcheck"]["test"]
    assert kind == "CMD"
    assert words == Instruction("CMD", check.argument.partition("CMD ")[2]).exec_form()
    given = {name.replace("_", "-"): value for name, value in GATEWAY["healthcheck"].items() if name != "test"}
    assert {f"--{name}={value}" for name, value in given.items()} == set(check.flags())


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_is_not_asked_for_a_gateways_health(name: str) -> None:
    assert AGENTS[name]["healthcheck"] == {"disable": True}


def test_compose_waits_longer_than_the_gateway_drains() -> None:
    assert int(GATEWAY["stop_grace_period"].removesuffix("s")) > DRAIN_S


def test_the_gateway_finds_each_agent_where_compose_runs_it() -> None:
    settings = load(DEPLOY / "gateway.yaml", {})
    assert [agent.name for agent in settings.agents] == GATEWAY["depends_on"] == list(AGENTS)
    for agent in settings.agents:
        service = AGENTS[agent.name]
        flag, address = service["command"]
        assert flag == "--address"
        assert agent.url.split("://")[1].rstrip("/") == address
        assert service["hostname"] == agent.name


@pytest.mark.parametrize("name", AGENTS)
def test_an_agent_is_a_program_that_the_image_has(name: str) -> None:
    program, flag, module = AGENTS[name]["entrypoint"]
    assert (program, flag) == ("python", "-m")
    assert importlib.util.find_spec(module)
    packages = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["hatch"]["build"]["targets"]["wheel"]
    assert module.partition(".")[0] in packages["packages"]


def test_the_example_says_nothing_of_addresses_that_the_image_would_overrule() -> None:
    assert not {"http", "grpc"} & set(yaml.safe_load((DEPLOY / "gateway.yaml").read_text()))


# ── Kubernetes ──────────────────────────────────────────────────────────────────────────────────

MANIFESTS: dict[str, Any] = {
    manifest["kind"]: manifest for manifest in yaml.safe_load_all((DEPLOY / "kubernetes.yaml").read_text())
}
POD = MANIFESTS["Deployment"]["spec"]["template"]["spec"]
(CONTAINER,) = POD["containers"]


def test_the_manifests_are_these() -> None:
    versions = {kind: manifest["apiVersion"] for kind, manifest in MANIFESTS.items()}
    assert versions == {"ConfigMap": "v1", "Deployment": "apps/v1", "Service": "v1", "PodDisruptionBudget": "policy/v1"}


def test_the_pod_runs_the_image_of_this_version_unchanged() -> None:
    assert CONTAINER["image"] == IMAGE
    assert not {"command", "args", "env"} & set(CONTAINER)


def test_the_pod_has_nothing_it_does_not_need() -> None:
    assert POD["securityContext"] == {
        "runAsNonRoot": True,
        "runAsUser": UID,
        "runAsGroup": UID,
        "seccompProfile": {"type": "RuntimeDefault"},
    }
    assert CONTAINER["securityContext"] == {
        "allowPrivilegeEscalation": False,
        "readOnlyRootFilesystem": True,
        "capabilities": {"drop": ["ALL"]},
    }
    assert POD["automountServiceAccountToken"] is False


def test_a_service_of_the_gateways_name_puts_nothing_into_its_settings() -> None:
    assert POD["enableServiceLinks"] is False


@pytest.mark.parametrize(("probe", "path"), [("livenessProbe", "/livez"), ("readinessProbe", "/readyz")])
def test_the_probes_ask_over_http(probe: str, path: str) -> None:
    assert CONTAINER[probe]["httpGet"] == {"path": path, "port": "http"}


def test_the_pod_and_the_service_name_the_ports_that_are_served() -> None:
    served = {"http": HTTP_PORT, "grpc": GRPC_PORT}
    assert {port["name"]: port["containerPort"] for port in CONTAINER["ports"]} == served
    ports = MANIFESTS["Service"]["spec"]["ports"]
    assert {port["name"]: port["port"] for port in ports} == served
    assert [port["targetPort"] for port in ports] == [port["name"] for port in ports]


def test_the_pod_is_waited_for_longer_than_the_gateway_drains() -> None:
    program, pause_s = CONTAINER["lifecycle"]["preStop"]["exec"]["command"]
    assert program == "sleep"
    assert POD["terminationGracePeriodSeconds"] > int(pause_s) + DRAIN_S


def test_the_pod_is_out_of_the_service_before_it_drains() -> None:
    assert int(CONTAINER["lifecycle"]["preStop"]["exec"]["command"][1]) >= 5


def test_the_manifests_select_the_pods_that_they_make() -> None:
    labels = MANIFESTS["Deployment"]["spec"]["template"]["metadata"]["labels"]
    assert MANIFESTS["Deployment"]["spec"]["selector"]["matchLabels"] == labels
    assert MANIFESTS["Service"]["spec"]["selector"] == labels
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["selector"]["matchLabels"] == labels


def test_a_disruption_leaves_a_gateway() -> None:
    assert MANIFESTS["PodDisruptionBudget"]["spec"]["maxUnavailable"] < MANIFESTS["Deployment"]["spec"]["replicas"]


def test_the_config_map_is_mounted_where_the_image_reads_it_and_is_a_configuration(tmp_path: Path) -> None:
    ((name, text),) = MANIFESTS["ConfigMap"]["data"].items()
    (mount,) = CONTAINER["volumeMounts"]
    (volume,) = POD["volumes"]
    assert (mount["name"], mount["readOnly"]) == (volume["name"], True)
    assert volume["configMap"]["name"] == MANIFESTS["ConfigMap"]["metadata"]["name"]
    assert f"{mount['mountPath']}/{name}" == CONFIG
    file = tmp_path / name
    file.write_text(text)
    assert load(file, {}).agents
    assert not {"http", "grpc"} & set(yaml.safe_load(text))
