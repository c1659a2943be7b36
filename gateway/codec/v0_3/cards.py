"""Agent cards as JSON: those of 0.3 to 1.0 and back, and telling which a card is.

Security schemes carry a `type` and nest nothing, requirements are plain objects, OAuth flows may be
four at once where 1.0 has room for one. For addresses and signatures see `addresses` and `cardfields`.
"""

from enum import Enum

from gateway.codec import protojson
from gateway.codec.jsontext import JsonValue
from gateway.codec.malformed import Bounds
from gateway.codec.v0_3 import addresses
from gateway.codec.v0_3.addresses import Address
from gateway.codec.v0_3.choices import DEFAULT, Choices
from gateway.codec.v0_3.members import (
    FLAG,
    STRUCT,
    TEXT,
    Each,
    EachNamed,
    JsonObject,
    Member,
    Shape,
    Terms,
    an_object,
    plain,
)
from gateway.codec.v0_3.messages import from_v0_3
from gateway.codec.v0_3.variants import OneOf, Variant
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1.a2a_pb import AgentCard


class CardForm(Enum):
    """The version that a card is written in."""

    V0_3 = "0.3"
    V1_0 = "1.0"


def form_of(card: JsonValue) -> CardForm:
    """The form of a card. One in both forms at once, as some agents serve, counts as 1.0: that lists all addresses."""
    members = card if isinstance(card, dict) else {}
    if any(members.get(name) is not None for name in ("supportedInterfaces", "supported_interfaces")):
        return CardForm.V1_0
    return CardForm.V0_3 if members.get("url") is not None else CardForm.V1_0


def read_card(card: JsonValue, bounds: Bounds) -> AgentCard:
    """The card, whichever form it is in. Raises Malformed.

    On HTTP+JSON some agents write the extended card of 0.3 as ProtoJSON, which differs in the shape
    of what is about security; that is taken too.
    """
    if form_of(card) is CardForm.V1_0:
        return protojson.from_value(AgentCard, card, bounds)
    if _is_protojson(card):
        made = from_v0_3(protojson.from_value(old.AgentCard, card, bounds), DEFAULT)
        assert isinstance(made, AgentCard)
        return made
    return protojson.from_value(AgentCard, CARD.read(card, Terms(bounds, DEFAULT)), bounds)


def _is_protojson(card: JsonValue) -> bool:
    match card:
        case {"security": [{"schemes": dict()}, *_]}:
            return True
        case {"securitySchemes": dict() as schemes}:
            return any(isinstance(scheme, dict) and scheme and "type" not in scheme for scheme in schemes.values())
        case _:
            return False


def write_card(card: AgentCard, bounds: Bounds) -> JsonValue:
    """The 0.3 form of a card. Raises Malformed where no address of it speaks 0.3."""
    return CARD.write(protojson.to_value(card, bounds), DEFAULT)


# Security


class _Requirement:
    """Scheme names with their scopes."""

    _scopes = EachNamed(Each(TEXT))

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        schemes = an_object(self._scopes.read(value, terms))
        return {"schemes": {name: {"list": scopes} for name, scopes in schemes.items()}}

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        schemes = value.get("schemes") if isinstance(value, dict) else None
        members = schemes.items() if isinstance(schemes, dict) else ()
        return {name: scopes.get("list", []) if isinstance(scopes, dict) else [] for name, scopes in members}

    def empty(self, choices: Choices) -> JsonValue:
        return {}


_DESCRIPTION = Member("description", TEXT)
_REFRESH_URL = Member("refreshUrl", TEXT)
_SCOPES = Member("scopes", EachNamed(TEXT), demanded=True)
_AUTHORIZATION_URL = Member("authorizationUrl", TEXT, demanded=True)
_TOKEN_URL = Member("tokenUrl", TEXT, demanded=True)


class _Flows:
    """Up to four in 0.3, of which the first of these that is there is kept."""

    _shape = Shape(
        Member("authorizationCode", Shape(_AUTHORIZATION_URL, _TOKEN_URL, _REFRESH_URL, _SCOPES)),
        Member("clientCredentials", Shape(_TOKEN_URL, _REFRESH_URL, _SCOPES)),
        Member("implicit", Shape(_AUTHORIZATION_URL, _REFRESH_URL, _SCOPES)),
        Member("password", Shape(_TOKEN_URL, _REFRESH_URL, _SCOPES)),
    )

    def read(self, value: JsonValue, terms: Terms) -> JsonValue:
        flows = self._shape.read(value, terms)
        kept = next((member.old for member in self._shape.members if member.old in flows), None)
        return {} if kept is None else {kept: flows[kept]}

    def write(self, value: JsonValue, choices: Choices) -> JsonValue:
        return self._shape.write(value, choices)

    def empty(self, choices: Choices) -> JsonValue:
        return {}


def _scheme(kind: str, new: str, *members: Member) -> Variant:
    return Variant(kind, new, Shape(_DESCRIPTION, *members, kind=kind, discriminator="type"), tell="type")


_SECURITY_SCHEME = OneOf(
    _scheme(
        "apiKey",
        "apiKeySecurityScheme",
        Member("in", TEXT, "location", demanded=True),
        Member("name", TEXT, demanded=True),
    ),
    _scheme("http", "httpAuthSecurityScheme", Member("scheme", TEXT, demanded=True), Member("bearerFormat", TEXT)),
    _scheme(
        "oauth2", "oauth2SecurityScheme", Member("flows", _Flows(), demanded=True), Member("oauth2MetadataUrl", TEXT)
    ),
    _scheme("openIdConnect", "openIdConnectSecurityScheme", Member("openIdConnectUrl", TEXT, demanded=True)),
    _scheme("mutualTLS", "mtlsSecurityScheme"),
    discriminator="type",
)
_SECURITY = Member("security", Each(_Requirement()), "securityRequirements")

# What a card holds

_EXTENSION = Shape(
    Member("uri", TEXT, demanded=True),
    Member("description", TEXT),
    Member("required", FLAG),
    Member("params", STRUCT),
)
_SKILL = Shape(
    Member("id", TEXT, demanded=True),
    Member("name", TEXT, demanded=True),
    Member("description", TEXT, demanded=True),
    Member("tags", Each(TEXT), demanded=True),
    *plain(Each(TEXT), "examples", "inputModes", "outputModes"),
    _SECURITY,
)
_INTERFACE = Shape(Member("url", TEXT, demanded=True), Member("transport", TEXT, demanded=True))


def _list_addresses(card: JsonObject, choices: Choices) -> None:
    url, transport, version = (
        _text(card.pop(name, "")) for name in ("url", "preferredTransport", "protocolVersion")
    )
    others = card.pop("additionalInterfaces", [])
    additional = [
        (_text(one.get("url")), _text(one.get("transport")))
        for one in (others if isinstance(others, list) else [])
        if isinstance(one, dict)
    ]
    card["supportedInterfaces"] = [
        {"url": one.url, "protocolBinding": one.transport, "protocolVersion": one.version}
        for one in addresses.all_of(url, transport, version, additional)
    ]
    extended = card.pop("supportsAuthenticatedExtendedCard", None)
    if extended is not None:
        card["capabilities"] = {**an_object(card.get("capabilities", {})), "extendedAgentCard": extended}


def _say_addresses(card: JsonObject, choices: Choices) -> None:
    listed = card.get("supportedInterfaces")
    given = [
        Address(_text(one.get("url")), _text(one.get("protocolBinding")), _text(one.get("protocolVersion")))
        for one in (listed if isinstance(listed, list) else [])
        if isinstance(one, dict)
    ]
    first, *others = addresses.of_0_3(given)
    card |= {"url": first.url, "preferredTransport": first.transport, "protocolVersion": first.version}
    if others:
        card["additionalInterfaces"] = [{"url": one.url, "transport": one.transport} for one in others]
    capabilities = card.get("capabilities")
    if isinstance(capabilities, dict) and "extendedAgentCard" in capabilities:
        card["supportsAuthenticatedExtendedCard"] = capabilities["extendedAgentCard"]


def _text(value: JsonValue) -> str:
    return value if isinstance(value, str) else ""


CARD = Shape(
    *(Member(name, TEXT, demanded=True) for name in ("name", "description", "version", "url")),
    *plain(TEXT, "protocolVersion", "preferredTransport", "documentationUrl", "iconUrl"),
    Member("additionalInterfaces", Each(_INTERFACE)),
    Member("provider", Shape(Member("url", TEXT, demanded=True), Member("organization", TEXT, demanded=True))),
    Member(
        "capabilities",
        Shape(*plain(FLAG, "streaming", "pushNotifications"), Member("extensions", Each(_EXTENSION))),
        demanded=True,
    ),
    Member("supportsAuthenticatedExtendedCard", FLAG),
    Member("securitySchemes", EachNamed(_SECURITY_SCHEME)),
    _SECURITY,
    *(Member(name, Each(TEXT), demanded=True) for name in ("defaultInputModes", "defaultOutputModes")),
    Member("skills", Each(_SKILL), demanded=True),
    reading=_list_addresses,
    writing=_say_addresses,
)
"""A 0.3 card; its signatures are left out in both directions."""
