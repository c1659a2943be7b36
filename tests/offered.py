"""What the gateway adds to every card of an agent that streams: it speaks token deltas for it."""

from typing import Any

DELTAS = {
    "uri": "https://a2a-extensions.adk.kagenti.dev/ui/streaming/v1",
    "description": "Enables fine-grained streaming of token chunks.",
}


def with_deltas(card: Any) -> Any:
    """A card as JSON, as the gateway shows it."""
    capabilities = card.get("capabilities", {})
    if not capabilities.get("streaming"):
        return card
    extensions = [*capabilities.get("extensions", ()), DELTAS]
    return {**card, "capabilities": {**capabilities, "extensions": extensions}}
