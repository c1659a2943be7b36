"""Where callers reach the gateway: cards, addresses, probes and what a call names, over real sockets."""
