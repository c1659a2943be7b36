"""Where the gateway reaches agents: trust, cards, addresses, headers and connections."""
