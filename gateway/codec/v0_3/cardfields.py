"""Agent cards on gRPC and HTTP+JSON, field by field.

The addresses and the extended card stand elsewhere in each version; signatures are left out, since
they hold for the card that was signed and for no other form of it.
"""

from gateway.codec.v0_3 import addresses
from gateway.codec.v0_3.addresses import Address
from gateway.codec.v0_3.choices import Choices
from gateway.codec.v0_3.pairs import Pair
from generated.a2a.v0_3 import a2a_pb as old
from generated.a2a.v1 import a2a_pb as a2a


def _say_addresses(card: a2a.AgentCard, made: old.AgentCard, choices: Choices) -> None:
    first, *others = addresses.of_0_3(
        Address(one.url, one.protocol_binding, one.protocol_version) for one in card.supported_interfaces
    )
    made.url, made.preferred_transport, made.protocol_version = first.url, first.transport, first.version
    made.additional_interfaces = [old.AgentInterface(url=one.url, transport=one.transport) for one in others]
    made.supports_authenticated_extended_card = bool(card.capabilities and card.capabilities.extended_agent_card)


def _list_addresses(card: old.AgentCard, made: a2a.AgentCard, choices: Choices) -> None:
    additional = [(one.url, one.transport) for one in card.additional_interfaces]
    made.supported_interfaces = [
        a2a.AgentInterface(url=one.url, protocol_binding=one.transport, protocol_version=one.version)
        for one in addresses.all_of(card.url, card.preferred_transport, card.protocol_version, additional)
    ]
    if card.supports_authenticated_extended_card:
        made.capabilities = made.capabilities or a2a.AgentCapabilities()
        made.capabilities.extended_agent_card = True


PAIRS: tuple[Pair, ...] = (
    Pair(
        a2a.AgentCard,
        old.AgentCard,
        renamed={"security_requirements": "security"},
        lost=("supported_interfaces", "signatures"),
        gone=(
            "url",
            "preferred_transport",
            "additional_interfaces",
            "protocol_version",
            "supports_authenticated_extended_card",
            "signatures",
        ),
        to_v0_3=_say_addresses,
        from_v0_3=_list_addresses,
    ),
    Pair(a2a.AgentProvider, old.AgentProvider),
    Pair(a2a.AgentCapabilities, old.AgentCapabilities, lost=("extended_agent_card",)),
    Pair(a2a.AgentExtension, old.AgentExtension),
    Pair(a2a.AgentSkill, old.AgentSkill, renamed={"security_requirements": "security"}),
    Pair(a2a.StringList, old.StringList),
    Pair(a2a.SecurityRequirement, old.Security),
    Pair(a2a.SecurityScheme, old.SecurityScheme),
    Pair(a2a.APIKeySecurityScheme, old.APIKeySecurityScheme),
    Pair(a2a.HTTPAuthSecurityScheme, old.HTTPAuthSecurityScheme),
    Pair(a2a.OAuth2SecurityScheme, old.OAuth2SecurityScheme),
    Pair(a2a.OpenIdConnectSecurityScheme, old.OpenIdConnectSecurityScheme),
    Pair(a2a.MutualTlsSecurityScheme, old.MutualTlsSecurityScheme),
    Pair(a2a.OAuthFlows, old.OAuthFlows, lost=("device_code",)),
    Pair(a2a.AuthorizationCodeOAuthFlow, old.AuthorizationCodeOAuthFlow, lost=("pkce_required",)),
    Pair(a2a.ClientCredentialsOAuthFlow, old.ClientCredentialsOAuthFlow),
    Pair(a2a.ImplicitOAuthFlow, old.ImplicitOAuthFlow),
    Pair(a2a.PasswordOAuthFlow, old.PasswordOAuthFlow),
)
