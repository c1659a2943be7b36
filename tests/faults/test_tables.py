"""The tables against what needs no gateway: counts, unique names, grammar by another reader, stock parts."""

import base64
import json
from collections.abc import Sequence

import grpc
import pytest

from tests.fakes import scripted_grpc
from tests.fakes.callers import GrpcCaller, H2Caller, HttpCaller
from tests.fakes.events import event_bytes
from tests.fakes.scripted_grpc import ScriptedGrpcAgent
from tests.fakes.scripted_h2 import ScriptedH2Agent
from tests.fakes.scripted_http import ScriptedHttpAgent
from tests.faults import replies, tables
from tests.faults.json_corpus import ACCEPT, MUST_ACCEPT, MUST_REJECT, OPEN, PARSE_ERROR, JsonText

GET_TASK = f"/{scripted_grpc.SERVICE}/GetTask"


SIZES = (
    ("R08", tables.TIMEOUTS, 20),
    ("R11", tables.CONTRACT_BREACHES, 12),
    ("R12", tables.REPLIES, 15),
    ("R27 must accept", MUST_ACCEPT, 95),
    ("R27 must reject", MUST_REJECT, 188),
    ("R27 open", OPEN, 35),
    ("R29", tables.TEXTS, 30),
    ("R30", tables.BASE64, 12),
)


@pytest.mark.parametrize(("rows", "count"), [row[1:] for row in SIZES], ids=[row[0] for row in SIZES])
def test_tables_are_as_long_as_the_plan_says(rows: Sequence[object], count: int) -> None:
    assert len(rows) >= count


def test_every_row_has_a_name_of_its_own() -> None:
    named = (tables.TIMEOUTS, tables.CONTRACT_BREACHES, tables.REPLIES, tables.NESTING, tables.NUMBERS, tables.TEXTS)
    for rows in (*named, tables.BASE64, tables.JSON_TEXTS):
        assert len({row.name for row in rows}) == len(rows)
    assert len({(row.wire, row.name) for row in tables.HEADERS}) == len(tables.HEADERS)


def is_json(text: bytes) -> bool:
    """What the standard library makes of it, where it is as strict as the RFC."""

    def refuse(constant: str) -> None:
        raise ValueError(constant)

    try:
        json.loads(text.decode(), parse_constant=refuse)
    except ValueError:
        return False
    return True


@pytest.mark.parametrize("row", [*MUST_ACCEPT, *MUST_REJECT], ids=lambda row: row.name)
def test_another_reader_agrees_about_the_grammar(row: JsonText) -> None:
    assert is_json(row.text) == (row.outcome == ACCEPT)


def test_bodies_are_the_json_they_should_be() -> None:
    for row in tables.NESTING:
        if row.levels < 900:
            value = json.loads(row.body())
            assert value["method"] == "SendMessage"
            assert _levels(json.loads(row.value_text())) == row.levels
    for row in tables.TEXTS:
        assert is_json(row.body) == (row.outcome != PARSE_ERROR), row.name
    for row in tables.BASE64:
        if row.content is not None:
            padded = row.text.rstrip("=") + "=" * (-len(row.text.rstrip("=")) % 4)
            assert base64.b64decode(padded.replace("-", "+").replace("_", "/"), validate=True) == row.content


def _levels(value: object) -> int:
    match value:
        case dict() | list():
            inner: list[object] = list(value.values() if isinstance(value, dict) else value)  # pyright: ignore[reportUnknownArgumentType, reportUnknownVariableType] - any JSON
            return 1 + max(map(_levels, inner), default=0)
        case _:
            return 0


def test_every_contract_script_has_bytes() -> None:
    for script in (*tables.CONTRACT_BREACHES, *tables.CONTRACT_KEPT):
        assert len([event_bytes(event) for event in script.events]) >= script.kept


_S = grpc.StatusCode
STOCK_STATUS: dict[str, set[grpc.StatusCode]] = {
    "missing grpc-status": {_S.UNKNOWN},
    "missing grpc-status in the trailers": {_S.UNKNOWN},
    "two unary replies": {_S.OK},
    "no unary reply": {_S.OK},
    "200 and HTML": {_S.UNKNOWN},
    "502 and JSON": {_S.UNAVAILABLE, _S.UNKNOWN},
    "wrong content type": {_S.OK},
    "compressed without an encoding": {_S.INTERNAL},
    "message shorter than its prefix": {_S.OK},
    "message that is not protobuf": {_S.OK},
    "status text of 18 kB": {_S.RESOURCE_EXHAUSTED},
    "status that is no number": {_S.INTERNAL},
}
"""What grpcio, reading a stream of bytes, makes of each broken answer; two where it races."""


@pytest.mark.anyio
@pytest.mark.parametrize("reply", replies.GRPC)
async def test_what_stock_grpc_makes_of_a_broken_answer(reply: str) -> None:
    async with ScriptedH2Agent({"*": replies.GRPC[reply]}) as agent, GrpcCaller(agent.address) as caller:
        outcome = await caller.call("GetTask", timeout_s=3)
        assert outcome.code in STOCK_STATUS[reply], outcome.details


@pytest.mark.anyio
@pytest.mark.parametrize("reply", replies.HTTP)
async def test_broken_http_answers_are_what_they_say(reply: str) -> None:
    async with ScriptedHttpAgent({"*": replies.HTTP[reply]}) as agent, HttpCaller(agent.url) as caller:
        await caller.post("GetTask", {"id": "task-1"})
        assert (await caller.read_head()).status == (int(reply[:3]) if reply[:3].isdigit() else 200)


@pytest.mark.anyio
@pytest.mark.parametrize("row", tables.TIMEOUTS, ids=lambda row: row.name)
async def test_what_a_stock_grpc_server_makes_of_a_timeout(row: tables.TimeoutRow) -> None:
    async with ScriptedGrpcAgent({"*": []}) as agent, H2Caller(agent.address) as caller:
        more = () if row.value is None else (("grpc-timeout", row.value),)
        answer = await caller.call(GET_TASK, b"", *more)
        seen_s = agent.calls[0].time_remaining_s if agent.calls else None
        match row.outcome:
            case "default":
                assert (answer.grpc_status, seen_s) == (0, None)
            case "at once":
                assert answer.grpc_status == 4 or (seen_s is not None and seen_s < 0.001)
            case "deadline":
                assert row.seconds is not None
                assert seen_s is not None
                assert row.seconds - 0.5 < seen_s < row.seconds + 0.05
            case "clamp":
                assert seen_s is not None
                assert seen_s > 90_000_000
            case "error":
                assert (answer.grpc_status, agent.calls) == (13, [])
