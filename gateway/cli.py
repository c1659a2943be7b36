"""The verbs of `a2a-gateway`. Exit codes: 0 done, 1 failed, 2 wrong usage or configuration."""

import http.client
import signal
import sys
import urllib.request
from collections.abc import Coroutine
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NoReturn, TypeVar

import typer

from gateway import __version__

# The rest is imported by the verbs that need it: `health` runs every few seconds for ever, and
# until the signals are caught a container's first process ignores them.
if TYPE_CHECKING:
    from gateway.settings import Settings
    from generated.a2a.v1.a2a_pb import TaskState

T = TypeVar("T")

app = typer.Typer(
    help="Any gRPC service becomes an A2A agent, and any A2A agent becomes a gRPC service.",
    no_args_is_help=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Config = Annotated[Path | None, typer.Option("--config", "-c", help="Configuration file (YAML).")]
Http = Annotated[str | None, typer.Option("--http", metavar="HOST:PORT", help="Where HTTP is served.")]
Grpc = Annotated[str | None, typer.Option("--grpc", metavar="HOST:PORT", help="Where gRPC is served.")]
Agents = Annotated[
    list[str] | None, typer.Option("--agent", metavar="NAME=URL", help="An agent; may be given more than once.")
]
Store = Annotated[
    str | None, typer.Option("--store", metavar="URL", help="Where owned tasks are kept: sqlite:///… or postgresql://…")
]
Url = Annotated[str, typer.Argument(help="An A2A agent: http(s)://… or grpc(s)://HOST:PORT.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON text a line, for machines.")]
Tenant = Annotated[str, typer.Option(help="The tenant that names the agent there.")]
Header = Annotated[list[str] | None, typer.Option("--header", "-H", metavar="'NAME: VALUE'", help="Sent along.")]
Timeout = Annotated[float | None, typer.Option("--timeout", metavar="SECONDS", help="Give up after this long.")]
Extension = Annotated[list[str] | None, typer.Option("--extension", metavar="URI", help="Ask for an extension.")]
Deltas = Annotated[
    bool | None, typer.Option("--deltas/--no-deltas", help="Ask for token deltas; so it is without --json.")
]
TaskId = Annotated[str, typer.Argument(metavar="TASK")]
Text = Annotated[str, typer.Argument(help="What to say; - reads it from stdin.")]
Files = Annotated[list[Path] | None, typer.Option("--file", help="A file to send along.")]
Data = Annotated[str | None, typer.Option("--data", metavar="JSON", help="A data part to send along.")]
Record = Annotated[Path | None, typer.Option("--record", metavar="FILE", help="Write the stream down as a recording.")]
_INT32 = 2**31 - 1
History = Annotated[int | None, typer.Option("--history", min=0, max=_INT32, help="Newest messages to show.")]
PageSize = Annotated[int | None, typer.Option("--page-size", min=1, max=_INT32, help="At most this many.")]
ToTask = Annotated[str, typer.Option("--task", help="The task that this continues.")]
ToContext = Annotated[str, typer.Option("--context", help="The conversation that this belongs to.")]


@app.command()
def serve(
    config: Config = None,
    http: Http = None,
    grpc: Grpc = None,
    agent: Agents = None,
    store: Store = None,
    workers: Annotated[int | None, typer.Option(min=1, max=64, help="Processes that share both ports.")] = None,
) -> None:
    """Serve agents over every binding until SIGTERM."""
    from gateway import logs

    settings = _settings(config, agent, http=http, grpc=grpc, store=store, workers=workers)
    logs.configure(settings)
    if settings.workers > 1:
        from gateway import processes

        raise typer.Exit(processes.serve(settings))
    _loop(_serve(settings))


async def _serve(settings: "Settings") -> None:
    from gateway import garbage
    from gateway.app import Gateway

    gateway = Gateway(settings)
    gateway.catch_signals()
    async with gateway:
        garbage.settle()
        print(f"serving on http://{gateway.http} and grpc://{gateway.grpc}", flush=True)
        if not await gateway.until_signalled():
            print("cut calls that were still under way", file=sys.stderr)


@app.command()
def demo(
    http: Http = None,
    grpc: Grpc = None,
    once: Annotated[bool, typer.Option("--once", help="Show it and leave.")] = False,
    versions: Annotated[bool, typer.Option("--versions", help="With A2A 0.3 on the JSON-RPC side.")] = False,
) -> None:
    """Run example agents behind a gateway and show messages stream each way, on both wires."""
    from gateway.demo import run_demo

    _loop(run_demo(http, grpc, once=once, versions=versions))


@app.command()
def replay(
    file: Annotated[Path, typer.Argument(help="A recording, of `stream --record` or of the console.")],
    http: Http = None,
    grpc: Grpc = None,
    name: Annotated[str, typer.Option(help="The agent's name.")] = "recording",
    speed: Annotated[str, typer.Option(metavar="N|instant", help="How many times as fast.")] = "1",
) -> None:
    """Serve a recording as an agent, over every binding, until SIGTERM."""
    from gateway import logs
    from gateway.settings import load

    agent = {"name": name, "url": f"recording:{file}", "replay_speed": speed}
    settings = load(None, {"http": http, "grpc": grpc, "agents": [agent]})
    logs.configure(settings)
    _loop(_serve(settings))


@app.command()
def check(config: Config = None, agent: Agents = None) -> None:
    """Validate the configuration, reach every agent, and say what is wrong and where."""
    from rich.console import Console

    from gateway.check import check as check_agents
    from gateway.settings import ConfigurationError

    settings = _settings(config, agent)
    if not settings.agents:
        raise ConfigurationError("there is no agent to check: give -c FILE or --agent NAME=URL")
    problems = _loop(check_agents(settings))
    console = Console(highlight=False, emoji=False)
    for name, found in problems.items():
        console.print(f"[red]✗[/red] {name}" if found else f"[green]✓[/green] {name}")
        for problem in found:
            console.print(f"    {problem}", markup=False, soft_wrap=True)
    if any(problems.values()):
        raise typer.Exit(1)


@app.command("map")
def map_service(
    url: Annotated[str, typer.Argument(help="A gRPC service: grpc(s)://HOST:PORT.")],
    descriptor_set: Annotated[
        Path | None, typer.Option("--descriptor-set", metavar="FILE", help="Its definitions, as protoc writes them.")
    ] = None,
    proto: Annotated[list[Path] | None, typer.Option("--proto", metavar="FILE", help="A file that defines it.")] = None,
    include: Annotated[
        list[Path] | None, typer.Option("--include", metavar="FOLDER", help="Where the imports of --proto are.")
    ] = None,
    method: Annotated[
        list[str] | None, typer.Option("--method", metavar="PACKAGE.SERVICE/METHOD", help="Only this one.")
    ] = None,
    name: Annotated[str, typer.Option("--name", help="The agent's name.")] = "",
) -> None:
    """Ask a gRPC service for its methods and print a configuration that makes them an agent's skills."""
    from gateway.errors import GatewayError
    from gateway.mapping import drafted

    source = {"set": descriptor_set, "protos": proto or (), "includes": include or ()}
    try:
        print(_loop(drafted(url, source, method or (), name)), end="")
    except GatewayError as error:
        print(error.message, file=sys.stderr)
        raise typer.Exit(1) from None


@app.command()
def health(
    url: Annotated[str, typer.Argument(help="The gateway's HTTP address.")] = "http://127.0.0.1:8080",
) -> None:
    """Exit 0 while the gateway at URL takes calls (for container health checks)."""
    try:
        with urllib.request.urlopen(f"{url.rstrip('/')}/readyz", timeout=3) as answer:  # noqa: S310 # the user's URL
            print(answer.read().decode().strip())
    except (OSError, ValueError, http.client.HTTPException) as error:
        print(f"not ready: {error}", file=sys.stderr)
        raise typer.Exit(1) from None


@app.command()
def card(
    url: Url,
    extended: Annotated[bool, typer.Option("--extended", help="The card for authenticated callers.")] = False,
    tenant: Tenant = "",
    header: Header = None,
    timeout: Timeout = 30.0,
    json: Json = False,
) -> None:
    """Show an agent's card."""
    from gateway import client
    from gateway.operations import GET_EXTENDED_AGENT_CARD
    from generated.a2a.v1.a2a_pb import GetExtendedAgentCardRequest


    target = client.Target(url, tenant, header or (), (), timeout, json)
    if extended:
        _perform(client.perform(target, GET_EXTENDED_AGENT_CARD, GetExtendedAgentCardRequest()), json)
    else:
        _perform(client.show_card(target), json)


@app.command()
def send(
    url: Url,
    text: Text = "",
    task: ToTask = "",
    context: ToContext = "",
    file: Files = None,
    data: Data = None,
    return_immediately: Annotated[
        bool, typer.Option("--return-immediately", help="Do not wait for the task to end.")
    ] = False,
    history_length: History = None,
    tenant: Tenant = "",
    header: Header = None,
    extension: Extension = None,
    timeout: Timeout = None,
    json: Json = False,
) -> None:
    """Send a message and wait for what comes of it."""
    from gateway import client
    from gateway.operations import SEND_MESSAGE
    from generated.a2a.v1.a2a_pb import SendMessageConfiguration, SendMessageRequest


    said = client.message(text, file or (), data, task, context)
    configuration = SendMessageConfiguration(return_immediately=return_immediately, history_length=history_length)
    request = SendMessageRequest(message=said, configuration=configuration)
    target = client.Target(url, tenant, header or (), tuple(extension or ()), timeout, json)
    _perform(client.perform(target, SEND_MESSAGE, request), json)


@app.command()
def stream(
    url: Url,
    text: Text = "",
    task: ToTask = "",
    context: ToContext = "",
    file: Files = None,
    data: Data = None,
    tenant: Tenant = "",
    header: Header = None,
    extension: Extension = None,
    deltas: Deltas = None,
    timeout: Timeout = None,
    record: Record = None,
    json: Json = False,
) -> None:
    """Send a message and show the answer as it comes."""
    from gateway import client
    from gateway.operations import SEND_STREAMING_MESSAGE
    from generated.a2a.v1.a2a_pb import SendMessageRequest


    request = SendMessageRequest(message=client.message(text, file or (), data, task, context))
    asks = not json if deltas is None else deltas
    target = client.Target(url, tenant, header or (), tuple(extension or ()), timeout, json, asks)
    _perform(client.perform(target, SEND_STREAMING_MESSAGE, request, record), json)


@app.command()
def get(
    url: Url,
    task: TaskId,
    history_length: History = None,
    tenant: Tenant = "",
    header: Header = None,
    timeout: Timeout = 30.0,
    json: Json = False,
) -> None:
    """Show a task."""
    from gateway import client
    from gateway.operations import GET_TASK
    from generated.a2a.v1.a2a_pb import GetTaskRequest


    target = client.Target(url, tenant, header or (), (), timeout, json)
    _perform(client.perform(target, GET_TASK, GetTaskRequest(id=task, history_length=history_length)), json)


@app.command("list")
def list_tasks(
    url: Url,
    context: Annotated[str, typer.Option("--context", help="Only of this conversation.")] = "",
    status: Annotated[str, typer.Option("--status", help="Only in this state, such as working.")] = "",
    page_size: PageSize = None,
    page_token: Annotated[str, typer.Option("--page-token", help="Where the last page ended.")] = "",
    artifacts: Annotated[bool, typer.Option("--artifacts", help="With their artifacts.")] = False,
    tenant: Tenant = "",
    header: Header = None,
    timeout: Timeout = 30.0,
    json: Json = False,
) -> None:
    """List tasks."""
    from gateway import client
    from gateway.operations import LIST_TASKS
    from generated.a2a.v1.a2a_pb import ListTasksRequest


    request = ListTasksRequest(
        context_id=context,
        status=_state(status),
        page_size=page_size,
        page_token=page_token,
        include_artifacts=artifacts or None,
    )
    target = client.Target(url, tenant, header or (), (), timeout, json)
    _perform(client.perform(target, LIST_TASKS, request), json)


@app.command()
def cancel(
    url: Url, task: TaskId, tenant: Tenant = "", header: Header = None, timeout: Timeout = 30.0, json: Json = False
) -> None:
    """Ask for a task to be stopped."""
    from gateway import client
    from gateway.operations import CANCEL_TASK
    from generated.a2a.v1.a2a_pb import CancelTaskRequest


    target = client.Target(url, tenant, header or (), (), timeout, json)
    _perform(client.perform(target, CANCEL_TASK, CancelTaskRequest(id=task)), json)


@app.command()
def subscribe(
    url: Url,
    task: TaskId,
    tenant: Tenant = "",
    header: Header = None,
    extension: Extension = None,
    deltas: Deltas = None,
    timeout: Timeout = None,
    json: Json = False,
) -> None:
    """Follow a task that is under way."""
    from gateway import client
    from gateway.operations import SUBSCRIBE_TO_TASK
    from generated.a2a.v1.a2a_pb import SubscribeToTaskRequest


    asks = not json if deltas is None else deltas
    target = client.Target(url, tenant, header or (), tuple(extension or ()), timeout, json, asks)
    _perform(client.perform(target, SUBSCRIBE_TO_TASK, SubscribeToTaskRequest(id=task)), json)


@app.callback(invoke_without_command=True)
def version(
    show: Annotated[bool, typer.Option("--version", help="Show the version and leave.", is_eager=True)] = False,
) -> None:
    if show:
        print(f"a2a-gateway {__version__}")
        raise typer.Exit


def main() -> None:
    """The console script."""
    signal.signal(signal.SIGTERM, _leave)
    try:
        app()
    except KeyboardInterrupt:
        sys.exit(130)
    except Exception as error:
        from gateway.settings import ConfigurationError

        if not isinstance(error, ConfigurationError):
            raise
        print(error, file=sys.stderr)
        sys.exit(2)


def _leave(number: int, frame: object) -> NoReturn:
    """Ends a process that is still starting, or a verb that needs no farewell."""
    sys.exit(128 + number if "serve" not in sys.argv else 0)


def _settings(config: Path | None, agents: list[str] | None, **flags: str | int | None) -> "Settings":
    from gateway.settings import agent_flag, load

    return load(config, {**flags, "agents": [agent_flag(agent) for agent in agents or ()]})


def _perform(verb: Coroutine[Any, Any, None], as_json: bool) -> None:
    from gateway import client
    from gateway.errors import GatewayError

    try:
        _loop(verb)
    except GatewayError as error:
        client.explain(error, as_json)
        raise typer.Exit(1) from None


def _loop(verb: Coroutine[Any, Any, T]) -> T:
    if sys.platform == "win32":
        import asyncio

        return asyncio.run(verb)
    import uvloop

    return uvloop.run(verb)


def _state(name: str) -> "TaskState":
    from gateway.settings import ConfigurationError
    from generated.a2a.v1.a2a_pb import TaskState

    try:
        return TaskState[name.upper().replace("-", "_").removeprefix("TASK_STATE_")] if name else TaskState.UNSPECIFIED
    except KeyError:
        names = ", ".join(state.name.lower().replace("_", "-") for state in TaskState if state)
        raise ConfigurationError(f"--status {name}: expected one of {names}") from None


if __name__ == "__main__":
    main()
