"""Headers and metadata: an allow-list, joined and split, refused for what the other side cannot carry."""

import time

import pytest

from gateway.codec import metadata
from tests.codec.tables import named, refusal

ALLOWED = frozenset({"authorization", "x-trace", "x-trace-bin"})

FORWARDED = [
    ("credentials", [("authorization", "Bearer a")], {"authorization": "Bearer a"}),
    ("names in any case", [("X-Trace", "1")], {"x-trace": "1"}),
    (
        "what is not on the list stays behind",
        [("x-other", "1"), ("cookie", "a=b"), ("host", "h"), ("te", "trailers")],
        {},
    ),
    ("the twin with an underscore is another", [("x_trace", "1")], {}),
    ("repeated ones are joined in order", [("x-trace", "1"), ("x-other", "2"), ("X-TRACE", "3")], {"x-trace": "1, 3"}),
    ("space around is not the value's", [("x-trace", "  a b  ")], {"x-trace": "a b"}),
    ("an empty value", [("x-trace", "")], {"x-trace": ""}),
    (
        "every printable character",
        [("x-trace", "".join(map(chr, range(0x21, 0x7F))))],
        {"x-trace": "".join(map(chr, range(0x21, 0x7F)))},
    ),
    ("bytes of gRPC become base64 text", [("x-trace-bin", b"\xfb\xff")], {"x-trace-bin": "+/8"}),
    ("base64 text of HTTP stays", [("x-trace-bin", "+/8=")], {"x-trace-bin": "+/8="}),
    ("eight bits in what stays behind", [("x-other", "caf\xe9")], {}),
]


@pytest.mark.parametrize(("pairs", "headers"), named(FORWARDED))
def test_what_goes_on(pairs: list[tuple[str, str | bytes]], headers: dict[str, str]) -> None:
    assert metadata.forwarded(pairs, ALLOWED) == headers


REFUSED = [
    ("line feed", "a\nb"),
    ("carriage return and line feed", "a\r\nx-evil: 1"),
    ("NUL", "a\x00"),
    ("tab", "a\tb"),
    ("DEL", "a\x7f"),
    ("eight bits", "caf\xe9"),
    ("beyond eight bits", "世"),
]


@pytest.mark.parametrize("value", named(REFUSED))
def test_a_value_that_the_other_side_cannot_carry_is_refused_by_the_name_of_its_header(value: str) -> None:
    assert refusal(lambda: metadata.forwarded([("X-Trace", value)], ALLOWED)).path == "x-trace"
    assert refusal(lambda: metadata.extensions([("a2a-extensions", value)])).path == "a2a-extensions"
    assert refusal(lambda: metadata.version([("a2a-version", value)]))


@pytest.mark.parametrize("text", ["not base64!", "A", "QQ==QQ==", "Q Q=", "+/8=="])
def test_binary_headers_hold_base64(text: str) -> None:
    assert refusal(lambda: metadata.forwarded([("x-trace-bin", text)], ALLOWED)).path == "x-trace-bin"


BINARY = [
    ("one", [("x-trace-bin", b"\xfb\xff")], [b"\xfb\xff"]),
    ("an empty one", [("x-trace-bin", b"")], [b""]),
    ("text of HTTP", [("x-trace-bin", "+/8=")], [b"\xfb\xff"]),
    ("two", [("x-trace-bin", b"a"), ("x-trace-bin", b"bc")], [b"a", b"bc"]),
    ("two in one, as gRPC lets proxies join them", [("x-trace-bin", "YQ,YmM=")], [b"a", b"bc"]),
]


@pytest.mark.parametrize(("pairs", "values"), named(BINARY))
def test_binary_metadata_arrives_as_it_was(pairs: list[tuple[str, str | bytes]], values: list[bytes]) -> None:
    sent = metadata.to_metadata(metadata.forwarded(pairs, ALLOWED), "1.0", ())
    assert [value for name, value in sent if name == "x-trace-bin"] == values


EXTENSIONS = [
    ("none", [("x-trace", "a")], ()),
    ("one", [("a2a-extensions", "urn:a")], ("urn:a",)),
    ("a list", [("A2A-Extensions", "urn:a,urn:b , urn:c")], ("urn:a", "urn:b", "urn:c")),
    ("repeated headers", [("a2a-extensions", "urn:b"), ("a2a-extensions", "urn:a")], ("urn:b", "urn:a")),
    ("each once", [("a2a-extensions", "urn:a,urn:b,urn:a"), ("a2a-extensions", "urn:b")], ("urn:a", "urn:b")),
    ("the name of 0.3", [("X-A2A-Extensions", "urn:a")], ("urn:a",)),
    ("both names", [("x-a2a-extensions", "urn:a"), ("a2a-extensions", "urn:a,urn:b")], ("urn:a", "urn:b")),
    ("empty members", [("a2a-extensions", " , ,urn:a,, ")], ("urn:a",)),
    ("nothing", [("a2a-extensions", "")], ()),
    ("bytes", [("a2a-extensions", b"urn:a")], ("urn:a",)),
]


@pytest.mark.parametrize(("pairs", "uris"), named(EXTENSIONS))
def test_extensions_that_are_asked_for(pairs: list[tuple[str, str | bytes]], uris: tuple[str, ...]) -> None:
    assert metadata.extensions(pairs) == uris
    again = metadata.to_metadata({}, "1.0", uris)
    assert metadata.extensions(again) == uris
    assert sum(name == "a2a-extensions" for name, _ in again) == bool(uris)


VERSIONS = [
    ("named in a header", [("A2A-Version", "1.0")], "", "1.0"),
    ("not named", [("x", "1.0")], "", ""),
    ("empty", [("a2a-version", "")], "", ""),
    ("named in the query", [], "1.0", "1.0"),
    ("the header wins", [("a2a-version", "1.0")], "0.3", "1.0"),
    ("an empty header leaves it to the query", [("a2a-version", "")], "0.3", "0.3"),
    ("patches do not count", [("a2a-version", "1.0.1")], "", "1.0"),
    ("patches of patches neither", [("a2a-version", "1.0.1.7")], "", "1.0"),
    ("leading zeros do not count", [("a2a-version", "01.00")], "", "1.0"),
    ("space around", [("a2a-version", " 1.0 ")], "", "1.0"),
    ("tens are not ones", [("a2a-version", "1.10")], "", "1.10"),
]


@pytest.mark.parametrize(("pairs", "query", "version"), named(VERSIONS))
def test_the_version_that_is_asked_for(pairs: list[tuple[str, str | bytes]], query: str, version: str) -> None:
    assert metadata.version(pairs, query) == version


@pytest.mark.parametrize(
    "text", ["1", "v1.0", "1.", ".1", "1.0-beta", "1,0", "one", "-1.0", "1.0 1.0", "12345.0", "1.0."]
)
def test_what_is_no_version(text: str) -> None:
    assert refusal(lambda: metadata.version([("a2a-version", text)])).path == "A2A-Version"
    assert refusal(lambda: metadata.version([], text)).path == "A2A-Version"


def test_digits_of_another_script_make_no_version() -> None:
    refusal(lambda: metadata.version([], "１.０"))


def test_what_goes_to_an_agent() -> None:
    headers = {"authorization": "Bearer a", "x-trace-bin": "+/8"}
    named = {"a2a-version": "1.0", "a2a-extensions": "urn:a,urn:b"}
    assert metadata.parameters("1.0", ("urn:a", "urn:b")) == named
    assert metadata.parameters("0.3", ("urn:a",)) == {"a2a-version": "0.3", "x-a2a-extensions": "urn:a"}
    assert metadata.parameters("1.0", ()) == {"a2a-version": "1.0"}
    assert metadata.to_metadata(headers, "1.0", ("urn:a", "urn:b")) == [
        ("authorization", "Bearer a"),
        ("x-trace-bin", b"\xfb\xff"),
        ("a2a-version", "1.0"),
        ("a2a-extensions", "urn:a,urn:b"),
        ("x-a2a-extensions", "urn:a,urn:b"),
    ]
    assert metadata.requested("0.3", ("urn:a",)) == metadata.parameters("0.3", ("urn:a",))
    assert metadata.requested("1.0", ()) == metadata.parameters("1.0", ())


FORWARDABLE = ["x-trace", "x-api-key", "x-trace-bin", "authorization", "traceparent", "a.b_c", "forwarded"]
NOT_FORWARDABLE = [
    *("", ":path", "X-Trace", "x trace", "x-tracé", "x:y", "host", "te", "trailer", "transfer-encoding", "connection"),
    *("keep-alive", "upgrade", "expect", "content-type", "content-length", "grpc-timeout", "grpc-status", "cookie"),
    *("set-cookie", "proxy-authorization", "proxy-connection", "origin", "accept", "accept-encoding", "user-agent"),
    *("a2a-version", "a2a-extensions", "x-a2a-extensions", "a2a-agent"),
]


def test_what_the_configuration_may_add_to_the_list() -> None:
    assert [name for name in FORWARDABLE if not metadata.is_forwardable(name)] == []
    assert [name for name in NOT_FORWARDABLE if metadata.is_forwardable(name)] == []


SIZES = [
    ("as many as may be", [("a", "")] * 3, False),
    ("one more", [("a", "")] * 4, True),
    ("as large as may be", [("name", "v" * 16)], False),
    ("one byte more", [("name", "v" * 17)], True),
    ("names count", [("n" * 21, "")], True),
    ("bytes count", [("name", b"v" * 17)], True),
    ("all together count", [("a", "v" * 9), ("b", "v" * 10)], True),
]


@pytest.mark.parametrize(("pairs", "too_large"), named(SIZES))
def test_how_much_may_come(pairs: list[tuple[str, str | bytes]], too_large: bool) -> None:
    if too_large:
        assert refusal(lambda: metadata.check_size(pairs, 3, 20)).too_large
    else:
        metadata.check_size(pairs, 3, 20)


def test_splitting_a_list_costs_no_more_than_it_is_long() -> None:
    value = "urn:a" + " " * 25_000 + "urn:b"
    begin_s = time.thread_time()
    metadata.extensions([("a2a-extensions", value)])
    assert time.thread_time() - begin_s < 0.5
