"""Which form a card is in, and what is made of it."""

from typing import Any

import pytest

from gateway.codec import protojson
from gateway.codec.malformed import Bounds
from gateway.codec.v0_3.addresses import speaks_0_3
from gateway.codec.v0_3.cards import CardForm, form_of, read_card, write_card
from generated.a2a.v1 import a2a_pb as a2a
from tests.codec.tables import named, refusal

BOUNDS = Bounds()
LISTED = [{"url": "https://n", "protocolBinding": "JSONRPC", "protocolVersion": "1.0"}]

FORMS: list[tuple[str, Any, CardForm]] = [
    ("one that lists its addresses", {"name": "n", "supportedInterfaces": LISTED}, CardForm.V1_0),
    ("one that lists none", {"name": "n", "supportedInterfaces": []}, CardForm.V1_0),
    ("one in snake case", {"supported_interfaces": LISTED}, CardForm.V1_0),
    ("one with an address", {"name": "n", "url": "https://o"}, CardForm.V0_3),
    ("one with a null list", {"url": "https://o", "supportedInterfaces": None}, CardForm.V0_3),
    ("one in both forms, which lists all its addresses", {"url": "https://o", "supportedInterfaces": LISTED}, CardForm.V1_0),
    ("one that says neither", {"name": "n"}, CardForm.V1_0),
    ("no card", [], CardForm.V1_0),
]


@pytest.mark.parametrize(("card", "form"), named(FORMS))
def test_the_form_of_a_card(card: Any, form: CardForm) -> None:
    assert form_of(card) is form


def test_a_card_is_read_in_whichever_form_it_is() -> None:
    new = read_card({"name": "n", "supportedInterfaces": LISTED, "url": "https://o", "unknown": 1}, BOUNDS)
    assert [one.url for one in new.supported_interfaces] == ["https://n"]
    old = read_card({"name": "n", "url": "https://o", "preferredTransport": "GRPC", "unknown": 1}, BOUNDS)
    address = a2a.AgentInterface(url="https://o", protocol_binding="GRPC", protocol_version="0.3")
    assert old.supported_interfaces == [address]


FLOW = {"authorizationUrl": "https://a", "tokenUrl": "https://t"}
SECURED: list[tuple[str, Any, Any]] = [
    (
        "as JSON-RPC has it",
        {"securitySchemes": {"k": {"type": "oauth2", "flows": {"authorizationCode": FLOW}}}, "security": [{"k": ["x"]}]},
        {
            "securitySchemes": {"k": {"oauth2SecurityScheme": {"flows": {"authorizationCode": FLOW}}}},
            "securityRequirements": [{"schemes": {"k": {"list": ["x"]}}}],
        },
    ),
    (
        "as gRPC has it",
        {
            "securitySchemes": {"k": {"oauth2SecurityScheme": {"flows": {"authorizationCode": FLOW}}}},
            "security": [{"schemes": {"k": {"list": ["x"]}}}],
        },
        {
            "securitySchemes": {"k": {"oauth2SecurityScheme": {"flows": {"authorizationCode": FLOW}}}},
            "securityRequirements": [{"schemes": {"k": {"list": ["x"]}}}],
        },
    ),
    ("as gRPC has it, schemes alone", {"securitySchemes": {"k": {"mtlsSecurityScheme": {}}}}, {"securitySchemes": {"k": {"mtlsSecurityScheme": {}}}}),
    ("as gRPC has it, requirements alone", {"security": [{"schemes": {"k": {}}}]}, {"securityRequirements": [{"schemes": {"k": {}}}]}),
    ("a scheme that is called schemes", {"security": [{"schemes": ["x"]}]}, {"securityRequirements": [{"schemes": {"schemes": {"list": ["x"]}}}]}),
]


@pytest.mark.parametrize(("security", "new"), named(SECURED))
def test_both_ways_to_say_what_is_about_security_are_taken(security: Any, new: Any) -> None:
    address = {"url": "https://o", "protocolBinding": "JSONRPC", "protocolVersion": "0.3"}
    card = read_card({"name": "n", "url": "https://o", **security}, BOUNDS)
    assert card == protojson.from_value(a2a.AgentCard, {"name": "n", "supportedInterfaces": [address], **new}, BOUNDS)


def test_a_refusal_names_the_place_in_the_form_that_was_given() -> None:
    error = refusal(lambda: read_card({"url": "https://o", "additionalInterfaces": [{"url": 1}]}, BOUNDS))
    assert (error.path, error.problem) == ("additionalInterfaces[0].url", "expected a string, got a number")


def test_what_0_3_demands_is_written_even_when_it_is_empty() -> None:
    card = protojson.from_value(
        a2a.AgentCard, {"supportedInterfaces": [{"url": "https://o", "protocolVersion": "0.3"}], "skills": [{}]}, BOUNDS
    )
    assert write_card(card, BOUNDS) == {
        "name": "",
        "description": "",
        "version": "",
        "url": "https://o",
        "protocolVersion": "0.3",
        "preferredTransport": "JSONRPC",
        "capabilities": {},
        "defaultInputModes": [],
        "defaultOutputModes": [],
        "skills": [{"id": "", "name": "", "description": "", "tags": []}],
    }


@pytest.mark.parametrize(
    ("version", "speaks"),
    [
        *((version, True) for version in ("", "0.3", "0.3.0", "0.4", "0.10")),
        *((version, False) for version in ("0.2.5", "0.30x", "1.0", "1.0.3", "10.3", "0", "v0.3")),
    ],
)
def test_which_versions_a_0_3_client_may_use(version: str, speaks: bool) -> None:
    assert speaks_0_3(version) is speaks
