"""Definitions from anywhere: they are usable, or refused by name."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.settings import AgentSettings
from gateway.southbound.mapped.descriptors import DescriptorError, from_files, from_set, name_of
from gateway.southbound.mapped.schema import schema
from tests.southbound.mapped.protos import MOST_FILES, WORDS, compiled, described, files_of
from tests.southbound.mapped.test_values import PROTO2

AUTO = AgentSettings.model_validate({"name": "a", "url": "grpc://a:1", "skills": "auto"})
WHOLE = compiled(PROTO2 + "service S { rpc M(Every) returns (stream Every); }")


def test_methods_in_the_order_of_their_definition() -> None:
    assert [name_of(one) for one in described(WORDS).methods()] == [
        f"t.v1.Words/{name}" for name in ("Say", "Tell", "Collect", "Chat")
    ]


def test_the_same_definitions_are_known_by_their_digest() -> None:
    assert described(WORDS).digest == from_set(compiled(WORDS), MOST_FILES).digest
    assert described(WORDS).digest != described(WORDS.replace("says one", "said one").replace("Say(", "Talk(")).digest


def test_any_order_will_do() -> None:
    files = files_of(PROTO2)
    assert from_files(reversed(files), MOST_FILES).registry.message("old.Every") is not None


def test_one_name_for_two_files() -> None:
    with pytest.raises(DescriptorError, match=r"'a\.proto' is given twice"):
        from_files([*files_of(WORDS), *files_of(PROTO2)], MOST_FILES)


def test_services_about_the_server_are_no_skills() -> None:
    health = 'syntax = "proto3"; package grpc.health.v1; message M {} service Health { rpc Check(M) returns (M); }'
    assert list(described(health).methods()) == []


@settings(max_examples=300, deadline=None)
@given(st.data())
def test_damaged_definitions_are_usable_or_refused(data: st.DataObject) -> None:
    damaged = bytearray(WHOLE)
    for _ in range(data.draw(st.integers(1, 4))):
        place = data.draw(st.integers(0, len(damaged) - 1))
        damaged[place] = data.draw(st.integers(0, 255))
    try:
        found = from_set(bytes(damaged), MOST_FILES)
    except DescriptorError:
        return
    schema(AUTO, found)
