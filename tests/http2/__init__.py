"""HTTP/2 as both sides of the gateway have it."""
